//! The substations of a fleet: processes of their own with journals, each behind a relay that can lose answers.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::bookings::Bookings;
use crate::child::Killable;

/// How many substations a fleet has: a choice that knows nothing of a key's first one misses it four times of five.
const SUBSTATIONS: usize = 5;

pub(super) struct Yard {
    pub(super) all: Vec<Killable>,
    _journals: TempDir,
}

impl Yard {
    pub(super) fn start() -> Self {
        let journals = TempDir::new().unwrap();
        let all = (1..=SUBSTATIONS).map(|at| Killable::losing(&format!("s{at}"), journals.path()));
        Self {
            all: all.collect(),
            _journals: journals,
        }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.all
            .iter()
            .map(|substation| substation.address)
            .collect()
    }

    /// What the journals say now.
    pub(super) fn bookings(&self) -> Bookings {
        let mut bookings = Bookings::default();
        for substation in &self.all {
            bookings.add_journal(&substation.name, &substation.journal);
        }
        bookings
    }
}
