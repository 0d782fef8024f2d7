//! One attempt: an exchange with one substation, and what its end proves.
//!
//! Here the books are kept. Each way an exchange can end is one row of the table in ARCHITECTURE.md: it says of the
//! reservation whether it is booked, cancelled or unknown, of the substation how it did, and of the request whether it
//! may be booked.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Load, Reservation, ledger::ReportSent};
use switchyard_grid::{Grid, Substation, UpstreamOutcome, Verdict};
use switchyard_http1::Answer;
use switchyard_upstream::{Progress, UpstreamError};
use switchyard_wire::{Consequence, Failure};
use tracing::debug;

use super::retry::SafeToRetry;

/// How one attempt ended.
pub(super) enum Attempt {
    /// With an answer for the client.
    Answered(Answer),
    /// Certainly not booked; a refusal may say in how many seconds there will be room.
    SafeToRetry(SafeToRetry, Option<u32>),
    /// In the middle; how far it had got.
    Broken(Failure, Progress),
    /// For good, so there is no other attempt: time ran out, or only this substation could answer. How far it had got.
    Final(Failure, Progress),
}

/// What came of an exchange.
pub(super) struct ExchangeEnd {
    pub(super) result: Result<Answer, UpstreamError>,
    pub(super) progress: Progress,
    /// What it means for the client if it failed.
    pub(super) consequence: Consequence,
    /// The time that it had: `timeouts.request`.
    pub(super) limit: Duration,
}

/// Of a question about a session: nothing is reserved, and it says nothing of the substation's health.
pub(super) fn of_session(holder: &str, end: ExchangeEnd) -> Attempt {
    let ExchangeEnd {
        result,
        progress,
        consequence,
        limit,
    } = end;
    match result {
        Ok(answer) => Attempt::Answered(answer),
        Err(UpstreamError::Connect(error)) => {
            Attempt::Final(Failure::unreachable(holder, error, consequence), progress)
        }
        Err(UpstreamError::Lost(reason)) => {
            Attempt::Broken(Failure::lost(holder, reason, consequence), progress)
        }
        Err(UpstreamError::Deadline) => {
            Attempt::Final(Failure::late(holder, limit, consequence), progress)
        }
    }
}

/// Of a charge: ends its reservation as what the exchange proved.
pub(super) fn of_charge(
    grid: &Grid,
    substation: &Arc<Substation>,
    reservation: Reservation<Substation>,
    report: ReportSent,
    end: ExchangeEnd,
) -> Attempt {
    let ExchangeEnd {
        result,
        progress,
        consequence,
        limit,
    } = end;
    let count = |outcome| substation.metrics().exchange(outcome);
    match result {
        Ok(answer) => {
            let refused = matches!(answer.status, 503 | 429);
            count(if refused {
                UpstreamOutcome::Refused
            } else {
                UpstreamOutcome::Ok
            });
            of_answer(grid, substation, reservation, report, answer)
        }
        Err(UpstreamError::Connect(error)) => {
            count(UpstreamOutcome::Connect);
            debug!(substation = substation.name(), %error, "No connection");
            grid.failed(substation, Verdict::Unreachable);
            reservation.cancel();
            Attempt::SafeToRetry(SafeToRetry::Connect, None)
        }
        Err(UpstreamError::Lost(reason)) => {
            count(UpstreamOutcome::Reset);
            grid.failed(substation, Verdict::Bad);
            if progress == Progress::Unsent {
                debug!(substation = substation.name(), reason, "Nothing was sent");
                reservation.cancel();
                return Attempt::SafeToRetry(SafeToRetry::Unsent, None);
            }
            reservation.unknown();
            Attempt::Broken(
                Failure::lost(substation.name(), reason, consequence),
                progress,
            )
        }
        Err(UpstreamError::Deadline) => {
            count(UpstreamOutcome::Timeout);
            grid.failed(substation, Verdict::Bad);
            match progress {
                Progress::Unsent => reservation.cancel(),
                Progress::Sent => reservation.unknown(),
            }
            Attempt::Final(
                Failure::late(substation.name(), limit, consequence),
                progress,
            )
        }
    }
}

/// Of a charge that was answered.
fn of_answer(
    grid: &Grid,
    substation: &Arc<Substation>,
    reservation: Reservation<Substation>,
    report: ReportSent,
    answer: Answer,
) -> Attempt {
    // A load that stands on the answer; it contains the booking that the answer confirms.
    let reported = |answer: &Answer, own: Load| {
        let clock = grid.clock();
        grid.reports().take(answer, substation, report, own, clock);
    };
    let mut own = Load::ZERO;
    match answer.status {
        503 | 429 => {
            let room_in = seconds(answer.header("retry-after"));
            let wait = room_in.map(|seconds| Duration::from_secs(seconds.into()));
            let load = reservation.load();
            // First taken back, then told: what it refuses is measured by what it has.
            reservation.cancel();
            reported(&answer, Load::ZERO);
            grid.refused(substation, load, wait);
            return Attempt::SafeToRetry(SafeToRetry::Refused, room_in);
        }
        200..300 => {
            own = reservation.load();
            grid.good(substation, Some(own));
            reservation.booked();
        }
        // It understood, and declined.
        400..500 => {
            grid.good(substation, None);
            reservation.cancel();
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

/// A header that is a whole number of seconds.
fn seconds(value: Option<&[u8]>) -> Option<u32> {
    str::from_utf8(value?).ok()?.parse().ok()
}
