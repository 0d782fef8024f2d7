//! Samples that are told long after they were taken.
//!
//! A monitoring system reads a gauge at moments of its own, and tells of it when it is asked. Such a sample has a time,
//! exact to a skew of two clocks. What the ledger was then decides what the value can contain:
//!
//! ```text
//!         t − skew          t + skew                          now
//! ────────────┼────────────────┼────────────────────────────────┼──▶
//!   settled:  in the value     │
//!             assigned:        perhaps in the value
//!                              │   assigned: not in the value
//! ```
//!
//! So `estimate = value + ambiguous_part + (assigned − assigned at t + skew)`, and the ambiguous part lies between 0 and
//! what was assigned by `t + skew` and not settled by `t − skew`. For a scrape, which is read at once, the two moments
//! are its send and its arrival, and nothing was assigned since.
//!
//! The states of the past come from [`PastStates`]: notes at regular intervals, of which the two nearest to these
//! moments are used, outside of them. Fewer notes leave more load ambiguous, never less.

use std::{collections::VecDeque, time::Duration};

use crate::{Ledger, Reading, ledger::PastState};

/// The states of one ledger at some recent moments. Moments are durations since a fixed one, by any clock of the caller
/// that never goes back.
#[derive(Clone, Debug)]
pub struct PastStates {
    notes: VecDeque<PastState>,
    /// Whether all that the ledger ever did came after the first note.
    is_whole: bool,
}

/// The states of a ledger around the moment of a sample. For [`Ledger::sample_of`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a sample needs the states of the ledger around its moment"]
pub struct Around {
    before: PastState,
    after: Option<PastState>,
}

impl PastStates {
    /// No states yet. What `ledger` has done before is not known; if that is nothing, samples of before can be told.
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        Self {
            notes: VecDeque::new(),
            is_whole: !ledger.is_sampled() && ledger.assigned() == 0,
        }
    }

    /// Notes the state of `ledger`, and drops all but the last `most` notes. `clock` reads the time, after the state.
    pub fn note(&mut self, ledger: &Ledger, clock: impl FnOnce() -> Duration, most: usize) {
        let sent = ledger.scrape_sent();
        let assigned = ledger.assigned();
        self.notes.push_back(PastState {
            at: clock(),
            assigned,
            sent,
        });
        while self.notes.len() > most.max(1) {
            self.notes.pop_front();
            self.is_whole = false;
        }
    }

    /// The states around a sample that was taken at `moment`. It shows all that was settled `earlier` than that by this
    /// much, and nothing that was assigned `later`. `None` if it is not known what the ledger was so early: such a sample
    /// can't be read.
    #[must_use]
    pub fn around(&self, moment: Duration, earlier: Duration, later: Duration) -> Option<Around> {
        let first = moment.saturating_sub(earlier);
        let last = moment.saturating_add(later);
        let (until, from) = (
            self.notes.partition_point(|note| note.at <= first),
            self.notes.partition_point(|note| note.at < last),
        );
        let before = until.checked_sub(1).and_then(|at| self.notes.get(at));
        let before = before.copied().or_else(|| {
            // Nothing was certain to be in a value then.
            self.is_whole.then(PastState::default)
        })?;
        Some(Around {
            before,
            after: self.notes.get(from).copied(),
        })
    }
}

impl Ledger {
    /// Takes a sample of the past, after all older ones.
    #[doc(hidden)]
    pub fn sample_of(&self, around: &Around, reading: Reading) {
        let Around { before, after } = around;
        self.write_scrape(before.sent, after.as_ref(), reading, &mut self.record());
    }
}

#[cfg(test)]
mod tests;
