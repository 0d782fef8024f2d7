//! The scraping of one substation: its probe, what is known between rounds, and one scrape.

use std::{sync::Arc, time::Duration};

use switchyard_credentials::Bearer;
use switchyard_scrape::{
    Gauges, LagHistory, PageBuffer, PollFailure, PollOutcome, Probe, ScrapeTicket,
};
use tokio::time::Instant;
use tracing::{info, warn};

use super::faults::{Faults, News};
use crate::{
    grid::Grid,
    substation::{Reach, Substation},
};

/// The scraping of one substation. While a scrape is under way, the scrape has it.
#[derive(Debug)]
pub(super) struct ScrapeSlot {
    pub(super) substation: Arc<Substation>,
    probe: Probe,
    faults: Faults,
}

/// A scrape that ended, with its slot for the next round.
pub(super) struct FinishedScrape {
    /// The position at which the scrape began.
    pub(super) at: usize,
    pub(super) slot: Box<ScrapeSlot>,
    pub(super) buffer: PageBuffer,
    result: Result<Option<PollFailure>, PollFailure>,
    began: Instant,
    took: Duration,
}

impl ScrapeSlot {
    pub(super) fn new(substation: &Arc<Substation>, gauges: &Gauges) -> Box<Self> {
        Box::new(Self {
            substation: Arc::clone(substation),
            probe: Probe::new(substation.address(), gauges).over(substation.transport()),
            faults: Faults::default(),
        })
    }

    /// Logs what changed since the last scrape.
    fn log(&mut self, result: Result<Option<PollFailure>, PollFailure>) {
        let substation = self.substation.name();
        for news in self.faults.note(result) {
            match news {
                News::Recovered => info!(substation, "Substation gives load samples again"),
                News::Failing(failure) => warn!(
                    substation,
                    outcome = <&str>::from(failure.outcome()),
                    why = %failure,
                    "Substation gives no load sample: dispatch continues by the ledger"
                ),
                News::NoCapacity(fault) => {
                    warn!(substation, why = %fault, "Substation has no known capacity");
                }
            }
        }
    }
}

impl FinishedScrape {
    /// Whether it does not count as a scrape in vain: any answer proves that the substation lives, and a shortage is
    /// the proxy's own.
    pub(super) fn is_answered(&self) -> bool {
        let outcome = self.outcome();
        outcome == PollOutcome::Shortage || reach(outcome) == Reach::Yes
    }

    fn outcome(&self) -> PollOutcome {
        match &self.result {
            Ok(_) => PollOutcome::Ok,
            Err(failure) => failure.outcome(),
        }
    }

    /// Records the result in the metrics and the health, and logs a change. The ledger has the sample already. Returns
    /// the slot.
    pub(super) fn record(self, grid: &Grid) -> Box<ScrapeSlot> {
        let outcome = self.outcome();
        let Self {
            mut slot,
            result,
            began,
            took,
            ..
        } = self;
        let substation = &*slot.substation;
        // First, so that whatever sees the sample also finds its sessions.
        if let Some(name) = slot.probe.own_name() {
            grid.names_itself(&slot.substation, name);
        }
        let now = grid.clock().now();
        substation.metrics().poll(outcome);
        substation.metrics().poll_seconds.observe(took);
        if result.is_ok() {
            substation.stamp_sample(now, Some(grid.clock().at(began)));
        }
        grid.scraped(substation, reach(outcome), now);
        match &result {
            Err(PollFailure::Tls(refusal)) => substation.tls_failed(refusal),
            // A connection that was kept says nothing of the next one.
            _ if slot.probe.has_connected() => substation.tls_works(),
            _ => {}
        }
        match result {
            // It has one line for all substations, and says nothing about this one.
            Err(PollFailure::Lacking(shortage)) => grid.lacks(shortage),
            other => slot.log(other),
        }
        slot
    }
}

/// Scrapes the slot's substation once, into its ledger.
pub(super) async fn scrape(
    at: usize,
    mut slot: Box<ScrapeSlot>,
    late: Option<LagHistory>,
    (gauges, bearer): (Arc<Gauges>, Option<Bearer>),
    mut buffer: PageBuffer,
) -> FinishedScrape {
    let began = Instant::now();
    let ScrapeSlot {
        substation, probe, ..
    } = &mut *slot;
    let ticket = ScrapeTicket::with_lag(substation.ledger(), late.as_ref());
    probe.set_host(&substation.authority());
    probe.set_bearer(bearer);
    let capacity = substation.configured_capacity();
    let result = probe.sample(&gauges, ticket, capacity, &mut buffer).await;
    let took = began.elapsed();
    FinishedScrape {
        at,
        slot,
        buffer,
        result,
        began,
        took,
    }
}

/// What the end of a scrape shows about the connection. Any answer proves it, even a missing or
/// unreadable page. A timeout proves nothing, because only the page may be slow, and neither does
/// a shortage of this process.
fn reach(outcome: PollOutcome) -> Reach {
    match outcome {
        PollOutcome::Connect => Reach::No,
        PollOutcome::Timeout | PollOutcome::Shortage => Reach::Unclear,
        _ => Reach::Yes,
    }
}
