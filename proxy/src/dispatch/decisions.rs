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
use switchyard_balance::{Choice, Explanation, Load, Policy, Reason, explain};

use switchyard_grid::{Clock, Grid, Moment, Substation};
use switchyard_selection::Selection;

use super::{limit, needs::Ask};
use crate::snapshot::Snapshot;

/// Number of records kept.
const KEPT: usize = 256;
/// The least time between two records, in milliseconds.
const APART: u64 = 10;

/// One choice. It has the names of its substations, and not the grid: records outlive many grids, and each would keep
/// all its substations.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The clock of `at`.
    pub clock: Clock,
    /// When it was made.
    pub at: Moment,
    /// The load of the charge.
    pub load: Load,
    /// The chosen substation.
    pub chosen: Arc<str>,
    /// Why that one was chosen.
    pub reason: Reason,
    /// The policy that chose.
    pub policy: Policy,
    /// The weight of the gauges, 0 to 1 (see the docs on several proxies).
    pub share: f64,
    /// By how much the best score is below the second best.
    pub margin: Option<f64>,
    candidates: Explanation,
    known: [Known; explain::MAX_CANDIDATES],
    /// What it selected by, if it did.
    selection: Option<Arc<Selection>>,
    /// The names of the candidates' binding levels, where there are feeders.
    bindings: [Option<String>; explain::MAX_CANDIDATES],
}

/// What is kept of a candidate beside its numbers: its name, and the moment of its last sample.
type Known = (Option<Arc<str>>, Option<Moment>);

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
        grid: &Grid,
        at: Moment,
        load: Load,
        choice: &Choice<Substation>,
        mut candidates: Explanation,
    ) -> Self {
        let margin = candidates.margin();
        candidates.include(choice.at, grid.roster());
        let mut known = [const { (None, None) }; explain::MAX_CANDIDATES];
        for (slot, candidate) in known.iter_mut().zip(candidates.candidates()) {
            if let Some(substation) = grid.substations().get(candidate.at) {
                *slot = (Some(substation.shared_name()), substation.sampled_at());
            }
        }
        Self {
            clock: grid.clock(),
            at,
            load,
            chosen: choice.reservation.upstream().shared_name(),
            reason: choice.reason,
            policy: grid.selector().policy(),
            share: grid.roster().share(),
            margin,
            candidates,
            known,
            selection: None,
            bindings: [const { None }; explain::MAX_CANDIDATES],
        }
    }

    /// The same of a request in this snapshot, with what it selected by and the levels that bind.
    pub(super) fn asked(mut self, ask: &Ask<'_>, snapshot: &Snapshot) -> Self {
        self.selection = ask.selection.cloned();
        let roster = snapshot.grid.roster();
        if !roster.feeders().is_empty() {
            let names = self.bindings.iter_mut();
            for (name, candidate) in names.zip(self.candidates.candidates()) {
                let is_below = roster.path(candidate.at).next().is_some();
                *name = is_below.then(|| limit::name_of(candidate.binding, snapshot));
            }
        }
        self
    }

    /// The label and the value of each rule that it was selected by.
    pub fn selection(&self) -> impl Iterator<Item = (&str, &str)> {
        let selection = self.selection.iter();
        selection.flat_map(|selection| selection.values())
    }

    /// The names of the levels that bind the candidates, in the same order: of a substation or a feeder above it. None for
    /// one that is under no feeder.
    pub fn bindings(&self) -> impl Iterator<Item = Option<&str>> {
        self.bindings.iter().map(Option::as_deref)
    }

    /// The best candidates, the best one first, each with its name and the moment of its last sample.
    pub fn candidates(&self) -> impl Iterator<Item = (&explain::Candidate, &str, Option<Moment>)> {
        let known = self.known.iter();
        let candidates = self.candidates.candidates().zip(known);
        candidates.map(|(stood, (name, at))| (stood, name.as_deref().unwrap_or_default(), *at))
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
