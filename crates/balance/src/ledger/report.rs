//! Samples that come on answers: a backend that says with each answer how loaded it is.
//!
//! Such a report costs nothing to fetch, and of one booking it leaves no doubt: the one it confirms. The gauge
//! counts a booking when its answer leaves, so it is in the value. For the others the rule is that of a scrape, between
//! the moment its request was sent and the moment its answer arrived:
//!
//! | one's own bookings that were | are in the value | count beside it |
//! | --- | --- | --- |
//! | settled before this request was sent | certainly | not at all |
//! | this one, if it was booked | certainly | not at all |
//! | assigned after this answer arrived | not | in full |
//! | any other | perhaps | as much of it as the estimate from before says |
//!
//! **Order.** A report is worth taking only if it is newer than the sample that it would replace. What tells is which
//! was *sent* later, and the count of reservations tells that without a clock: a request was sent after its own
//! reservation was made, so a scrape that left before had seen fewer. On a tie the report is dropped; with so many
//! requests on their way the next one is near.
//!
//! **Writers.** Scrapes don't overlap, but answers come on every thread. So whoever writes a sample raises a
//! flag: an answer that finds it raised drops its report and goes on, a scrape waits for the few nanoseconds.

use std::sync::atomic::Ordering::Relaxed;

use super::{Ledger, Reading, ScrapeSent};
use crate::Load;

/// What the ledger stood at when a request left. Hand it back with what its answer reports.
#[derive(Clone, Copy, Debug)]
#[must_use = "a report can only be read against the ledger as it stood when its request left"]
pub struct ReportSent(pub(super) ScrapeSent);

impl Ledger {
    /// To be called right before a request is written to the wire whose load is reserved here.
    pub fn report_sent(&self) -> ReportSent {
        ReportSent(self.scrape_sent())
    }

    /// Takes what an answer reports, right after it arrived; `false` if it is dropped, for being older than the
    /// last sample or for coming while another one is written.
    ///
    /// `own` is the load of the request that it answers where that is booked now; zero where it is not booked and
    /// its reservation has ended so, or where nobody knows.
    pub fn report(&self, sent: ReportSent, own: Load, reading: Reading) -> bool {
        let Some(guard) = self.try_write_lock() else {
            return false;
        };
        let ReportSent(sent) = sent;
        let is_newer = sent.order > self.order.load(Relaxed);
        if is_newer {
            let settled = sent.settled.wrapping_add(own.micros());
            self.write(ScrapeSent { settled, ..sent }, reading, &guard);
        }
        is_newer
    }
}
