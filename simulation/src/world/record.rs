//! The record of the day, to which all actors write.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::event::{Event, What};

/// Takes events from any thread, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    began: Instant,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Record {
    /// An empty record of a day that begins now.
    #[must_use]
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            events: Arc::default(),
        }
    }

    /// The time since the day began.
    #[must_use]
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The moment at which it is so late.
    #[must_use]
    pub(crate) fn moment(&self, at: Duration) -> Instant {
        self.began + at
    }

    /// Adds what happens now.
    pub(crate) fn tell(&self, what: What) {
        let now = self.now();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        // The order of the events is that of their times.
        let at = events.last().map_or(now, |last| last.at.max(now));
        events.push(Event { at, what });
    }

    /// Takes all events out that no judge has seen.
    #[must_use]
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
