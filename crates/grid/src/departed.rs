//! Substations that are no longer listed, for as long as requests may still concern them.
//!
//! A substation may come back soon, because a discovery source flaps or an edit is reverted. Then
//! its ledger and its health must go on. And clients may still repeat a request to it under its
//! `Idempotency-Key`, or look up a session that it holds. All this ends after `retry.keys_for`;
//! then the substation and its counters are forgotten.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use crate::{grid::Grid, substation::Substation};

/// The most that are kept: as many as a grid may have. Beyond that, the first to leave is forgotten
/// early.
const MOST: usize = 10_000;

/// The substations that left, in the order of leaving.
#[derive(Debug, Default)]
pub struct Departed(VecDeque<(Instant, Arc<Substation>)>);

impl Departed {
    /// Adds `gone`, which left at `now`.
    pub fn add(&mut self, gone: impl IntoIterator<Item = Arc<Substation>>, now: Instant) {
        self.0.extend(gone.into_iter().map(|one| (now, one)));
    }

    /// Removes those that are back in `grid`.
    pub fn take_back(&mut self, grid: &Grid) {
        if !self.0.is_empty() {
            let back: HashSet<_> = grid.ids().collect();
            self.0.retain(|(_, one)| !back.contains(&one.id()));
        }
    }

    /// Removes those that left `kept_for` ago or longer at `now`, and returns them.
    pub fn forget(&mut self, now: Instant, kept_for: Duration) -> Vec<Arc<Substation>> {
        let mut forgotten = Vec::new();
        while let Some((left, _)) = self.0.front()
            && (now.saturating_duration_since(*left) >= kept_for || self.0.len() > MOST)
        {
            forgotten.extend(self.0.pop_front().map(|(_, one)| one));
        }
        forgotten
    }

    /// All of them, in the order of leaving.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Substation>> {
        self.0.iter().map(|(_, one)| Arc::clone(one)).collect()
    }

    /// When the next one is due to be forgotten.
    #[must_use]
    pub fn next_due(&self, kept_for: Duration) -> Option<Instant> {
        self.0.front().map(|(left, _)| *left + kept_for)
    }
}
