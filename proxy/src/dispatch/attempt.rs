//! One attempt: an exchange with one substation, and what its end proves.
//!
//! Each way an exchange can end is one row of the table in ARCHITECTURE.md. It decides whether the reservation is
//! booked, cancelled or unknown, what counts for the substation's health, and whether the request may be booked.
//! Whether a failure is the substation's fault or its request's, the grid decides.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use switchyard_balance::{Load, Reservation, ledger::ReportSent};
use switchyard_grid::{Blame, Excuse, Grid, Substation, UpstreamOutcome};
use switchyard_http1::{Answer, Malformed};
use switchyard_transport::Refusal;
use switchyard_upstream::{Progress, UpstreamError};
use switchyard_wire::{Consequence, Failure, names::IDEMPOTENT_REPLAYED};
use tracing::debug;

use super::{refusal, retry::SafeToRetry, sessions::unfit, streamed::Streamed};

/// How one attempt ended.
pub(super) enum Attempt {
    /// The substation gave an answer for the client.
    Answered(Answer),
    /// The substation's answer went to the client as it came.
    Streamed(Streamed),
    /// Certainly not booked. A refusal may say after how many seconds the client may come back.
    SafeToRetry(SafeToRetry, Option<u32>),
    /// The connection was lost; the request may be repeated if its progress allows it.
    Broken(Failure, Progress),
    /// Failed without another attempt: time ran out, or no other substation could answer. With its progress.
    Final(Failure, Progress),
}

/// How an exchange ended.
pub(super) struct ExchangeEnd {
    pub(super) result: Result<Answer, UpstreamError>,
    pub(super) progress: Progress,
    /// The consequence for the client if it failed.
    pub(super) consequence: Consequence,
    /// The time limit: `timeouts.request`.
    pub(super) limit: Duration,
    /// The size limit: `limits.answer`.
    pub(super) largest: usize,
    /// How long it took.
    pub(super) took: Duration,
    /// Whose request it was, as far as that matters if it failed.
    pub(super) blame: Blame,
}

/// The attempt of a session request: nothing is reserved, and the substation's health is not judged by it.
pub(super) fn of_session(holder: &str, end: ExchangeEnd) -> Attempt {
    let ExchangeEnd {
        result,
        progress,
        consequence,
        limit,
        largest,
        ..
    } = end;
    match result {
        Ok(answer) => Attempt::Answered(answer),
        Err(UpstreamError::Connect(error)) => {
            let failure = match Refusal::of(&error) {
                // What is wrong with a certificate is for operators.
                Some(_) => Failure::unreachable(holder, "no TLS connection", consequence),
                None => Failure::unreachable(holder, error, consequence),
            };
            Attempt::Final(failure, progress)
        }
        Err(UpstreamError::Lacking(shortage)) => {
            Attempt::Final(Failure::lacking(shortage, consequence), progress)
        }
        Err(UpstreamError::TooLarge(how)) => {
            Attempt::Final(oversize(holder, how, largest, consequence), progress)
        }
        Err(UpstreamError::Unencodable(how)) => Attempt::Final(unfit(how), progress),
        Err(UpstreamError::Lost(reason)) => {
            Attempt::Broken(Failure::lost(holder, reason, consequence), progress)
        }
        Err(UpstreamError::Deadline) => {
            Attempt::Final(Failure::late(holder, limit, consequence), progress)
        }
    }
}

/// The attempt of a charge: ends its reservation by what the exchange proved.
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
        largest,
        took,
        blame,
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
            of_answer(grid, substation, reservation, (report, blame), answer)
        }
        Err(UpstreamError::Connect(error)) => {
            count(UpstreamOutcome::Connect);
            debug!(substation = substation.name(), %error, "Request not sent: no connection");
            match error.kind() {
                ErrorKind::TimedOut => grid.silent(substation, took),
                _ => grid.unreachable(substation),
            }
            reservation.cancel();
            Attempt::SafeToRetry(SafeToRetry::Connect(error.kind()), None)
        }
        Err(UpstreamError::Lacking(shortage)) => {
            count(UpstreamOutcome::Shortage);
            grid.lacks(shortage);
            reservation.cancel();
            Attempt::SafeToRetry(SafeToRetry::Shortage(shortage), None)
        }
        // The substation answered, and any other request of the kind may fit.
        Err(UpstreamError::TooLarge(how)) => {
            count(UpstreamOutcome::Oversize);
            grid.good(substation, None);
            reservation.unknown();
            Attempt::Final(
                oversize(substation.public_name().as_str(), how, largest, consequence),
                progress,
            )
        }
        // Nothing was sent, and no substation could be sent it.
        Err(UpstreamError::Unencodable(how)) => {
            reservation.cancel();
            Attempt::Final(unfit(how), progress)
        }
        Err(UpstreamError::Lost(reason)) => {
            count(UpstreamOutcome::Reset);
            grid.failed(substation, blame);
            if progress == Progress::Unsent {
                debug!(
                    substation = substation.name(),
                    reason, "Request not sent: connection lost"
                );
                reservation.cancel();
                return Attempt::SafeToRetry(SafeToRetry::Unsent, None);
            }
            reservation.unknown();
            Attempt::Broken(
                Failure::lost(substation.public_name().as_str(), reason, consequence),
                progress,
            )
        }
        Err(UpstreamError::Deadline) => {
            count(UpstreamOutcome::Timeout);
            // The request may have used its time up elsewhere: waiting for room, or at another substation.
            if 2 * took < limit {
                grid.excused(substation, blame.source, Excuse::Late);
            } else {
                grid.failed(substation, blame);
            }
            match progress {
                Progress::Unsent => reservation.cancel(),
                Progress::Sent => reservation.unknown(),
            }
            Attempt::Final(
                Failure::late(substation.public_name().as_str(), limit, consequence),
                progress,
            )
        }
    }
}

/// The attempt of a charge that was answered.
fn of_answer(
    grid: &Grid,
    substation: &Arc<Substation>,
    reservation: Reservation<Substation>,
    (report, blame): (ReportSent, Blame),
    answer: Answer,
) -> Attempt {
    // Reads a load reported on the answer. It contains the booking that the answer confirms.
    let reported = |answer: &Answer, own: Load| {
        let clock = grid.clock();
        grid.reports().take(answer, substation, report, own, clock);
    };
    let mut own = Load::ZERO;
    if let Some((why, wait)) = refusal::of(&answer) {
        let load = reservation.load();
        // The order matters: the refusal is judged by the load without this reservation.
        reservation.cancel();
        reported(&answer, Load::ZERO);
        match why {
            // One that weighs nothing, and is no repetition, says nothing of room.
            SafeToRetry::Refused if load == Load::ZERO && !blame.is_repeat => {
                grid.good(substation, None);
            }
            SafeToRetry::Refused => grid.refused(substation, load),
            SafeToRetry::Limited => grid.limited(substation, blame.source),
            _ => grid.failed(substation, blame),
        }
        return Attempt::SafeToRetry(why, wait);
    }
    match answer.status {
        // What it booked before is in its gauge, or was set aside then.
        200..300 if blame.is_repeat && is_replay(&answer) => {
            grid.good(substation, None);
            grid.served(substation, blame.source);
            reservation.cancel();
        }
        200..300 => {
            let load = reservation.load();
            // Load that ends with its answer is in the report or not.
            own = if reservation.outlives() {
                load
            } else {
                Load::ZERO
            };
            grid.good(substation, Some(load));
            grid.served(substation, blame.source);
            reservation.booked();
        }
        // The substation understood the request and declined it.
        400..500 => {
            grid.good(substation, None);
            reservation.cancel();
        }
        300..400 => {
            grid.good(substation, None);
            reservation.answered();
        }
        _ => {
            grid.failed(substation, blame);
            reservation.answered();
        }
    }
    reported(&answer, own);
    Attempt::Answered(answer)
}

/// Whether the substation has only repeated an earlier answer.
fn is_replay(answer: &Answer) -> bool {
    answer.header(IDEMPOTENT_REPLAYED) == Some(b"true")
}

/// The failure for an answer that is larger than a limit.
fn oversize(substation: &str, how: Malformed, largest: usize, consequence: Consequence) -> Failure {
    if how == Malformed::BodyTooLarge {
        let how = format!("its body has more than {largest} bytes (limits.answer)");
        Failure::oversize(substation, how, consequence)
    } else {
        Failure::oversize(substation, how, consequence)
    }
}

#[cfg(test)]
mod tests;
