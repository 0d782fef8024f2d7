//! The part of a proxy that picks substations, and learns from scrapes and answers.

mod in_flight;
mod least_connections;
mod least_request;
mod ledger_policy;
mod lowest;
mod oracle;
mod prequal;
mod raw_gauge;

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::ledger::ScrapeSent;
use switchyard_balance::{Ledger, Load, Reading, Reservation, promises::BOUNDLESS};

use crate::fleet::{Fleet, Session};

pub use least_connections::LeastConnections;
pub use least_request::LeastRequest;
pub use ledger_policy::LedgerPolicy;
pub use oracle::Oracle;
pub use prequal::Prequal;
pub use raw_gauge::RawGauge;

/// A picked substation, until the answer comes.
#[derive(Debug)]
pub struct Pick {
    /// The substation.
    pub at: usize,
    /// Its reservation in the ledger, if the picker has one.
    pub reservation: Option<Reservation<Ledger>>,
}

/// A scrape on its way.
#[derive(Clone, Copy, Debug)]
pub struct Scrape {
    /// The substation read.
    pub at: usize,
    /// The state of the ledger when the scrape was sent, if the picker has one.
    pub sent: Option<ScrapeSent>,
    /// When it was sent.
    pub sent_at: Duration,
}

/// The state of the simulation. Only the oracle uses the true loads; the others use the time and
/// the rotation.
#[derive(Debug)]
pub struct World<'a> {
    /// The time.
    pub now: Duration,
    /// The true state of the substations.
    pub fleet: &'a Fleet,
}

/// How one proxy picks substations.
pub trait Picker {
    /// Picks a substation for `power`; none if it refuses the request.
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick>;

    /// The room for requests of this power, as a ledger counts it: see
    /// [`room_for`](switchyard_balance::Roster::room_for).
    fn room_for(&self, _power: Load) -> i128 {
        BOUNDLESS
    }

    /// The answer to a picked request has come.
    fn answered(&mut self, pick: Pick, _power: Load, booked: bool) {
        if let Some(reservation) = pick.reservation {
            if booked {
                reservation.booked();
            } else {
                reservation.cancel();
            }
        }
    }

    /// The answer to a booking at `now` has told how long its session lasts.
    fn lasts_for(&self, _at: usize, _session: Session, _now: Duration) {}

    /// A scrape is sent.
    fn scrape_sent(&mut self, _at: usize) -> Option<ScrapeSent> {
        None
    }

    /// The answer of a scrape has come.
    fn sampled(&mut self, scrape: Scrape, reading: Reading, world: &World<'_>, rng: &mut Rng);

    /// Notes the states of all ledgers, for samples of the past.
    fn note(&mut self, _now: Duration) {}

    /// A sample of the substation at a position has been told of that was taken at `stamp`, by a clock that may be wrong by
    /// `skew`. Returns whether it could be read.
    fn told(&mut self, _at: usize, _stamp: Duration, _skew: Duration, _reading: Reading) -> bool {
        false
    }

    /// All scrapes of a round have ended, with or without an answer.
    fn round_over(&mut self, _now: Duration, _interval: Duration) {}

    /// A scrape of a feeder's meter is sent, if it reads meters.
    fn meter_sent(&mut self, _feeder: usize) -> Option<ScrapeSent> {
        None
    }

    /// The answer of that scrape has come.
    fn meter_sampled(&mut self, _feeder: usize, _sent: ScrapeSent, _reading: Reading) {}

    /// A limit is in force on a feeder from now on, or none.
    fn set_limit(&mut self, _feeder: usize, _limit: Option<Load>) {}

    /// Whether it reads all gauges in rounds.
    fn polls(&self) -> bool {
        true
    }

    /// The substations to probe with a request.
    fn probes(&mut self, _now: Duration, _rng: &mut Rng) -> Vec<usize> {
        Vec::new()
    }

    /// The ledger of a substation, if the picker has one; for checks only.
    fn ledger(&self, _at: usize) -> Option<&Ledger> {
        None
    }
}
