//! One attempt: an exchange with one substation, and what its end proves.
//!
//! Here the books are kept: each way an exchange can end is one row of the table in ARCHITECTURE.md, and
//! says of the reservation whether it is booked, refused or unknown, of the substation how it did, and of the
//! request whether it may be booked.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Load, Reservation, ledger::ReportSent};
use tracing::debug;

use super::{
    Code, Failure, Snapshot,
    exchange::{Answer, Break, Progress},
    retry::Unbooked,
};
use crate::{
    grid::{Substation, health::Verdict},
    metrics::UpstreamOutcome,
};

/// How one attempt ended.
pub(super) enum Attempt {
    /// With an answer for the client.
    Answered(Answer),
    /// Certainly not booked; a refusal may say in how many seconds there will be room.
    Unbooked(Unbooked, Option<u32>),
    /// In the middle: the request may be booked.
    Broken(Failure),
    /// By the clock, so there is no other attempt; whether it may be booked.
    Late(Failure, Progress),
}

/// Ends a reservation as what the exchange proved, and says what that means for the request.
pub(super) fn end(
    by: &Snapshot,
    reservation: Reservation<Substation>,
    substation: &Arc<Substation>,
    report: ReportSent,
    progress: Progress,
    result: Result<Answer, Break>,
) -> Attempt {
    let grid = &by.grid;
    let count = |outcome| substation.metrics().exchange(outcome);
    // A load that stands on the answer; it contains the booking that the answer confirms.
    let reported = |answer: &Answer, own: Load| {
        let clock = grid.clock();
        grid.reports().take(answer, substation, report, own, clock);
    };
    match result {
        Ok(answer) if matches!(answer.status, 503 | 429) => {
            count(UpstreamOutcome::Refused);
            let room_in = seconds(answer.header("retry-after"));
            let wait = room_in.map(|seconds| Duration::from_secs(seconds.into()));
            let load = reservation.load();
            // First taken back, then told: what it refuses is measured by what it has.
            reservation.refused();
            reported(&answer, Load::ZERO);
            grid.refused(substation, load, wait);
            Attempt::Unbooked(Unbooked::Refused, room_in)
        }
        Ok(answer) => {
            count(UpstreamOutcome::Ok);
            let mut own = Load::ZERO;
            match answer.status {
                200..300 => {
                    own = reservation.load();
                    grid.good(substation, Some(own));
                    reservation.booked();
                }
                // It understood, and declined.
                400..500 => {
                    grid.good(substation, None);
                    reservation.refused();
                }
                300..400 => {
                    grid.good(substation, None);
                    reservation.unknown();
                }
                _ => {
                    grid.failed(substation, Verdict::Bad);
                    reservation.unknown();
                }
            }
            reported(&answer, own);
            Attempt::Answered(answer)
        }
        Err(Break::Connect(error)) => {
            count(UpstreamOutcome::Connect);
            debug!(substation = substation.name(), %error, "No connection");
            grid.failed(substation, Verdict::Unreachable);
            reservation.refused();
            Attempt::Unbooked(Unbooked::Connect, None)
        }
        Err(Break::Lost(reason)) if progress == Progress::Unsent => {
            count(UpstreamOutcome::Reset);
            debug!(substation = substation.name(), reason, "Nothing was sent");
            grid.failed(substation, Verdict::Bad);
            reservation.refused();
            Attempt::Unbooked(Unbooked::Unsent, None)
        }
        Err(Break::Lost(reason)) => {
            count(UpstreamOutcome::Reset);
            grid.failed(substation, Verdict::Bad);
            let name = substation.name();
            let message = format!(
                "{name} broke off: {reason}; the session may be booked there, so it was not sent elsewhere"
            );
            reservation.unknown();
            Attempt::Broken(Failure::new(Code::SubstationFailed, message))
        }
        Err(Break::Deadline) => {
            count(UpstreamOutcome::Timeout);
            grid.failed(substation, Verdict::Bad);
            let limit = humantime::format_duration(by.config.timeouts.request);
            let name = substation.name();
            let message = if progress == Progress::Unsent {
                format!(
                    "no answer within {limit} (timeouts.request); the session is not booked: try again"
                )
            } else {
                format!(
                    "{name} did not answer within {limit} (timeouts.request); the session may be booked there"
                )
            };
            match progress {
                Progress::Unsent => reservation.refused(),
                Progress::Sent => reservation.unknown(),
            }
            let failure = Failure::new(Code::DeadlineExceeded, message);
            Attempt::Late(failure, progress)
        }
    }
}

/// A header that is a whole number of seconds.
fn seconds(value: Option<&[u8]>) -> Option<u32> {
    str::from_utf8(value?).ok()?.parse().ok()
}
