//! Looking at a gauge that follows its bookings late (`load.visibility_lag`).
//!
//! The arithmetic is the ledger's own ([`switchyard_balance::visibility`]); here are the clock, the notes' timer
//! and the place where the notes lie. Without a lag there is none of it, and a look goes straight to the ledger.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use switchyard_balance::{Ledger, Reading, ledger::ScrapeSent, visibility::History};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::Substation;

/// The histories of all substations; none where there is no lag.
///
/// Only the scraping task notes and reads, so no lock is ever waited for: they are there because its scrapes
/// and its timer take turns in it.
#[derive(Debug)]
pub(super) struct Visibility {
    began: Instant,
    histories: Box<[Mutex<History>]>,
}

impl Visibility {
    /// Histories that begin now, and the timer of their notes.
    pub(super) fn new(lag: Duration, substations: &[Arc<Substation>]) -> (Self, Notes) {
        let is_late = !lag.is_zero();
        let late = substations.iter().filter(|_| is_late);
        let histories = late
            .map(|substation| Mutex::new(History::new(lag, substation.ledger())))
            .collect();
        let notes = is_late.then(|| {
            let mut timer = interval(History::interval(lag));
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            timer
        });
        let visibility = Self {
            began: Instant::now(),
            histories,
        };
        (visibility, Notes(notes))
    }

    /// Takes a note of each ledger.
    pub(super) fn note(&self, substations: &[Arc<Substation>]) {
        let now = self.began.elapsed();
        for (history, substation) in self.histories.iter().zip(substations) {
            history.lock().note(now, substation.ledger());
        }
    }

    /// How the ledger of the substation that stands at `at` is looked at.
    pub(super) fn look<'a>(&'a self, at: usize, ledger: &'a Ledger) -> Look<'a> {
        Look {
            ledger,
            late: self.histories.get(at).map(|history| (history, self.began)),
        }
    }
}

/// When the next note is due.
#[derive(Debug)]
pub(super) struct Notes(Option<Interval>);

impl Notes {
    /// Waits for it; for ever where there is no lag.
    pub(super) async fn due(&mut self) {
        match &mut self.0 {
            Some(timer) => {
                timer.tick().await;
            }
            None => std::future::pending().await,
        }
    }
}

/// One look at one gauge, from the ledger's side: what it stood at, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    ledger: &'a Ledger,
    late: Option<(&'a Mutex<History>, Instant)>,
}

impl<'a> Look<'a> {
    /// At a gauge that counts a booking when its answer leaves.
    #[must_use]
    pub fn of(ledger: &'a Ledger) -> Self {
        Self { ledger, late: None }
    }

    /// To be called right before the scrape is written to the wire.
    pub(super) fn scrape_sent(&self) -> ScrapeSent {
        let sent = self.ledger.scrape_sent();
        match self.late {
            None => sent,
            Some((history, began)) => history.lock().scrape_sent(sent, began.elapsed()),
        }
    }

    /// To be called right after the page arrived: whatever is assigned before counts as possibly seen.
    pub(super) fn arrived(&self, sent: ScrapeSent, reading: Reading) {
        self.ledger.sample(sent, reading);
    }
}
