//! The last choices, with what they were made from: the answer to «why did it send that car there?»
//!
//! A record costs more than the choice it tells of, so under load only one in a while is kept: at most a
//! hundred a second, which are as many as a person can want and no request feels. At a quiet hour that is all of them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use switchyard_balance::{Choice, Explanation, Load, Reason, explain};

use switchyard_grid::{Grid, Moment, Substation};

/// Records kept.
const KEPT: usize = 256;
/// The least time between two records, in milliseconds.
const APART: u64 = 10;

/// One choice. Substations are told of by their positions in its grid.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What it was made from.
    pub grid: Arc<Grid>,
    /// When it was made.
    pub at: Moment,
    /// The load that was placed.
    pub load: Load,
    /// Where it went.
    pub chosen: usize,
    /// Why there.
    pub reason: Reason,
    /// The share of the gauges that counted.
    pub share: f64,
    /// By how much the best score was below the next.
    pub margin: Option<f64>,
    candidates: Explanation,
    sampled_at: [Option<Moment>; explain::MOST],
}

/// The last records. Shared by all lanes.
#[derive(Debug)]
pub struct Decisions {
    kept: Mutex<VecDeque<Decision>>,
    next_at: AtomicU64,
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            kept: Mutex::new(VecDeque::with_capacity(KEPT)),
            next_at: AtomicU64::new(0),
        }
    }
}

impl Decisions {
    /// Whether a choice made at `now` should be recorded. Says yes to one lane only.
    pub(super) fn should_record(&self, now: Moment) -> bool {
        let next = self.next_at.load(Relaxed);
        now.millis() >= next
            && self
                .next_at
                .compare_exchange(next, now.millis() + APART, Relaxed, Relaxed)
                .is_ok()
    }

    /// Keeps a choice; the oldest one gives way.
    pub fn record(&self, decision: Decision) {
        let mut kept = self.kept.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(decision);
    }

    /// The last `limit` records, the newest first.
    #[must_use]
    pub fn last(&self, limit: usize) -> Vec<Decision> {
        self.kept.lock().iter().rev().take(limit).cloned().collect()
    }
}

impl Decision {
    /// The record of a choice, with the candidates as they stood right before.
    #[must_use]
    pub fn new(
        grid: &Arc<Grid>,
        at: Moment,
        load: Load,
        choice: &Choice<Substation>,
        mut candidates: Explanation,
    ) -> Self {
        let margin = candidates.margin();
        candidates.include(choice.at, grid.roster());
        let mut sampled_at = [None; explain::MOST];
        for (slot, candidate) in sampled_at.iter_mut().zip(candidates.candidates()) {
            let substation = grid.substations().get(candidate.at);
            *slot = substation.and_then(|substation| substation.sampled_at());
        }
        Self {
            grid: Arc::clone(grid),
            at,
            load,
            chosen: choice.at,
            reason: choice.reason,
            share: grid.roster().share(),
            margin,
            candidates,
            sampled_at,
        }
    }

    /// The best candidates, the best one first, each with the moment of its last sample.
    pub fn candidates(&self) -> impl Iterator<Item = (&explain::Candidate, Option<Moment>)> {
        self.candidates.candidates().zip(self.sampled_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_spaced_and_one_worker_makes_each() {
        let decisions = Decisions::default();
        let kept = (0..1_000)
            .filter(|millis| decisions.should_record(Moment::from_millis(*millis)))
            .count();
        assert_eq!(kept, 100);
        assert!(decisions.should_record(Moment::from_millis(5_000)));
        assert!(
            !decisions.should_record(Moment::from_millis(5_000)),
            "another lane, at once"
        );
    }
}
