//! The session that each `Idempotency-Key` has booked, so that a repeated request books once.
//!
//! A client whose response was lost can't know whether its session was booked. With a key it may ask again:
//! the substation answers with the session that the key booked, whether or not that still runs. Only bookings
//! are kept. A refusal leaves nothing, so the same key may find room a minute later.
//!
//! Both bounds are the substation's promise. Within them a key is kept while the process (or its journal)
//! lives; beyond them a repetition books again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::ids::Id;
use crate::session::Session;

/// How long a key is kept, on the host's clock. Clients stop to repeat a request long before.
pub(crate) const KEPT_FOR: Duration = Duration::from_hours(1);
/// The most keys that are kept; beyond, the oldest go first.
pub(crate) const MAX_KEYS: usize = 65_536;
/// The longest key, in bytes.
pub(crate) const MAX_KEY_LENGTH: usize = 255;

/// The kept keys, oldest first.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys {
    booked: HashMap<Box<str>, (Id, Session)>,
    order: VecDeque<(Instant, Box<str>)>,
}

impl IdempotencyKeys {
    /// The session that this key has booked.
    pub(crate) fn get(&self, key: &str) -> Option<(Id, Session)> {
        self.booked.get(key).copied()
    }

    /// Keeps a key that has just booked.
    pub(crate) fn keep(&mut self, key: &str, id: Id, session: Session, now: Instant) {
        if self.booked.insert(key.into(), (id, session)).is_none() {
            self.order.push_back((now, key.into()));
        }
        if self.order.len() > MAX_KEYS {
            self.forget_oldest();
        }
    }

    /// Forgets the key kept last, because its booking was undone.
    pub(crate) fn forget(&mut self, key: &str) {
        if self.booked.remove(key).is_some()
            && self.order.back().is_some_and(|(_, last)| **last == *key)
        {
            self.order.pop_back();
        }
    }

    /// Forgets the keys that are older than [`KEPT_FOR`].
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
