//! What each ledger was at recent moments: a sample that Prometheus tells of was taken some time ago.
//!
//! The arithmetic is the ledger's own ([`switchyard_balance::past`]). Here are the clock and the timer. The notes reach back
//! as far as a sample that is new can be old: two of Prometheus' intervals, one of the rounds, and the skew. They are as
//! close as that allows with a fixed number of them, and never closer than a part of the skew, within which nothing is
//! certain anyway.

use std::time::Duration;

use switchyard_balance::{Ledger, PastStates, past::Around};
use tokio::time::{Instant, sleep_until};

use crate::{by_id::ById, grid::Grid, substation::Id};

/// The most notes of one ledger.
const MOST: usize = 64;
/// Notes within one skew.
const NOTES_A_SKEW: u32 = 4;
/// Notes are not taken more often than this, nor more seldom than the other.
const CLOSEST: Duration = Duration::from_millis(20);
const FARTHEST: Duration = Duration::from_secs(5);

/// Moments count from so long before the first note: samples may be older than that.
const BEFORE: Duration = Duration::from_hours(1);

/// The notes of all ledgers.
#[derive(Debug)]
pub(super) struct Notes {
    began: Instant,
    states: ById<PastStates>,
    step: Duration,
    next: Instant,
}

impl Notes {
    pub(super) fn new() -> Self {
        let began = Instant::now();
        Self {
            began,
            states: ById::default(),
            step: CLOSEST,
            next: began,
        }
    }

    /// Follows the ledgers of `grid`. Notes of those that stay go on.
    pub(super) fn follow(&mut self, grid: &Grid) {
        let mut before = std::mem::take(&mut self.states);
        self.states = grid
            .ledgers()
            .map(|(id, ledger)| {
                let known = before.remove(&id);
                (id, known.unwrap_or_else(|| PastStates::new(ledger)))
            })
            .collect();
        self.next = Instant::now();
    }

    /// Takes notes so that they reach back as far as `reach`, for samples whose times are wrong by `skew` at most.
    pub(super) fn reach_back(&mut self, reach: Duration, skew: Duration) {
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        // One more than needed: the last one is before that.
        let closest = reach / (most - 1);
        let step = (skew / NOTES_A_SKEW).max(closest);
        self.step = step.clamp(CLOSEST, FARTHEST);
        self.next = self.next.min(Instant::now() + self.step);
    }

    /// Waits until the next notes are due.
    pub(super) async fn due(&self) {
        sleep_until(self.next).await;
    }

    /// Takes notes of all ledgers.
    pub(super) fn note(&mut self, grid: &Grid) {
        let began = self.began;
        for (id, ledger) in grid.ledgers() {
            self.note_one(id, ledger, began);
        }
        self.next = Instant::now() + self.step;
    }

    fn note_one(&mut self, id: Id, ledger: &Ledger, began: Instant) {
        if let Some(states) = self.states.get_mut(&id) {
            states.note(ledger, || BEFORE + began.elapsed(), MOST);
        }
    }

    /// The states of a ledger around the moment of a sample, which was of that age when it was `received`, which may be
    /// wrong by `skew`, and which shows what was booked a `lag` before it. `None` if they are not known.
    pub(super) fn around(
        &self,
        id: Id,
        (received, age): (Instant, Duration),
        skew: Duration,
        lag: Duration,
    ) -> Option<Around> {
        let received = BEFORE + received.saturating_duration_since(self.began);
        let moment = received.saturating_sub(age);
        self.states
            .get(&id)?
            .around(moment, skew.saturating_add(lag), skew)
    }
}
