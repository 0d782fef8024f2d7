//! Substations that slow down as they fill.
//!
//! An inference server works on all of its requests at once, and a step for many takes longer than a step for one. So each
//! of `n` requests gets 1 ÷ (1 + n ÷ `slows_at`) of the speed that it would have alone, and an uneven fleet is a slow one.
//!
//! All sessions of a substation get on equally fast, so one number says how far: the *progress* that one which began with
//! the substation would have made. A session ends when the progress has grown by its length.

use std::{collections::BTreeMap, time::Duration};

use super::Simulation;
use crate::event::{Event, Held};
use crate::fleet::Booking;
use crate::scenario::Scenario;

/// The sessions of one substation that slows down.
#[derive(Default)]
pub(super) struct Served {
    /// Sessions at which it is half as fast as with none.
    slows_at: f64,
    /// In nanoseconds of a session that runs alone.
    progress: f64,
    /// When that was.
    at: Duration,
    /// By the progress at which each ends, and a number, since two may end at once.
    sessions: BTreeMap<(Progress, u64), (Booking, Option<Held>)>,
    begun: u64,
    /// Grows with each change: a planned end of before is none.
    version: u64,
}

/// A progress that can be ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Progress(f64);

impl Eq for Progress {}

impl PartialOrd for Progress {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Progress {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Served {
    /// One for each substation, if they slow down.
    pub(super) fn all(scenario: &Scenario) -> Vec<Self> {
        let Some(slows_at) = scenario.slows_at else {
            return Vec::new();
        };
        let served = |part: &f64| Self {
            slows_at: slows_at * part,
            ..Self::default()
        };
        scenario.capacities.iter().map(served).collect()
    }

    /// The sessions.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &(Booking, Option<Held>)> {
        self.sessions.values()
    }

    /// How fast each session gets on, where 1 is as fast as alone.
    fn speed(&self) -> f64 {
        let sessions = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        (1.0 + f64::from(sessions) / self.slows_at).recip()
    }

    fn advance(&mut self, now: Duration) {
        self.progress += now.saturating_sub(self.at).as_secs_f64() * 1e9 * self.speed();
        self.at = now;
    }

    /// When the next session ends, as far as can be said now.
    fn next(&mut self) -> Option<(Duration, u64)> {
        self.version += 1;
        let ((Progress(end), _), _) = self.sessions.first_key_value()?;
        let nanos = (end - self.progress).max(0.0) / self.speed();
        let after = Duration::try_from_secs_f64(nanos / 1e9).unwrap_or(Duration::MAX);
        Some((self.at.saturating_add(after), self.version))
    }
}

impl Simulation {
    /// A session of that length, if it were alone, begins at a substation that slows down.
    pub(super) fn serve(
        &mut self,
        at: usize,
        length: Duration,
        booking: Booking,
        held: Option<Held>,
    ) {
        let now = self.now;
        if let Some(served) = self.served.get_mut(at) {
            served.advance(now);
            served.begun += 1;
            let end = Progress(served.progress + length.as_secs_f64() * 1e9);
            let key = (end, served.begun);
            served.sessions.insert(key, (booking, held));
        }
        self.plan_next_end(at);
    }

    /// A session may end.
    pub(super) fn end_served(&mut self, at: usize, version: u64) {
        let now = self.now;
        let Some(served) = self.served.get_mut(at) else {
            return;
        };
        if served.version != version {
            return;
        }
        served.advance(now);
        if let Some((_, (booking, held))) = served.sessions.pop_first() {
            self.depart(booking, held);
        }
        self.plan_next_end(at);
    }

    fn plan_next_end(&mut self, at: usize) {
        let next = self.served.get_mut(at).and_then(Served::next);
        if let Some((when, version)) = next {
            self.queue.plan(when, Event::Served { at, version });
        }
    }
}
