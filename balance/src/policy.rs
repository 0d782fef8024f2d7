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

/// One candidate as a scan read it.
#[derive(Clone, Copy)]
struct Candidate {
    at: usize,
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
        for (_, upstream) in untried(upstreams, tried) {
            let ledger = (**upstream).as_ref();
            if ledger.is_in() {
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
            let candidates = candidates(upstreams, load, tried, weight);
            let chosen = match self.policy {
                Policy::LeastLoad => lowest(candidates, rng)?,
                Policy::PowerOfTwo => lower_of_two(candidates, rng)?,
                Policy::RoundRobin => {
                    let count = candidates.clone().count();
                    let turn = self.turn.fetch_add(1, Relaxed).checked_rem(count)?;
                    nth(candidates, turn)?
                }
                Policy::Random => {
                    let count = candidates.clone().count();
                    nth(candidates, (count > 0).then(|| rng.usize(..count))?)?
                }
            };
            let upstream = upstreams.get(chosen.at)?;
            if (**upstream).as_ref().reserve_from(chosen.assigned, load) {
                return Some((chosen.at, Reservation::new(Arc::clone(upstream), load)));
            }
        }
    }
}

fn untried<'a, U>(
    upstreams: &'a [Arc<U>],
    tried: &'a [usize],
) -> impl Iterator<Item = (usize, &'a Arc<U>)> + Clone {
    upstreams
        .iter()
        .enumerate()
        .filter(|(at, _)| tried.is_empty() || !tried.contains(at))
}

#[inline]
fn candidates<'a, U: AsRef<Ledger>>(
    upstreams: &'a [Arc<U>],
    load: Load,
    tried: &'a [usize],
    weight: impl Fn(&Ledger) -> f64 + Copy + 'a,
) -> impl Iterator<Item = Candidate> + Clone + 'a {
    untried(upstreams, tried).filter_map(move |(at, upstream)| {
        let ledger = (**upstream).as_ref();
        let assigned = ledger.assigned();
        #[expect(
            clippy::cast_precision_loss,
            reason = "loads stay below 2^53 millionths"
        )]
        let score = (ledger.estimate_from(assigned) + load.micros()) as f64 * weight(ledger);
        (!score.is_nan() && ledger.has_room(assigned, load)).then_some(Candidate {
            at,
            assigned,
            score,
        })
    })
}

/// The lowest score; one of them at random where several share it.
#[expect(
    clippy::float_cmp,
    reason = "equal loads on equal capacities give equal bits"
)]
fn lowest(candidates: impl Iterator<Item = Candidate> + Clone, rng: &mut Rng) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    let mut ties = 0;
    for candidate in candidates.clone() {
        match best {
            Some(held) if candidate.score > held.score => {}
            Some(held) if candidate.score == held.score => ties += 1,
            _ => {
                best = Some(candidate);
                ties = 1;
            }
        }
    }
    let held = best?;
    if ties == 1 {
        return best;
    }
    // One draw and half a second pass, instead of a draw for each tie.
    let drawn = rng.usize(..ties);
    candidates
        .filter(|candidate| candidate.score == held.score)
        .nth(drawn)
        .or(best)
}

fn lower_of_two(
    candidates: impl Iterator<Item = Candidate> + Clone,
    rng: &mut Rng,
) -> Option<Candidate> {
    let count = candidates.clone().count();
    let first = (count > 0).then(|| rng.usize(..count))?;
    if count == 1 {
        return nth(candidates, first);
    }
    // Drawn from the others, so that the two are never one.
    let second = (first + 1 + rng.usize(..count - 1)) % count;
    let pair = [nth(candidates.clone(), first), nth(candidates, second)];
    lowest(pair.into_iter().flatten(), rng)
}

/// The `n`th candidate, or the last one if some vanished since they were counted.
fn nth(candidates: impl Iterator<Item = Candidate>, n: usize) -> Option<Candidate> {
    candidates.take(n + 1).last()
}

#[cfg(test)]
mod tests;
