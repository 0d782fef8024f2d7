//! The session book: which sessions run, until when, and their load together.
//!
//! This part must be correct, so it is pure. Its clock moves only when [`Book::advance`] is called with the
//! time. There is no timer: whether a session is over follows from the clock. Every reader advances the book
//! first, so it never sees a session that is over, and a thousand idle substations cost nothing.
//!
//! Invariants: the load is the exact sum of the running sessions; it never passes the capacity; each
//! session ends exactly once, with one reason; `ends` and `running` hold the same sessions; a key books
//! once for as long as it is kept.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::idempotency::IdempotencyKeys;
use crate::ids::{Id, Ids};
use crate::session::{Demand, EndReason, Session, SessionEnd};
use crate::units::{Drawn, Power};

/// The longest session on the host's clock, whatever its power and energy: an `Instant` has an end.
const MAX_DURATION: Duration = Duration::from_hours(100 * 365 * 24);

/// Why a session was not booked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum Refusal {
    #[error(
        "{asked} asked for, {load} of {capacity} in use: not booked; ask another substation, or again \
         when a session has ended"
    )]
    NoCapacity {
        asked: Power,
        load: Power,
        capacity: Power,
        /// When enough of the running sessions will have ended; none if that would not help.
        room_in: Option<Duration>,
    },
    #[error("this substation is shutting down: not booked; ask another substation")]
    Draining,
    #[error(
        "this Idempotency-Key has booked a session of another power or energy: not booked; use a new key"
    )]
    KeyReused,
}

/// The session of an admitted request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Admitted {
    pub(crate) id: Id,
    pub(crate) session: Session,
    /// Its key has booked this session before, so nothing was booked now.
    pub(crate) is_replay: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Book {
    capacity: Power,
    time_scale: f64,
    is_open: bool,
    clock: Instant,
    load: Power,
    drawn: Drawn,
    running: HashMap<Id, Session>,
    ends: BTreeSet<(Instant, Id)>,
    ids: Ids,
    keys: IdempotencyKeys,
}

impl Book {
    pub(crate) fn new(capacity: Power, time_scale: f64, now: Instant) -> Self {
        Self {
            capacity,
            time_scale,
            is_open: true,
            clock: now,
            load: Power::ZERO,
            drawn: Drawn::default(),
            running: HashMap::new(),
            ends: BTreeSet::new(),
            ids: Ids::default(),
            keys: IdempotencyKeys::default(),
        }
    }

    /// Moves the clock to `now` and ends the sessions that are over by then, each at its own moment.
    /// The clock does not go back.
    pub(crate) fn advance(&mut self, now: Instant, mut on_end: impl FnMut(SessionEnd)) {
        while let Some(&(at, id)) = self.ends.first().filter(|(at, _)| *at <= now) {
            self.draw_until(at);
            if let Some(session) = self.remove(at, id) {
                let seconds = session.demand.energy.seconds_at(session.demand.power);
                on_end(SessionEnd {
                    reason: EndReason::Completed,
                    seconds,
                });
            }
        }
        self.draw_until(now);
        self.keys.expire(now);
    }

    /// Books a session, unless `key` has booked one already: then it returns that one, also while draining.
    pub(crate) fn admit_once(
        &mut self,
        key: Option<&str>,
        demand: Demand,
    ) -> Result<Admitted, Refusal> {
        if let Some((id, session)) = key.and_then(|key| self.keys.get(key)) {
            if session.demand != demand {
                return Err(Refusal::KeyReused);
            }
            return Ok(Admitted {
                id,
                session,
                is_replay: true,
            });
        }
        let (id, session) = self.admit(demand)?;
        if let Some(key) = key {
            self.keys.keep(key, id, session, self.clock);
        }
        Ok(Admitted {
            id,
            session,
            is_replay: false,
        })
    }

    /// Restores a booking from before a restart: the session, if it still runs, and its key.
    pub(crate) fn restore(&mut self, id: Id, session: Session, key: Option<&str>) {
        if let Some(key) = key {
            self.keys.keep(key, id, session, session.began);
        }
        if session.ends > self.clock {
            self.load = self.load.plus(session.demand.power);
            self.running.insert(id, session);
            self.ends.insert((session.ends, id));
        }
    }

    /// Books a session from now on, or says why not. The check and the booking are one step.
    pub(crate) fn admit(&mut self, demand: Demand) -> Result<(Id, Session), Refusal> {
        if !self.is_open {
            return Err(Refusal::Draining);
        }
        let Some(load) = self.load.plus_within(demand.power, self.capacity) else {
            return Err(Refusal::NoCapacity {
                asked: demand.power,
                load: self.load,
                capacity: self.capacity,
                room_in: self.room_in(demand.power),
            });
        };
        let mut id = self.ids.next();
        while self.running.contains_key(&id) {
            id = self.ids.next();
        }
        let lasts = self.host_duration(demand.energy.seconds_at(demand.power));
        let ends = self.clock.checked_add(lasts).unwrap_or(self.clock);
        let session = Session {
            demand,
            began: self.clock,
            ends,
        };
        self.load = load;
        self.running.insert(id, session);
        self.ends.insert((ends, id));
        Ok((id, session))
    }

    /// Ends a session early. `None` if it is not running (any more).
    pub(crate) fn cancel(&mut self, id: Id) -> Option<(Session, SessionEnd)> {
        let ends = self.running.get(&id)?.ends;
        let session = self.remove(ends, id)?;
        let plugged_in = self.clock.saturating_duration_since(session.began);
        let seconds = plugged_in.as_secs_f64() * self.time_scale;
        Some((
            session,
            SessionEnd {
                reason: EndReason::Cancelled,
                seconds,
            },
        ))
    }

    /// Undoes a booking of this very moment, with its key. The client has not been answered.
    pub(crate) fn undo(&mut self, id: Id, key: Option<&str>) {
        if let Some(session) = self.running.get(&id) {
            self.remove(session.ends, id);
        }
        if let Some(key) = key {
            self.keys.forget(key);
        }
    }

    /// Books nothing from now on.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn get(&self, id: Id) -> Option<Session> {
        self.running.get(&id).copied()
    }

    pub(crate) fn load(&self) -> Power {
        self.load
    }

    pub(crate) fn active(&self) -> usize {
        self.running.len()
    }

    /// When the next session ends, if one is running.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.ends.first().map(|(at, _)| *at)
    }

    /// How long a session still runs, on the host's clock.
    pub(crate) fn remaining(&self, session: &Session) -> Duration {
        session.ends.saturating_duration_since(self.clock)
    }

    /// All energy that sessions have drawn so far, in simulated joules. It grows while they run.
    pub(crate) fn joules(&self) -> f64 {
        self.drawn.joules() * self.time_scale
    }

    /// How long until enough of the running sessions have ended for `power`.
    fn room_in(&self, power: Power) -> Option<Duration> {
        let mut load = self.load;
        self.ends.iter().find_map(|(at, id)| {
            load = load.minus(self.running.get(id)?.demand.power);
            load.plus_within(power, self.capacity)?;
            Some(at.saturating_duration_since(self.clock))
        })
    }

    fn remove(&mut self, ends: Instant, id: Id) -> Option<Session> {
        self.ends.remove(&(ends, id));
        let session = self.running.remove(&id)?;
        self.load = self.load.minus(session.demand.power);
        Some(session)
    }

    fn draw_until(&mut self, at: Instant) {
        self.drawn
            .add(self.load, at.saturating_duration_since(self.clock));
        self.clock = self.clock.max(at);
    }

    fn host_duration(&self, simulated_seconds: f64) -> Duration {
        Duration::try_from_secs_f64(simulated_seconds / self.time_scale)
            .map_or(MAX_DURATION, |lasts| lasts.min(MAX_DURATION))
    }
}

#[cfg(test)]
mod tests;
