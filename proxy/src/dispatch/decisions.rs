//! Records of the last choices with their inputs: they answer "why was this car sent there?"
//!
//! A record costs more than the choice itself. So at most a hundred per second are made, which no request notices. With
//! little traffic every choice is recorded.

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

/// Number of records kept.
const KEPT: usize = 256;
/// The least time between two records, in milliseconds.
const APART: u64 = 10;

/// One choice. Substations are identified by their positions in its grid.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The grid that it was made from.
    pub grid: Arc<Grid>,
    /// When it was made.
    pub at: Moment,
    /// The load of the charge.
    pub load: Load,
    /// Position of the chosen substation.
    pub chosen: usize,
    /// Why that one was chosen.
    pub reason: Reason,
    /// The weight of the gauges, 0 to 1 (see the docs on several proxies).
    pub share: f64,
    /// By how much the best score is below the second best.
    pub margin: Option<f64>,
    candidates: Explanation,
    sampled_at: [Option<Moment>; explain::MAX_CANDIDATES],
}

/// The last records. Shared by all dispatchers.
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
    /// Whether a choice made at `now` should be recorded. True for one caller only.
    pub(super) fn should_record(&self, now: Moment) -> bool {
        let next = self.next_at.load(Relaxed);
        now.millis() >= next
            && self
                .next_at
                .compare_exchange(next, now.millis() + APART, Relaxed, Relaxed)
                .is_ok()
    }

    /// Stores a record in place of the oldest one.
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
    /// The record of a choice, with the candidates as they were right before it.
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
        let mut sampled_at = [None; explain::MAX_CANDIDATES];
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
            "a second caller at the same time"
        );
    }
}
