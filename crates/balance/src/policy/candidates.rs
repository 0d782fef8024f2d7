//! What a policy chooses from: the upstreams as they stand, for one request.

use std::{marker::PhantomData, sync::Arc};

use crate::{Ledger, Load, Roster};

/// Which upstreams may be chosen, and how each is weighed.
///
/// There are three, and mostly only the first one is needed. They are types, so that the one loop whose speed
/// shows is compiled for each and asks nothing.
pub(crate) trait Eligibility {
    /// The factor that turns a load into a score. NaN for one that may not be chosen: no score made with it is
    /// ever less than another.
    fn weight(ledger: &Ledger) -> f64;

    /// Whether it can take `load`, with `assigned` as read.
    fn has_room(ledger: &Ledger, assigned: i64, load: Load) -> bool {
        ledger.has_room(assigned, load)
    }

    /// Whether the weights are those that the groups' floors are made from.
    const HAS_FLOORS: bool = false;
}

/// Those in rotation that have been sampled: the rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampled;

impl Eligibility for Sampled {
    const HAS_FLOORS: bool = true;

    #[inline]
    fn weight(ledger: &Ledger) -> f64 {
        ledger.weight()
    }
}

/// Those in rotation that have never been sampled: where there is no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsampled;

impl Eligibility for Unsampled {
    fn weight(ledger: &Ledger) -> f64 {
        if ledger.is_in() && !ledger.is_sampled() {
            ledger.inverse_capacity()
        } else {
            f64::NAN
        }
    }
}

/// Those whose sample is old, full or not: where nobody else has room. An estimate that nothing has corrected
/// for so long is no reason to turn everyone away; the upstream will say itself if it is full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stale;

impl Eligibility for Stale {
    fn weight(ledger: &Ledger) -> f64 {
        if ledger.is_stale() {
            ledger.weight()
        } else {
            f64::NAN
        }
    }

    fn has_room(_: &Ledger, _: i64, _: Load) -> bool {
        true
    }
}

/// The upstreams, for one request.
#[derive(Debug)]
pub(crate) struct Candidates<'a, U, E> {
    pub(crate) roster: &'a Roster<U>,
    pub(crate) load: Load,
    /// Positions that are left out.
    pub(crate) tried: &'a [usize],
    share: f64,
    request: f64,
    typical: f64,
    eligibility: PhantomData<E>,
}

/// One upstream as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) at: usize,
    pub(crate) assigned: i64,
    pub(crate) score: f64,
}

impl<'a, U: AsRef<Ledger>, E: Eligibility> Candidates<'a, U, E> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "loads stay below 2^53 millionths"
    )]
    pub(crate) fn new(roster: &'a Roster<U>, load: Load, tried: &'a [usize]) -> Self {
        Self {
            roster,
            load,
            tried,
            share: roster.share(),
            request: load.micros() as f64,
            typical: roster.typical().micros() as f64,
            eligibility: PhantomData,
        }
    }

    /// By how much the request is greater than the typical one, in millionths.
    #[inline]
    pub(crate) fn more_than_typical(&self) -> f64 {
        self.request - self.typical
    }

    /// What an upstream scores for the typical request, and its weight.
    #[inline]
    pub(crate) fn typical(&self, ledger: &Ledger) -> (f64, f64) {
        let weight = E::weight(ledger);
        let load = ledger.shared_estimate_from(ledger.assigned(), self.share) + self.typical;
        (load * weight, weight)
    }

    /// An upstream as it stands. Its score is NaN if it may not be chosen.
    #[inline]
    pub(crate) fn read(&self, at: usize, ledger: &Ledger) -> Candidate {
        let assigned = ledger.assigned();
        let load = ledger.shared_estimate_from(assigned, self.share) + self.request;
        Candidate {
            at,
            assigned,
            score: load * E::weight(ledger),
        }
    }

    /// Whether it may be chosen, has room, and was not tried.
    #[inline]
    pub(crate) fn is_fit(&self, candidate: &Candidate, ledger: &Ledger) -> bool {
        !candidate.score.is_nan()
            && E::has_room(ledger, candidate.assigned, self.load)
            && !self.tried.contains(&candidate.at)
    }

    /// All that are fit.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Candidate> + Clone {
        let upstreams = self.roster.iter().enumerate();
        upstreams.filter_map(|(at, upstream): (usize, &Arc<U>)| {
            let ledger = (**upstream).as_ref();
            let candidate = self.read(at, ledger);
            self.is_fit(&candidate, ledger).then_some(candidate)
        })
    }
}

impl Candidate {
    pub(crate) fn chosen(&self) -> super::Chosen {
        super::Chosen {
            at: self.at,
            assigned: self.assigned,
            is_tie: false,
        }
    }
}

/// The `n`th candidate, or the last one if some vanished since they were counted.
pub(super) fn nth(candidates: impl Iterator<Item = Candidate>, n: usize) -> Option<Candidate> {
    candidates.take(n + 1).last()
}
