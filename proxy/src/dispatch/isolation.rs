//! Which requests may share a connection to a substation with requests of others.
//!
//! A request that breaks its connection takes those that share it along: their clients get a 502 for what another
//! client sent. So a request shares only if its client's connection has proven itself:
//!
//! - The first request of a connection goes alone. One good answer, and the next ones share.
//! - After a request of a client has broken its connection or hung, its requests go alone for a while, on all of its
//!   connections. Only a connection with many good answers since is believed nevertheless: otherwise one client behind
//!   a proxy in front would stop the sharing of all.
//!
//! Clients are told apart by a hash in a table of fixed size. Two that meet in it are both careful, and no harm is done.

use std::{
    array,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use switchyard_grid::{Moment, Source};

/// How long a client that broke something is suspect.
const SUSPECT_FOR: Duration = Duration::from_secs(10);
/// Good answers that prove a connection of a suspect client.
const PROVEN: u32 = 32;
/// How many places the table has.
const PLACES: usize = 256;

/// The clients that broke something of late. Shared by all threads.
#[derive(Debug)]
pub(super) struct Suspects {
    /// Until when the clients of each place are suspect, in milliseconds.
    until: [AtomicU64; PLACES],
}

impl Default for Suspects {
    fn default() -> Self {
        Self {
            until: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Suspects {
    /// Notes that a request of this client broke its connection.
    pub(super) fn note(&self, client: Source, now: Moment) {
        if let Some(until) = self.until.get(place(client)) {
            until.store(now.plus(SUSPECT_FOR).millis(), Relaxed);
        }
    }

    /// Whether a request of this client may share, on a client connection with this record.
    #[inline]
    pub(super) fn may_share(&self, client: Source, record: &Record, now: Moment) -> bool {
        let until = self.until.get(place(client));
        let is_suspect = until.is_some_and(|until| now.millis() < until.load(Relaxed));
        record.0.load(Relaxed) >= if is_suspect { PROVEN } else { 1 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "eight bits are left")]
fn place(client: Source) -> usize {
    // Fibonacci hashing: it spreads neighbours.
    let hash = client.number().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - PLACES.trailing_zeros())) as usize
}

/// The record of one client connection: good answers since one of its requests broke something.
#[derive(Debug, Default)]
pub(super) struct Record(AtomicU32);

impl Record {
    /// A request was answered.
    #[inline]
    pub(super) fn good(&self) {
        let good = self.0.load(Relaxed);
        if good < PROVEN {
            self.0.store(good + 1, Relaxed);
        }
    }

    /// A request broke its connection.
    pub(super) fn broke(&self) {
        self.0.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> Source {
        Source::of(std::net::IpAddr::V4(number.into()))
    }

    #[test]
    fn a_connection_shares_after_a_good_answer_and_a_suspects_after_many() {
        let (suspects, now) = (Suspects::default(), Moment::from_millis(5));
        let fresh = Record::default();
        assert!(!suspects.may_share(client(1), &fresh, now));
        let proven = Record::default();
        proven.good();
        assert!(suspects.may_share(client(1), &proven, now));
        suspects.note(client(1), now);
        assert!(!suspects.may_share(client(1), &proven, now));
        assert!(suspects.may_share(client(2), &proven, now), "another one");
        (1..PROVEN).for_each(|_| proven.good());
        assert!(suspects.may_share(client(1), &proven, now));
        proven.broke();
        assert!(!suspects.may_share(client(1), &proven, now));
        proven.good();
        assert!(suspects.may_share(client(1), &proven, now.plus(SUSPECT_FOR)));
    }

    #[test]
    fn neighbours_have_places_of_their_own() {
        let places: std::collections::BTreeSet<_> =
            (0..100).map(|one| place(client(one))).collect();
        assert!(places.len() > 80, "{}", places.len());
    }
}
