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

use crate::{
    clock::Moment,
    grid::{Grid, Substation},
};

/// Records kept.
const KEPT: usize = 256;
/// The least time between two records, in milliseconds.
const APART: u64 = 10;

/// One choice.
#[derive(Clone, Debug)]
pub struct Decision {
    /// When it was made.
    pub at: Moment,
    /// The load that was placed.
    pub load: Load,
    /// Where it went.
    pub chosen: Arc<Substation>,
    /// Why there.
    pub reason: Reason,
    /// The share of the gauges that counted.
    pub share: f64,
    /// By how much the best score was below the next.
    pub margin: Option<f64>,
    /// The best candidates, the best one first.
    pub candidates: [Option<Considered>; explain::MOST],
}

/// One candidate of a choice.
#[derive(Clone, Debug)]
pub struct Considered {
    /// Who it was.
    pub substation: Arc<Substation>,
    /// When its last sample had come.
    pub sampled_at: Option<Moment>,
    /// How it stood.
    pub stood: explain::Candidate,
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
    pub(super) fn wants(&self, now: Moment) -> bool {
        let next = self.next_at.load(Relaxed);
        now.millis() >= next
            && self
                .next_at
                .compare_exchange(next, now.millis() + APART, Relaxed, Relaxed)
                .is_ok()
    }

    /// Keeps a choice; the oldest one gives way.
    pub(super) fn keep(&self, decision: Decision) {
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
    pub(super) fn new(
        grid: &Grid,
        at: Moment,
        load: Load,
        choice: &Choice<Substation>,
        explanation: &Explanation,
    ) -> Self {
        let mut candidates = [const { None }; explain::MOST];
        let margin = explanation.margin();
        let explanation = explanation.with(choice.at, grid.roster());
        for (slot, stood) in candidates.iter_mut().zip(explanation.candidates()) {
            *slot = grid
                .substations()
                .get(stood.at)
                .map(|substation| Considered {
                    substation: Arc::clone(substation),
                    sampled_at: substation.sampled_at(),
                    stood: *stood,
                });
        }
        Self {
            at,
            load,
            chosen: Arc::clone(choice.reservation.upstream()),
            reason: choice.reason,
            share: grid.roster().share(),
            margin,
            candidates,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_kept_apart_and_one_lane_keeps_each() {
        let decisions = Decisions::default();
        let kept = (0..1_000)
            .filter(|millis| decisions.wants(Moment::from_millis(*millis)))
            .count();
        assert_eq!(kept, 100);
        assert!(decisions.wants(Moment::from_millis(5_000)));
        assert!(
            !decisions.wants(Moment::from_millis(5_000)),
            "another lane, at once"
        );
    }
}
