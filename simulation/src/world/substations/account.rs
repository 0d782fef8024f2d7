//! The true account of a substation: which sessions run, and which key has booked which.

use std::{collections::BTreeMap, time::Duration};

use super::super::{
    event::{Booking, Release, RequestId, What},
    record::Record,
};

/// Why a charge is not booked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refused {
    /// There is no room; there will be some at this time.
    Full(Option<Duration>),
    /// The key has booked another charge.
    KeyReused,
}

/// A charge as it has come.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) request: Option<RequestId>,
    pub(super) key: Option<String>,
    pub(super) load: f64,
    pub(super) lasts: Duration,
    /// Else the load ends with the answer.
    pub(super) outlives_answer: bool,
}

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) load: f64,
    pub(super) until: Option<Duration>,
    /// An earlier request with the same key has booked it.
    pub(super) is_replay: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Account {
    substation: usize,
    capacity: f64,
    record: Record,
    next: usize,
    running: BTreeMap<String, Session>,
    keys: BTreeMap<String, Session>,
}

impl Account {
    pub(super) fn new(substation: usize, capacity: f64, record: Record) -> Self {
        Self {
            substation,
            capacity,
            record,
            next: 0,
            running: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// The load of all sessions that run. It is exact: loads are whole numbers.
    pub(super) fn load(&self) -> f64 {
        self.running
            .values()
            .fold(0.0, |sum, session| sum + session.load)
    }

    /// Books, or says why not, and tells the record.
    pub(super) fn book(&mut self, demand: &Demand) -> Result<Session, Refused> {
        let substation = self.substation;
        if let Some((key, booked)) = demand
            .key
            .as_ref()
            .and_then(|key| self.keys.get_key_value(key))
        {
            #[expect(clippy::float_cmp, reason = "loads are whole numbers")]
            if booked.load != demand.load {
                return Err(Refused::KeyReused);
            }
            self.record.tell(What::Repeated {
                substation,
                session: booked.id.clone(),
                request: demand.request,
                key: key.clone(),
            });
            return Ok(Session {
                is_replay: true,
                ..booked.clone()
            });
        }
        let load = self.load();
        if load + demand.load > self.capacity {
            return Err(Refused::Full(self.room_at(load + demand.load)));
        }
        let id = format!("s{substation}-{:06}", self.next);
        self.next += 1;
        let until = demand
            .outlives_answer
            .then(|| self.record.now() + demand.lasts);
        let session = Session {
            id: id.clone(),
            load: demand.load,
            until,
            is_replay: false,
        };
        self.running.insert(id.clone(), session.clone());
        if let Some(key) = &demand.key {
            self.keys.insert(key.clone(), session.clone());
        }
        let booking = Booking {
            session: id,
            request: demand.request,
            key: demand.key.clone(),
            load: demand.load,
            until,
            total: load + demand.load,
        };
        self.record.tell(What::Booked {
            substation,
            booking,
        });
        Ok(session)
    }

    /// Ends a session, and tells the record. None if it does not run.
    pub(super) fn release(&mut self, id: &str, why: Release) -> Option<Session> {
        let session = self.running.remove(id)?;
        self.record.tell(What::Released {
            substation: self.substation,
            session: id.to_owned(),
            load: session.load,
            why,
        });
        Some(session)
    }

    /// Whether a key has booked.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// The session, if it runs.
    pub(super) fn get(&self, id: &str) -> Option<&Session> {
        self.running.get(id)
    }

    /// Loses all sessions and keys.
    pub(super) fn forget(&mut self) {
        self.keys.clear();
        let running: Vec<_> = self.running.keys().cloned().collect();
        for id in running {
            self.release(&id, Release::Forgotten);
        }
    }

    /// When so much load in all will be below the capacity.
    fn room_at(&self, mut load: f64) -> Option<Duration> {
        let mut ends: Vec<_> = self
            .running
            .values()
            .filter_map(|of| Some((of.until?, of.load)))
            .collect();
        ends.sort_by_key(|(until, _)| *until);
        ends.into_iter().find_map(|(until, ended)| {
            load -= ended;
            (load <= self.capacity).then_some(until)
        })
    }
}
