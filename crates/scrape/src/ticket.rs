//! What a ledger needs from one scrape: its own state when the scrape left, and the reading that came back.
//!
//! A gauge may show bookings late (`load.visibility_lag`). The ledger's crate has the arithmetic for that
//! ([`switchyard_balance::visibility`]). Without a lag, a scrape goes straight to the ledger.

use std::sync::Arc;

use parking_lot::Mutex;
use switchyard_balance::{Ledger, Reading, ledger::ScrapeSent, visibility::History};
use tokio::time::Instant;

/// The past states of the ledger of a gauge that shows bookings late, and the start of their clock.
#[derive(Debug)]
pub struct LagHistory {
    history: Arc<Mutex<History>>,
    began: Instant,
}

impl LagHistory {
    /// `history` has the states of its ledger, at times that count from `began`.
    #[must_use]
    pub fn new(history: Arc<Mutex<History>>, began: Instant) -> Self {
        Self { history, began }
    }
}

/// One scrape from the ledger's side: ties the reading to the state of the ledger when the scrape left.
#[derive(Clone, Copy, Debug)]
pub struct ScrapeTicket<'a> {
    ledger: &'a Ledger,
    lag: Option<&'a LagHistory>,
}

impl<'a> ScrapeTicket<'a> {
    /// A ticket for a gauge that shows a booking by the time its answer leaves.
    #[must_use]
    pub fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, lag: None }
    }

    /// A ticket for a gauge that may show bookings late; `None` if it does not.
    #[must_use]
    pub fn with_lag(ledger: &'a Ledger, lag: Option<&'a LagHistory>) -> Self {
        Self { ledger, lag }
    }

    /// Must be called right before the scrape is written to the wire.
    pub(crate) fn scrape_sent(&self) -> ScrapeSent {
        let sent = self.ledger.scrape_sent();
        match self.lag {
            None => sent,
            Some(lag) => lag.history.lock().scrape_sent(sent, lag.began.elapsed()),
        }
    }

    /// Must be called right after the page arrived: everything assigned before that counts as possibly contained.
    pub(crate) fn page_arrived(&self, sent: ScrapeSent, reading: Reading) {
        self.ledger.sample(sent, reading);
    }
}
