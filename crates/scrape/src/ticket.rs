//! What a ledger has to know of one look at its gauge: where it stood as the scrape left, and what came of it.
//!
//! A gauge may follow its bookings late (`load.visibility_lag`). The arithmetic of that is the ledger's own
//! ([`switchyard_balance::visibility`]). Without a lag a look goes straight to the ledger.

use std::sync::Arc;

use parking_lot::Mutex;
use switchyard_balance::{Ledger, Reading, ledger::ScrapeSent, visibility::History};
use tokio::time::Instant;

/// How late one gauge is, and since when that is noted.
#[derive(Debug)]
pub struct LagHistory {
    history: Arc<Mutex<History>>,
    began: Instant,
}

impl LagHistory {
    /// `history` notes, since `began`, what its ledger stood at.
    #[must_use]
    pub fn new(history: Arc<Mutex<History>>, began: Instant) -> Self {
        Self { history, began }
    }
}

/// One look at one gauge, from the ledger's side: what it stood at, and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct ScrapeTicket<'a> {
    ledger: &'a Ledger,
    lag: Option<&'a LagHistory>,
}

impl<'a> ScrapeTicket<'a> {
    /// At a gauge that counts a booking when its answer leaves.
    #[must_use]
    pub fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, lag: None }
    }

    /// The same at one that may be late.
    #[must_use]
    pub fn with_lag(ledger: &'a Ledger, lag: Option<&'a LagHistory>) -> Self {
        Self { ledger, lag }
    }

    /// To be called right before the scrape is written to the wire.
    pub(crate) fn scrape_sent(&self) -> ScrapeSent {
        let sent = self.ledger.scrape_sent();
        match self.lag {
            None => sent,
            Some(lag) => lag.history.lock().scrape_sent(sent, lag.began.elapsed()),
        }
    }

    /// To be called right after the page arrived: whatever is assigned before counts as possibly seen.
    pub(crate) fn page_arrived(&self, sent: ScrapeSent, reading: Reading) {
        self.ledger.sample(sent, reading);
    }
}
