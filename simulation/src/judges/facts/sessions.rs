//! What substations booked: the true account.

use std::{collections::BTreeMap, time::Duration};

use crate::world::event::{Event, Release, RequestId, What};

use super::{Family, Requests};

/// A booking.
#[derive(Clone, Debug)]
pub(in crate::judges) struct Session {
    pub(in crate::judges) substation: usize,
    pub(in crate::judges) request: Option<RequestId>,
    pub(in crate::judges) load: f64,
    pub(in crate::judges) booked: Duration,
    /// When it ended.
    pub(in crate::judges) ended: Option<Duration>,
    /// Whether its substation has lost it and its key.
    pub(in crate::judges) is_forgotten: bool,
    /// The family through which it was booked.
    pub(in crate::judges) family: Option<Family>,
    /// Whether its client had been answered, or had gone, before it was booked: the proxy had given up on it.
    pub(in crate::judges) is_late: bool,
}

impl Session {
    /// Whether it draws load.
    pub(in crate::judges) fn draws(&self) -> bool {
        self.ended.is_none()
    }
}

/// All bookings.
#[derive(Default)]
pub(in crate::judges) struct Sessions {
    all: BTreeMap<String, Session>,
    /// The sessions of each key, in the order of their bookings.
    keys: BTreeMap<String, Vec<String>>,
    loads: BTreeMap<usize, f64>,
    /// What came and went lately: when, where, and by how much the load changed.
    changes: Vec<(Duration, usize, f64)>,
}

impl Sessions {
    pub(super) fn see(&mut self, event: &Event, requests: &Requests) {
        match &event.what {
            What::Booked {
                substation,
                booking,
            } => {
                let request = booking.request.and_then(|id| requests.get(id));
                let session = Session {
                    substation: *substation,
                    request: booking.request,
                    load: booking.load,
                    booked: event.at,
                    ended: None,
                    is_forgotten: false,
                    family: request.map(|request| request.family),
                    is_late: request.is_none_or(|request| request.was_over(event.at)),
                };
                self.all.insert(booking.session.clone(), session);
                if let Some(key) = &booking.key {
                    let sessions = self.keys.entry(key.clone()).or_default();
                    sessions.push(booking.session.clone());
                }
                self.change(event.at, *substation, booking.load);
            }
            What::Released {
                substation,
                session,
                why,
                ..
            } => {
                let Some(known) = self.all.get_mut(session) else {
                    return;
                };
                known.is_forgotten |= *why == Release::Forgotten;
                if known.ended.is_none() {
                    known.ended = Some(event.at);
                    let load = known.load;
                    self.change(event.at, *substation, -load);
                }
            }
            _ => {}
        }
    }

    /// A substation without a journal has lost its keys, those of sessions that were over too.
    pub(super) fn forget(&mut self, substation: usize) {
        let lost = self.all.values_mut();
        for session in lost.filter(|session| session.substation == substation) {
            session.is_forgotten = true;
        }
    }

    fn change(&mut self, at: Duration, substation: usize, by: f64) {
        *self.loads.entry(substation).or_default() += by;
        self.changes.push((at, substation, by));
    }

    pub(in crate::judges) fn get(&self, session: &str) -> Option<&Session> {
        self.all.get(session)
    }

    /// The sessions of a key.
    pub(in crate::judges) fn of_key(
        &self,
        key: &str,
    ) -> impl DoubleEndedIterator<Item = (&str, &Session)> {
        let names = self.keys.get(key).map_or(&[][..], Vec::as_slice);
        names
            .iter()
            .filter_map(|name| Some((name.as_str(), self.all.get(name)?)))
    }

    /// Those that draw load now.
    pub(in crate::judges) fn drawing(&self) -> impl Iterator<Item = &Session> {
        self.all.values().filter(|session| session.draws())
    }

    /// The true load of a substation.
    pub(in crate::judges) fn load(&self, substation: usize) -> f64 {
        self.loads.get(&substation).copied().unwrap_or_default()
    }

    /// By how much a substation's load has grown by bookings, and fallen by ends, since then.
    pub(in crate::judges) fn changes_since(&self, substation: usize, then: Duration) -> (f64, f64) {
        let lately = self.changes.iter().rev().take_while(|(at, ..)| *at >= then);
        lately
            .filter(|(_, at, _)| *at == substation)
            .fold((0.0, 0.0), |(grown, fallen), (.., by)| {
                (grown + by.max(0.0), fallen - by.min(0.0))
            })
    }
}
