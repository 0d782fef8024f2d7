//! The audit: every client's answer against every booking.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::Deserialize;

use crate::{Record, Told};

/// One session that a substation has booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Who.
    pub substation: String,
    /// The session as the substation calls it towards clients.
    pub session: String,
    /// The request's id.
    pub request: String,
}

/// What the audit found. All lists of a sound run are empty but `unacknowledged`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Requests that were told "booked" with a session that nobody has.
    pub lost: Vec<String>,
    /// Requests that are booked more than once.
    pub twice: Vec<String>,
    /// Requests that are booked although their client was told that nothing is.
    pub denied: Vec<String>,
    /// Requests that got no answer at all.
    pub unanswered: Vec<String>,
    /// Bookings of requests that were never made.
    pub invented: Vec<String>,
    /// Requests that are booked, and whose client was told that they may be.
    pub unacknowledged: Vec<String>,
}

impl Verdict {
    /// Whether nothing was lost, booked twice, denied, left open or made up.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        *self
            == Self {
                unacknowledged: self.unacknowledged.clone(),
                ..Self::default()
            }
    }
}

/// What was booked, by request.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    bookings: BTreeMap<String, Vec<Booking>>,
}

impl Audit {
    /// Takes bookings to account.
    pub fn add(&mut self, bookings: impl IntoIterator<Item = Booking>) {
        for booking in bookings {
            let of_request = self.bookings.entry(booking.request.clone()).or_default();
            of_request.push(booking);
        }
    }

    /// Takes the journal of the substation `name` to account: all it ever booked, over all its restarts.
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
        // A line that a kill cut short was not answered, and is no booking.
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

    /// How many sessions were booked.
    #[must_use]
    pub fn booked(&self) -> usize {
        self.bookings.values().map(Vec::len).sum()
    }

    /// Holds what clients were told against what was booked.
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
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn record(request: &str, told: Told) -> Record {
        Record {
            request: request.to_owned(),
            told,
            at: Instant::now(),
            took: Duration::ZERO,
        }
    }

    fn booking(request: &str, session: &str) -> Booking {
        Booking {
            substation: "s".into(),
            session: session.into(),
            request: request.into(),
        }
    }

    #[test]
    fn each_kind_of_lie_is_found() {
        let mut audit = Audit::default();
        let bookings = [
            booking("well", "s-1"),
            booking("twice", "s-2"),
            booking("twice", "s-3"),
            booking("denied", "s-4"),
            booking("open", "s-5"),
            booking("invented", "s-6"),
            booking("other", "s-7"),
        ];
        audit.add(bookings);
        let records = [
            record("well", Told::Booked("s-1".into())),
            record("twice", Told::Booked("s-3".into())),
            record("denied", Told::NotBooked(503)),
            record("open", Told::MayBeBooked(502)),
            record("lost", Told::Booked("s-8".into())),
            record("other", Told::Booked("s-8".into())),
            record("refused", Told::NotBooked(503)),
            record("silent", Told::Nothing),
        ];
        let verdict = audit.hold_against(&records);
        assert_eq!(verdict.lost, ["lost", "other"]);
        assert_eq!(verdict.twice, ["twice"]);
        assert_eq!(verdict.denied, ["denied"]);
        assert_eq!(verdict.unacknowledged, ["open"]);
        assert_eq!(verdict.invented, ["invented"]);
        assert_eq!(verdict.unanswered, ["silent"]);
        assert!(!verdict.is_sound());
        let sound = Audit::default().hold_against(&[record("refused", Told::NotBooked(503))]);
        assert!(sound.is_sound());
    }
}
