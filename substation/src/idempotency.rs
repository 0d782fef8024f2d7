//! What was booked under which `Idempotency-Key`, so that asking twice books once.
//!
//! A client whose answer was lost can't know whether its session was booked. With a key it may ask again:
//! the substation answers with the session that the key booked, whatever became of it since. Only bookings
//! are kept. A refusal leaves nothing, so that the same key may find room a minute later.
//!
//! Both bounds are the substation's promise. Within them a key is never forgotten while the process (or its
//! journal) lives; beyond them a repetition books anew.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::book::Session;
use crate::ids::Id;

/// How long a key is kept, on the host's clock. Longer than any client goes on asking.
pub(crate) const KEPT_FOR: Duration = Duration::from_hours(1);
/// The most keys that are kept; beyond, the oldest go first.
pub(crate) const MOST_KEYS: usize = 65_536;
/// The longest key, in bytes.
pub(crate) const LONGEST_KEY: usize = 255;

/// The kept keys, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    booked: HashMap<Box<str>, (Id, Session)>,
    order: VecDeque<(Instant, Box<str>)>,
}

impl Keys {
    /// What this key has booked.
    pub(crate) fn get(&self, key: &str) -> Option<(Id, Session)> {
        self.booked.get(key).copied()
    }

    /// Keeps a key that has just booked.
    pub(crate) fn keep(&mut self, key: &str, id: Id, session: Session, now: Instant) {
        if self.booked.insert(key.into(), (id, session)).is_none() {
            self.order.push_back((now, key.into()));
        }
        if self.order.len() > MOST_KEYS {
            self.forget_oldest();
        }
    }

    /// Forgets the key kept last: its booking came to nothing.
    pub(crate) fn forget(&mut self, key: &str) {
        if self.booked.remove(key).is_some()
            && self.order.back().is_some_and(|(_, last)| **last == *key)
        {
            self.order.pop_back();
        }
    }

    /// Forgets what is older than its time.
    pub(crate) fn expire(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|(kept, _)| now.saturating_duration_since(*kept) >= KEPT_FOR)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.booked.remove(&key);
        }
    }
}
