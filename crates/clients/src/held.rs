//! What one client has booked: which sessions are its own, and how much load it has at once.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use switchyard_balance::Load;

/// For how long a session counts as load whose end is not known.
pub(crate) const LONGEST: Duration = Duration::from_hours(24);
/// For how long it is known whose a session was that has ended.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(1);

/// A session's id, as the first half of its SHA-256.
pub(crate) type Id = u128;

/// One session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// What counts of it: nothing once it has ended.
    pub(crate) load: Load,
    /// When its load ends, or until when it is known whose it was.
    pub(crate) until: Duration,
    pub(crate) has_ended: bool,
}

/// The sessions of one client, and its load at once.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Of sessions, and of requests that may become one.
    load: Load,
    sessions: HashMap<Id, Session>,
    /// Their ids, by when something becomes of them.
    due: BTreeSet<(Duration, Id)>,
}

impl Held {
    pub(crate) fn load(&self) -> Load {
        self.load
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn sessions(&self) -> impl Iterator<Item = (Id, Session)> {
        self.sessions.iter().map(|(id, session)| (*id, *session))
    }

    pub(crate) fn add(&mut self, load: Load) {
        self.load = sum(self.load, load);
    }

    pub(crate) fn give_back(&mut self, load: Load) {
        self.load = Load::from_micros((self.load.micros() - load.micros()).max(0));
    }

    /// Notes a session whose load has been added. False if it is known already: then the load is given back.
    pub(crate) fn book(&mut self, id: Id, load: Load, until: Duration) -> bool {
        if self.sessions.get(&id).is_some_and(|known| !known.has_ended) {
            self.give_back(load);
            return false;
        }
        self.forget(id);
        self.insert(
            id,
            Session {
                load,
                until,
                has_ended: false,
            },
        );
        true
    }

    /// Takes over a session of another process, with its load.
    pub(crate) fn restore(&mut self, id: Id, session: Session) {
        if self.sessions.contains_key(&id) {
            return;
        }
        self.add(session.load);
        self.insert(id, session);
    }

    fn insert(&mut self, id: Id, session: Session) {
        self.sessions.insert(id, session);
        self.due.insert((session.until, id));
    }

    /// Notes that a session has ended.
    pub(crate) fn end(&mut self, id: Id, now: Duration) {
        if self.sessions.get(&id).is_none_or(|one| one.has_ended) {
            return;
        }
        self.forget(id);
        self.insert(
            id,
            Session {
                load: Load::ZERO,
                until: now.saturating_add(REMEMBERED),
                has_ended: true,
            },
        );
    }

    /// Ends what is over by `now`, and says what is forgotten.
    pub(crate) fn expire(&mut self, now: Duration, mut forgotten: impl FnMut(Id)) {
        while let Some(&(until, id)) = self.due.first().filter(|(until, _)| *until <= now) {
            if self.sessions.get(&id).is_some_and(|one| one.has_ended) {
                self.forget(id);
                forgotten(id);
            } else {
                self.end(id, until);
            }
        }
    }

    /// Forgets the session of which something becomes first.
    pub(crate) fn forget_first(&mut self) -> Option<Id> {
        let (_, id) = *self.due.first()?;
        self.forget(id);
        Some(id)
    }

    /// When the load is no more than `most`, as far as the ends of sessions are known.
    pub(crate) fn falls_to(&self, most: Load) -> Option<Duration> {
        let mut left = self.load;
        // Sessions that have ended are among them, with no load.
        for (until, id) in &self.due {
            if left <= most {
                break;
            }
            let session = self.sessions.get(id).filter(|one| one.load > Load::ZERO);
            if let Some(session) = session {
                left = Load::from_micros(left.micros() - session.load.micros());
                if left <= most {
                    return Some(*until);
                }
            }
        }
        None
    }

    fn forget(&mut self, id: Id) {
        if let Some(session) = self.sessions.remove(&id) {
            self.due.remove(&(session.until, id));
            self.give_back(session.load);
        }
    }
}

/// Both, as far as a number holds it.
pub(crate) fn sum(one: Load, other: Load) -> Load {
    Load::from_micros(one.micros().saturating_add(other.micros()))
}
