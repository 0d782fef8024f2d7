//! What one proxy does: it learns from scrapes and answers, and picks.

mod oracle;
mod plain;
mod prequal;
mod raw;

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::ledger::ScrapeSent;
use switchyard_balance::{Ledger, Load, Reading, Reservation};

use crate::fleet::Fleet;

pub use oracle::Oracle;
pub use plain::Plain;
pub use prequal::Prequal;
pub use raw::RawGauge;

/// A choice, until its answer comes.
#[derive(Debug)]
pub struct Pick {
    /// The substation chosen.
    pub at: usize,
    /// The ledger's side of it, where there is a ledger.
    pub reservation: Option<Reservation<Ledger>>,
}

/// A scrape on its way.
#[derive(Clone, Copy, Debug)]
pub struct Scrape {
    /// The substation read.
    pub at: usize,
    /// The ledger as it stood when the scrape left, where there is a ledger.
    pub sent: Option<ScrapeSent>,
    /// When it left.
    pub left: Duration,
}

/// What the picker of a proxy could look at. All but the oracle keep to the time.
#[derive(Debug)]
pub struct World<'a> {
    /// The time.
    pub now: Duration,
    /// The truth.
    pub fleet: &'a Fleet,
}

/// One proxy's way to choose.
pub trait Picker {
    /// Chooses a substation for `power`, or refuses.
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick>;

    /// The answer to a choice has come.
    fn answered(&mut self, pick: Pick, _power: Load, booked: bool) {
        if let Some(reservation) = pick.reservation {
            if booked {
                reservation.booked();
            } else {
                reservation.refused();
            }
        }
    }

    /// A scrape leaves.
    fn scrape_sent(&mut self, _at: usize) -> Option<ScrapeSent> {
        None
    }

    /// Its answer has come.
    fn sampled(&mut self, scrape: Scrape, reading: Reading, world: &World<'_>, rng: &mut Rng);

    /// All scrapes of a round have ended, one way or the other.
    fn round_over(&mut self) {}

    /// Whether it reads all gauges in rounds.
    fn polls(&self) -> bool {
        true
    }

    /// The substations to probe along with a request.
    fn probes(&mut self, _now: Duration, _rng: &mut Rng) -> Vec<usize> {
        Vec::new()
    }

    /// The ledger of a substation, where there is one: for checks only.
    fn ledger(&self, _at: usize) -> Option<&Ledger> {
        None
    }
}

/// The position of the lowest score; one of them at random where several share it.
fn lowest(scores: impl Iterator<Item = f64>, rng: &mut Rng) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    let mut ties = 0;
    for (at, score) in scores.enumerate() {
        let order = best.map_or(std::cmp::Ordering::Less, |(_, held)| score.total_cmp(&held));
        if order.is_lt() {
            ties = 0;
        }
        if order.is_le() {
            ties += 1;
            if rng.usize(..ties) == 0 {
                best = Some((at, score));
            }
        }
    }
    best.map(|(at, _)| at)
}
