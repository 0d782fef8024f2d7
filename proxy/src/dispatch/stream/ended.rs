//! How an attempt ended, and what that proves.

use std::time::SystemTime;

use http::{HeaderName, HeaderValue, header};
use pingora_http::ResponseHeader;
use switchyard_grid::UpstreamOutcome;
use switchyard_process::Shortage;
use switchyard_transport::Refusal;
use switchyard_upstream::{Progress, UpstreamError};
use switchyard_wire::{Code, Failure, retry_after};

use super::{Held, Ran, Run};
use crate::{
    dispatch::{
        Dispatcher,
        attempt::{self, Attempt, ExchangeEnd},
        operation::Operation,
        retry::SafeToRetry,
        route::SendContext,
        streamed::Streamed,
    },
    streams::Seen,
};

/// What a trail notes of an attempt: the name of its end, the status of the answer, why there is none, and how far the
/// request got.
type Tried = (&'static str, Option<u16>, Option<String>, Progress);

impl Dispatcher {
    /// The end of an attempt whose answer has begun to go to its client.
    pub(super) fn after_head(
        &self,
        run: &Run,
        mut held: Held<'_>,
        context: &mut SendContext<'_>,
    ) -> Attempt {
        let (ran, seen, moved) = (run.ran, &run.seen, &run.moved);
        let status = seen.head.unwrap_or_default();
        let is_whole = ran == Ran::ToItsEnd && seen.failure.is_none();
        let failure = seen.failure.as_ref();
        let is_client = moved.has_client_left() || failure.is_some_and(|failure| failure.is_client);
        let reason = failure.map(|failure| failure.reason.clone());
        let (ended, error) = match ran {
            _ if is_whole => {
                run.exchange.release();
                (UpstreamOutcome::Ok.into(), None)
            }
            _ if is_client => ("left", reason),
            Ran::Late => {
                held.substation.metrics().exchange(UpstreamOutcome::Timeout);
                let reason = "no byte came or went (timeouts.stream_idle)".to_owned();
                (UpstreamOutcome::Timeout.into(), Some(reason))
            }
            Ran::ToItsEnd | Ran::Left => {
                held.substation.metrics().exchange(UpstreamOutcome::Reset);
                self.runtime()
                    .now()
                    .grid
                    .failed(held.substation, held.blame);
                (UpstreamOutcome::Reset.into(), reason)
            }
        };
        if let Some(reservation) = held.reservation.take() {
            match status {
                _ if !reservation.outlives() => reservation.answered(),
                200..300 if is_whole => reservation.booked(),
                200..300 => reservation.unknown(),
                400..500 => reservation.cancel(),
                _ => reservation.answered(),
            }
        }
        held.note((ended, Some(status), error, Progress::Sent), context);
        let began = held.began.unwrap_or(held.sent);
        Attempt::Streamed(Streamed {
            status,
            bytes_out: moved.bytes_out(),
            is_whole,
            began_after: began.saturating_duration_since(context.started),
        })
    }
}

impl Held<'_> {
    fn note(&self, (ended, status, error, progress): Tried, context: &mut SendContext<'_>) {
        if let Some(trail) = &mut context.trail {
            let took = (self.sent, self.sent.elapsed());
            let tried = (ended, status, error, progress);
            trail.attempted_as(self.substation, self.reason, took, tried);
        }
    }

    /// The attempt of a client that left, or sent what is no request. That is not the substation's fault, and it sees the
    /// close.
    pub(super) fn ended_by_client(
        mut self,
        failure: Failure,
        progress: Progress,
        context: &mut SendContext<'_>,
    ) -> Attempt {
        if let Some(reservation) = self.reservation.take() {
            match progress {
                Progress::Unsent => reservation.cancel(),
                Progress::Sent => reservation.answered(),
            }
        }
        let error = Some(failure.message.clone());
        self.note(("left", None, error, progress), context);
        Attempt::Final(failure, progress)
    }

    /// The attempt of a request that the substation refuses: another may take it.
    pub(super) fn refused(
        mut self,
        head: &ResponseHeader,
        progress: Progress,
        context: &mut SendContext<'_>,
    ) -> Attempt {
        let status = head.status.as_u16();
        let value = |name: HeaderName| head.headers.get(name).map(HeaderValue::as_bytes);
        let wait = value(header::RETRY_AFTER)
            .and_then(|wait| retry_after(wait, value(header::DATE), SystemTime::now()));
        let (grid, substation) = (&context.state.snapshot.grid, self.substation);
        substation.metrics().exchange(UpstreamOutcome::Refused);
        if let Some(reservation) = self.reservation.take() {
            reservation.cancel();
        }
        // The body, which may say that room is missing, is not waited for.
        let why = if status == 429 {
            grid.limited(substation, self.blame.source);
            SafeToRetry::Limited
        } else {
            grid.failed(substation, self.blame);
            SafeToRetry::Unavailable
        };
        drop(self.trial.take());
        let tried = (
            UpstreamOutcome::Refused.into(),
            Some(status),
            None,
            progress,
        );
        self.note(tried, context);
        Attempt::SafeToRetry(why, wait)
    }

    /// The attempt that failed before the head of an answer. Another can follow only if the body is kept.
    pub(super) fn failed(
        mut self,
        operation: &Operation<'_>,
        (error, progress, can_replay): (UpstreamError, Progress, bool),
        context: &mut SendContext<'_>,
    ) -> Attempt {
        let substation = self.substation;
        if let UpstreamError::Connect(error) = &error
            && let Some(refusal) = Refusal::of(error)
        {
            substation.tls_failed(refusal);
        }
        let (result, took) = (Err(error), self.sent.elapsed());
        if let Some(trail) = &mut context.trail {
            trail.attempted(
                substation,
                self.reason,
                (self.sent, took),
                (&result, progress),
            );
        }
        let snapshot = &context.state.snapshot;
        let end = ExchangeEnd {
            result,
            progress,
            consequence: operation.consequence(progress),
            limit: snapshot.config.timeouts.request,
            largest: snapshot.config.limits.answer,
            took,
            blame: self.blame,
        };
        let name = substation.public_name();
        let Some(reservation) = self.reservation.take() else {
            let failure = Failure::lost(name.as_str(), "no head", end.consequence);
            return Attempt::Final(failure, progress);
        };
        let report = substation.ledger().report_sent();
        let attempt = attempt::of_charge(&snapshot.grid, substation, reservation, report, end);
        // Dropped only after the verdict: a trial that ends without one starts again.
        drop(self.trial.take());
        match attempt {
            // What was read of the body is not there any more.
            Attempt::Broken(failure, progress) if !can_replay => Attempt::Final(failure, progress),
            Attempt::SafeToRetry(..) if !can_replay => {
                let what = "no other can be asked, since the body is not kept";
                let consequence = operation.consequence(Progress::Unsent);
                let failure = Failure::unreachable(name.as_str(), what, consequence);
                Attempt::Final(failure, Progress::Unsent)
            }
            attempt => attempt,
        }
    }
}

/// How an attempt without a head for the client ended, if the substation is not to be judged as for a charge.
pub(super) enum Ended {
    /// By the client.
    Client(Failure),
    /// By an answer that refuses the request.
    Refused(Box<ResponseHeader>),
}

/// How an attempt without a head for the client ended.
pub(super) fn result_of(ran: Ran, seen: Seen) -> Result<UpstreamError, Ended> {
    if let Some(head) = seen.refusal {
        return Err(Ended::Refused(head));
    }
    if let Some(error) = seen.no_connection {
        return Ok(match Shortage::of(&error) {
            Some(shortage) => UpstreamError::Lacking(shortage),
            None => UpstreamError::Connect(error),
        });
    }
    if ran == Ran::Late {
        return Ok(UpstreamError::Deadline);
    }
    match seen.failure {
        Some(failure) if failure.is_client => Err(Ended::Client(left())),
        Some(failure) => Ok(UpstreamError::Lost(failure.reason)),
        None => Ok(UpstreamError::Lost("the answer has no head".to_owned())),
    }
}

/// The failure of a request whose client has left. It reads no answer.
pub(super) fn left() -> Failure {
    let message = "the client closed the connection before the answer came";
    Failure::new(Code::RequestTimeout, message).closing()
}
