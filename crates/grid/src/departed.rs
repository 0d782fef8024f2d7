//! Substations that are no longer listed, for as long as somebody may ask for them.
//!
//! One may come back in a moment: a source of discovery that flaps, an edit that is taken back. Then its ledger and its
//! health must not begin anew. And clients may still repeat a request to it under its `Idempotency-Key`, or look at a
//! session that it holds. Both end after `retry.keys_for`; then it is forgotten, its counters too.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{grid::Grid, substation::Substation};

/// As many as a grid may have. Beyond, the one that left first is forgotten early.
const MOST: usize = 10_000;

/// Those that left, in that order.
#[derive(Debug, Default)]
pub struct Departed(VecDeque<(Instant, Arc<Substation>)>);

impl Departed {
    /// Takes note that `gone` left at `now`.
    pub fn add(&mut self, gone: impl IntoIterator<Item = Arc<Substation>>, now: Instant) {
        self.0.extend(gone.into_iter().map(|one| (now, one)));
    }

    /// Those of them that are in `grid` are back.
    pub fn take_back(&mut self, grid: &Grid) {
        if !self.0.is_empty() {
            let back: HashSet<_> = grid.ids().collect();
            self.0.retain(|(_, one)| !back.contains(&one.id()));
        }
    }

    /// Forgets those whose time is over at `now`, and returns them.
    pub fn forget(&mut self, now: Instant, kept_for: Duration) -> Vec<Arc<Substation>> {
        let mut forgotten = Vec::new();
        while let Some((left, _)) = self.0.front()
            && (now.saturating_duration_since(*left) >= kept_for || self.0.len() > MOST)
        {
            forgotten.extend(self.0.pop_front().map(|(_, one)| one));
        }
        forgotten
    }

    /// All of them, the one that left first in front.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Substation>> {
        self.0.iter().map(|(_, one)| Arc::clone(one)).collect()
    }

    /// When the next is to be forgotten.
    #[must_use]
    pub fn next_due(&self, kept_for: Duration) -> Option<Instant> {
        self.0.front().map(|(left, _)| *left + kept_for)
    }
}
