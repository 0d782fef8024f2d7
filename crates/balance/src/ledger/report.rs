//! Samples that come with answers: the upstream states its load in each answer.
//!
//! Such a report costs nothing to fetch, and the booking that it confirms is not ambiguous: the gauge counts a booking
//! when its answer is sent, so the booking is in the value. For other bookings the rule is that of a scrape, between
//! the moment when the request was sent and the moment when its answer arrived:
//!
//! | own bookings | in the value | added to it |
//! | --- | --- | --- |
//! | settled before this request was sent | yes | nothing |
//! | this one, if it was booked | yes | nothing |
//! | assigned after this answer arrived | no | all |
//! | all others | perhaps | as much as the previous estimate says |
//!
//! (Where load ends with its answer, the reporting request itself may be in the value or not.)
//!
//! **Order.** A report is used only if it is newer than the sample that it would replace. The sample whose request
//! was *sent* later is newer. The count of reservations shows this without a clock: a request is sent after its own
//! reservation was made, so a scrape that was sent earlier has seen a lower count. On a tie the report is dropped;
//! there are then so many requests in flight that another report comes soon.
//!
//! **Writers.** Scrapes don't overlap, but answers arrive on every thread. So a thread takes a lock to write a sample.
//! If an answer finds the lock taken, its report is dropped; a scrape waits the few nanoseconds.

use super::{Ledger, Reading, ScrapeSent};
use crate::Load;

/// The state of the ledger when a request was sent. To be passed to [`Ledger::report`] with the report.
#[derive(Clone, Copy, Debug)]
#[must_use = "a report needs the state of the ledger when its request was sent"]
pub struct ReportSent(pub(super) ScrapeSent);

impl Ledger {
    /// To be called right before a request whose load is reserved here is written to the wire.
    #[inline]
    pub fn report_sent(&self) -> ReportSent {
        ReportSent(self.scrape_sent())
    }

    /// Takes the report of an answer, right after the answer arrived. Returns `false` if the report is dropped, because
    /// it is older than the last sample or because another thread is writing one.
    ///
    /// `own` is the load of the answered request if it is now booked and [outlives](crate::Reservation::outlives) its
    /// answer. It is zero if it ends with the answer, if it is not booked and its reservation was cancelled, or if the
    /// result is unknown.
    pub fn report(&self, sent: ReportSent, own: Load, reading: Reading) -> bool {
        let Ok(mut record) = self.record.try_lock() else {
            return false;
        };
        let ReportSent(mut sent) = sent;
        let is_newer = sent.order > record.order;
        if is_newer {
            sent.sums.settled = sent.sums.settled.wrapping_add(own.micros());
            self.write(sent, None, reading, &mut record);
        }
        is_newer
    }
}
