//! The choice, and the reservation that is part of it.
//!
//! `least_load` takes the lowest `(estimate + request) / capacity` and breaks ties at random; a scan of all
//! upstreams, because the best of all is what an exact estimate makes worth having (on raw gauges the best
//! of all herds: Mitzenmacher, "How useful is old information?", 2000). The others are here to be compared
//! with, and for backends that publish nothing.
//!
//! A choice and its reservation are one step: the reservation only succeeds if the chosen account still
//! stands where the scan read it. If another thread was faster, the scan is done again. Accounts that were
//! passed over may have changed meanwhile, but a reservation elsewhere only makes them worse choices.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use fastrand::Rng;

use crate::{Ledger, Load, Reservation};

/// How an upstream is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The lowest estimate against capacity.
    #[default]
    LeastLoad,
    /// The better of two drawn at random.
    PowerOfTwo,
    /// Each in its turn.
    RoundRobin,
    /// Any.
    Random,
}

impl Policy {
    /// Every policy, in the order in which they are documented.
    pub const ALL: [Self; 4] = [
        Self::LeastLoad,
        Self::PowerOfTwo,
        Self::RoundRobin,
        Self::Random,
    ];

    /// Its name in configuration and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastLoad => "least_load",
            Self::PowerOfTwo => "power_of_two",
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
        }
    }
}

/// Why nothing was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are upstreams in rotation, and none has room for the request.
    NoCapacity,
    /// No upstream is in rotation.
    NoUpstream,
}

/// Where a choice fell, and `assigned` as it was read there: what its reservation is made from.
type Chosen = (usize, i64);

/// One candidate as a scan read it.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    at: usize,
    ledger: &'a Ledger,
    load: Load,
    assigned: i64,
    score: f64,
}

/// A policy with the little state it needs between choices. Shared by all threads.
#[derive(Debug, Default)]
pub struct Selector {
    policy: Policy,
    turn: AtomicUsize,
}

impl Selector {
    /// A selector of this policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            turn: AtomicUsize::new(0),
        }
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Chooses among `upstreams`, leaving out those whose index is in `tried`, and reserves `load`.
    ///
    /// Upstreams without a sample are used only while none in rotation has one. Allocates nothing and takes
    /// no lock; O(n) for `least_load`.
    pub fn reserve<U: AsRef<Ledger>>(
        &self,
        upstreams: &[Arc<U>],
        load: Load,
        tried: &[usize],
        rng: &mut Rng,
    ) -> Result<(usize, Reservation<U>), Refusal> {
        // The others' weights are NaN until a sample comes, so nothing is scored against them: while any
        // has been sampled, this is the only pass.
        let weight = |ledger: &Ledger| ledger.weight();
        if let Some(chosen) = self.reserve_among(upstreams, load, tried, rng, weight) {
            return Ok(chosen);
        }
        let mut refusal = Refusal::NoUpstream;
        for (at, upstream) in upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if ledger.is_in() && !tried.contains(&at) {
                refusal = Refusal::NoCapacity;
                if ledger.is_sampled() {
                    return Err(refusal);
                }
            }
        }
        let weight = |ledger: &Ledger| {
            if ledger.is_in() && !ledger.is_sampled() {
                ledger.inverse_capacity()
            } else {
                f64::NAN
            }
        };
        self.reserve_among(upstreams, load, tried, rng, weight)
            .ok_or(refusal)
    }

    fn reserve_among<U: AsRef<Ledger>>(
        &self,
        upstreams: &[Arc<U>],
        load: Load,
        tried: &[usize],
        rng: &mut Rng,
        weight: impl Fn(&Ledger) -> f64 + Copy,
    ) -> Option<(usize, Reservation<U>)> {
        loop {
            let candidates = upstreams.iter().enumerate().filter_map(|(at, upstream)| {
                let candidate = Candidate::read(at, (**upstream).as_ref(), load, weight);
                (candidate.is_fit() && !tried.contains(&at)).then_some(candidate)
            });
            let (at, assigned) = match self.policy {
                Policy::LeastLoad => lowest(upstreams, load, tried, rng, weight)?,
                Policy::PowerOfTwo => lower_of_two(candidates, rng)?.chosen(),
                Policy::RoundRobin => {
                    let count = candidates.clone().count();
                    let turn = self.turn.fetch_add(1, Relaxed).checked_rem(count)?;
                    nth(candidates, turn)?.chosen()
                }
                Policy::Random => {
                    let count = candidates.clone().count();
                    nth(candidates, (count > 0).then(|| rng.usize(..count))?)?.chosen()
                }
            };
            let upstream = upstreams.get(at)?;
            if (**upstream).as_ref().reserve_from(assigned, load) {
                return Some((at, Reservation::new(Arc::clone(upstream), load)));
            }
        }
    }
}

impl<'a> Candidate<'a> {
    #[inline]
    fn read(at: usize, ledger: &'a Ledger, load: Load, weight: impl Fn(&Ledger) -> f64) -> Self {
        let assigned = ledger.assigned();
        #[expect(
            clippy::cast_precision_loss,
            reason = "loads stay below 2^53 millionths"
        )]
        let score = (ledger.estimate_from(assigned) + load.micros()) as f64 * weight(ledger);
        Self {
            at,
            ledger,
            load,
            assigned,
            score,
        }
    }

    fn chosen(&self) -> Chosen {
        (self.at, self.assigned)
    }

    /// Whether it is in rotation and has room.
    #[inline]
    fn is_fit(&self) -> bool {
        !self.score.is_nan() && self.ledger.has_room(self.assigned, self.load)
    }
}

/// The lowest score; one of them at random where several share it.
///
/// The one loop of this crate whose speed shows: on a thousand upstreams it is most of a decision. So what
/// is rarely true is asked last, a score of NaN falls through the first comparison, and ties are only noted
/// down (equal loads on equal capacities give equal bits). If there are more than fit the note, the first of
/// them from a random start are as good as any.
fn lowest<U: AsRef<Ledger>>(
    upstreams: &[Arc<U>],
    load: Load,
    tried: &[usize],
    rng: &mut Rng,
    weight: impl Fn(&Ledger) -> f64 + Copy,
) -> Option<Chosen> {
    const NOTED: usize = 8;
    let start = if upstreams.len() > NOTED {
        rng.usize(..upstreams.len())
    } else {
        0
    };
    let (wrapped, first) = upstreams.split_at_checked(start)?;
    let from_start = (start..).zip(first).chain((0..).zip(wrapped));

    let mut lowest = f64::INFINITY;
    let mut noted = [(0, 0); NOTED];
    let mut ties = 0;
    // `for_each` runs over the two halves in two plain loops; `for` would ask before each step which it is in.
    from_start.for_each(|(at, upstream)| {
        let candidate = Candidate::read(at, (**upstream).as_ref(), load, weight);
        if candidate.score <= lowest {
            let is_lower = candidate.score < lowest;
            if (is_lower || ties < NOTED) && candidate.is_fit() && !tried.contains(&at) {
                ties = if is_lower { 0 } else { ties };
                lowest = candidate.score;
                if let Some(slot) = noted.get_mut(ties) {
                    *slot = (at, candidate.assigned);
                    ties += 1;
                }
            }
        }
    });
    let drawn = if ties > 1 { rng.usize(..ties) } else { 0 };
    noted.get(..ties)?.get(drawn).copied()
}

fn lower_of_two<'a>(
    candidates: impl Iterator<Item = Candidate<'a>> + Clone,
    rng: &mut Rng,
) -> Option<Candidate<'a>> {
    let count = candidates.clone().count();
    let first = (count > 0).then(|| rng.usize(..count))?;
    let one = nth(candidates.clone(), first)?;
    if count == 1 {
        return Some(one);
    }
    // Drawn from the others, so that the two are never one.
    let other = nth(candidates, (first + 1 + rng.usize(..count - 1)) % count)?;
    // The first of the two was drawn at random, so keeping it breaks a tie at random.
    Some(if other.score < one.score { other } else { one })
}

/// The `n`th candidate, or the last one if some vanished since they were counted.
fn nth<'a>(candidates: impl Iterator<Item = Candidate<'a>>, n: usize) -> Option<Candidate<'a>> {
    candidates.take(n + 1).last()
}

#[cfg(test)]
mod tests;
