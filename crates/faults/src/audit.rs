//! The audit compares every client's answer with every booking.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::Deserialize;

use crate::load::{Record, Told};

/// One session that a substation has booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The name of the substation.
    pub substation: String,
    /// The session's id as clients see it.
    pub session: String,
    /// The request's id.
    pub request: String,
}

/// The findings of an audit. In a sound run, all lists except `unacknowledged` are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Requests that were told "booked", with a session that no substation has.
    pub lost: Vec<String>,
    /// Requests that are booked more than once.
    pub twice: Vec<String>,
    /// Requests that are booked although their client was told "not booked".
    pub denied: Vec<String>,
    /// Requests without an answer.
    pub unanswered: Vec<String>,
    /// Bookings of requests that were never made.
    pub invented: Vec<String>,
    /// Requests that are booked, and whose client was told "may be booked".
    pub unacknowledged: Vec<String>,
}

impl Verdict {
    /// Whether nothing was lost, booked twice, denied, unanswered or invented.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        *self
            == Self {
                unacknowledged: self.unacknowledged.clone(),
                ..Self::default()
            }
    }
}

/// All bookings, by request.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    bookings: BTreeMap<String, Vec<Booking>>,
}

impl Audit {
    /// Adds bookings.
    pub fn add(&mut self, bookings: impl IntoIterator<Item = Booking>) {
        for booking in bookings {
            let of_request = self.bookings.entry(booking.request.clone()).or_default();
            of_request.push(booking);
        }
    }

    /// Adds the journal of the substation `name`: all its bookings, over all its restarts.
    pub fn add_journal(&mut self, name: &str, path: &Path) {
        #[derive(Deserialize)]
        struct Line {
            booked: Option<Booked>,
        }
        #[derive(Deserialize)]
        struct Booked {
            session: String,
            request_id: String,
        }
        let text = fs::read_to_string(path).unwrap();
        // The booking of a line that a kill cut short was not answered, and does not count.
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        self.add(lines.filter_map(|line: Line| {
            let booked = line.booked?;
            Some(Booking {
                substation: name.to_owned(),
                session: format!("{name}-{}", booked.session),
                request: booked.request_id,
            })
        }));
    }

    /// The number of booked sessions.
    #[must_use]
    pub fn booked(&self) -> usize {
        self.bookings.values().map(Vec::len).sum()
    }

    /// Compares what clients were told with what was booked.
    #[must_use]
    pub fn hold_against<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Verdict {
        let mut verdict = Verdict::default();
        let mut asked = BTreeSet::new();
        for record in records {
            asked.insert(record.request.as_str());
            let bookings = self
                .bookings
                .get(&record.request)
                .map_or(&[][..], Vec::as_slice);
            let request = record.request.clone();
            if bookings.len() > 1 {
                verdict.twice.push(request.clone());
            }
            match &record.told {
                Told::Booked(session) => {
                    if !bookings.iter().any(|booking| booking.session == *session) {
                        verdict.lost.push(request);
                    }
                }
                Told::NotBooked(_) if !bookings.is_empty() => verdict.denied.push(request),
                Told::MayBeBooked(_) if !bookings.is_empty() => {
                    verdict.unacknowledged.push(request);
                }
                Told::NotBooked(_) | Told::MayBeBooked(_) => {}
                Told::Nothing => verdict.unanswered.push(request),
            }
        }
        let unasked = self
            .bookings
            .keys()
            .filter(|request| !asked.contains(request.as_str()));
        verdict.invented.extend(unasked.cloned());
        verdict
    }
}

#[cfg(test)]
mod tests;
