//! Substations that are no longer listed, for as long as requests may still concern them.
//!
//! A substation may come back soon, because a discovery source flaps or an edit is reverted. Then
//! its ledger and its health must go on. And clients may still repeat a request to it under its
//! `Idempotency-Key`, or look up a session that it holds. All this ends after `retry.keys_for`;
//! then the substation is forgotten. Its counters leave the metrics page earlier: after the last
//! scrapes that have to see them.

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

/// How long their counters stay on the metrics page: two scrapes of a Prometheus that comes once a
/// minute.
const SHOWN: Duration = Duration::from_mins(2);

/// The substations that left, in the order of leaving.
#[derive(Debug, Default)]
pub struct Departed(VecDeque<Gone>);

#[derive(Debug)]
struct Gone {
    left: Instant,
    substation: Arc<Substation>,
    /// Whether its counters are on the metrics page.
    is_shown: bool,
}

impl Departed {
    /// Adds `gone`, which left at `now`.
    pub fn add(&mut self, gone: impl IntoIterator<Item = Arc<Substation>>, now: Instant) {
        self.0.extend(gone.into_iter().map(|substation| Gone {
            left: now,
            substation,
            is_shown: true,
        }));
    }

    /// Adds those that left another process, and how long ago each did, at `now`. Their counters are not on the metrics
    /// page: they count nothing here.
    pub fn restore(
        &mut self,
        gone: impl IntoIterator<Item = (Arc<Substation>, Duration)>,
        now: Instant,
    ) {
        let gone = gone.into_iter().map(|(substation, left_ago)| Gone {
            left: now.checked_sub(left_ago).unwrap_or(now),
            substation,
            is_shown: false,
        });
        self.0.extend(gone);
        self.0.make_contiguous().sort_by_key(|gone| gone.left);
    }

    /// All of them, in the order of leaving, and how long ago each left.
    pub(crate) fn since(&self, now: Instant) -> impl Iterator<Item = (&Substation, Duration)> {
        let all = self.0.iter();
        all.map(move |gone| (&*gone.substation, now.saturating_duration_since(gone.left)))
    }

    /// Removes those that are back in `grid`.
    pub fn take_back(&mut self, grid: &Grid) {
        if !self.0.is_empty() {
            let back: HashSet<_> = grid.ids().collect();
            self.0.retain(|gone| !back.contains(&gone.substation.id()));
        }
    }

    /// Removes those that left `kept_for` ago or longer at `now`, and returns them.
    pub fn forget(&mut self, now: Instant, kept_for: Duration) -> Vec<Arc<Substation>> {
        let mut forgotten = Vec::new();
        while let Some(gone) = self.0.front()
            && (now.saturating_duration_since(gone.left) >= kept_for || self.0.len() > MOST)
        {
            forgotten.extend(self.0.pop_front().map(|gone| gone.substation));
        }
        forgotten
    }

    /// Notes that the counters of those that left long ago at `now` are no longer on the metrics
    /// page, and returns those whose were until now.
    pub fn hide(&mut self, now: Instant) -> Vec<Arc<Substation>> {
        let is_due = |gone: &&mut Gone| now.saturating_duration_since(gone.left) >= SHOWN;
        let due = self.0.iter_mut().take_while(is_due);
        due.filter_map(|gone| {
            let was_shown = std::mem::replace(&mut gone.is_shown, false);
            was_shown.then(|| Arc::clone(&gone.substation))
        })
        .collect()
    }

    /// Those whose counters are on the metrics page.
    pub fn shown(&self) -> impl Iterator<Item = &Arc<Substation>> {
        let shown = self.0.iter().filter(|gone| gone.is_shown);
        shown.map(|gone| &gone.substation)
    }

    /// All of them, in the order of leaving.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Substation>> {
        let all = self.0.iter();
        all.map(|gone| Arc::clone(&gone.substation)).collect()
    }

    /// When the next one is due to be hidden or forgotten.
    #[must_use]
    pub fn next_due(&self, kept_for: Duration) -> Option<Instant> {
        let forgotten = self.0.front().map(|gone| gone.left + kept_for);
        let hidden = self.0.iter().find(|gone| gone.is_shown);
        let hidden = hidden.map(|gone| gone.left + SHOWN);
        forgotten.into_iter().chain(hidden).min()
    }
}
