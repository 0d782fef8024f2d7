//! One attempt of a request that streams, and what its end proves.
//!
//! Up to the head of an answer it is an attempt as any other: it has the same deadline, ends its reservation by the same
//! table, and may be followed by another at another substation. The head decides what counts for the substation's health;
//! from then on the request is its client's and its substation's, and only time without a byte in either direction ends it
//! (`timeouts.stream_idle`). Its load ends with it, by whichever side: what is reserved lives in this future, so it ends
//! also when the future is dropped.

mod ended;
mod head;
mod turn;

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use switchyard_balance::{Lasts, Reason, Reservation};
use switchyard_config::{RouteLasts, Timeouts};
use switchyard_grid::{Blame, Substation, Trial, UpstreamOutcome};
use switchyard_http1::Origin;
use switchyard_upstream::{Progress, UpstreamError, may_have_arrived};
use switchyard_wire::{Code, Failure};
use tokio::time::Instant;

use super::{
    Dispatcher, attempt::Attempt, operation::Operation, request_trace::TraceHeaders,
    route::SendContext, select::Placement,
};
use crate::{
    client_watch::ClientWatch,
    deadline_timer::DeadlineTimer,
    stream_client::{Moved, StreamClient},
    streams::{Exchange, Seen, Task},
};
use ended::{Ended, left, result_of};
use turn::Turns;

/// How a run of Pingora's proxy ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ran {
    /// By itself.
    ToItsEnd,
    /// Its time was up.
    Late,
    /// Its client left.
    Left,
}

/// What one attempt holds at its substation until it is judged.
struct Held<'a> {
    substation: &'a Arc<Substation>,
    reservation: Option<Reservation<Substation>>,
    /// Why the substation was chosen.
    reason: Option<Reason>,
    trial: Option<Trial>,
    blame: Blame,
    sent: Instant,
    /// When its head came.
    began: Option<Instant>,
}

/// One run of Pingora's proxy, which has ended.
struct Run {
    exchange: Arc<Exchange>,
    moved: Arc<Moved>,
    ran: Ran,
    seen: Seen,
}

impl Dispatcher {
    /// One attempt at the selected substation.
    pub(super) async fn stream(
        &self,
        operation: &Operation<'_>,
        (substation, trace): (&Arc<Substation>, Option<TraceHeaders>),
        placement: Option<Placement>,
        context: &mut SendContext<'_>,
        sent: Instant,
    ) -> Attempt {
        let (Some(routed), Some(placement)) = (operation.routed(), placement) else {
            let failure = Failure::new(Code::NotImplemented, "only requests of a route stream");
            return Attempt::Final(failure, Progress::Unsent);
        };
        let lasts = match routed.rule.config.lasts {
            RouteLasts::Session => Lasts::Session,
            RouteLasts::Answer | RouteLasts::Connection => Lasts::Answer,
        };
        let mut placed = Held {
            substation,
            reservation: Some(placement.reservation.lasting(lasts)),
            reason: placement.reason,
            trial: placement.trial,
            blame: Blame {
                source: context.source,
                is_repeat: false,
            },
            sent,
            began: None,
        };
        let trace = trace.as_ref().map(TraceHeaders::fields);
        let mut may_reuse = true;
        loop {
            let origin = Origin {
                more: trace.as_ref().map_or(&[], |fields| fields.as_slice()),
                ..context.origin.origin()
            };
            // Made for each run, since it goes with it: an open stream keeps no other.
            let Some(head) = head::of_request(operation, substation, origin, context) else {
                let message =
                    "the request can't be written for a substation as it is; nothing was done";
                let failure = Failure::new(Code::InvalidRequest, message);
                return Attempt::Final(failure, Progress::Unsent);
            };
            let ClientWatch::Stream(client) = &mut context.watch else {
                let failure = Failure::new(Code::NotImplemented, "this client can't stream");
                return Attempt::Final(failure, Progress::Unsent);
            };
            let task = Task {
                substation: Arc::clone(substation),
                connect_timeout: context.state.snapshot.config.timeouts.connect,
                may_reuse,
                upgrade: client.upgrade().map(Into::into),
                fields: head::fields_of_answer(substation, context.request_id, context.quota),
            };
            let clock = (&mut *context.timer, context.deadline);
            let limits = &context.state.snapshot.config.timeouts;
            let run = self.run(task, (&mut **client, head), (&mut placed, clock), limits);
            let run = run.await;
            if let Some(trail) = &mut context.trail {
                trail.bytes_in += usize::try_from(run.moved.bytes_in()).unwrap_or(usize::MAX);
            }
            let (has_begun, fault, can_replay) =
                (client.has_begun(), client.fault(), client.can_replay());
            if has_begun {
                return self.after_head(&run, placed, context);
            }
            let Run {
                exchange,
                moved,
                ran,
                seen,
            } = run;
            let mut progress = if exchange.link.has_sent() {
                Progress::Sent
            } else {
                Progress::Unsent
            };
            let is_close = seen
                .failure
                .as_ref()
                .is_some_and(|failure| failure.is_close);
            let result = match fault {
                Some(fault) => Err(Ended::Client(fault)),
                None if moved.has_client_left() => Err(Ended::Client(left())),
                None => result_of(ran, seen),
            };
            let error = match result {
                Ok(error) => error,
                Err(Ended::Client(failure)) => {
                    return placed.ended_by_client(failure, progress, context);
                }
                Err(Ended::Refused(head)) => {
                    return placed.refused(&head, progress, context);
                }
            };
            // A reset proves nothing: what was read may not be acknowledged yet.
            if is_close
                && matches!(error, UpstreamError::Lost(_))
                && let Some((connection, begins)) = exchange.link.take()
                && !may_have_arrived(&connection.stream, begins).await
            {
                progress = Progress::Unsent;
                // It was closed while it was idle. That says nothing of the substation.
                if exchange.link.was_reused() && can_replay {
                    may_reuse = false;
                    continue;
                }
            }
            return placed.failed(operation, (error, progress, can_replay), context);
        }
    }

    /// Lends the client to Pingora for one run, as long as it has time.
    async fn run(
        &self,
        task: Task,
        (client, head): (&mut (dyn StreamClient + 'static), Box<RequestHeader>),
        (placed, clock): (&mut Held<'_>, (&mut DeadlineTimer, Instant)),
        limits: &Timeouts,
    ) -> Run {
        let moved = Arc::new(Moved::default());
        let exchange = self.connections.streams.exchange(task, &moved);
        let session = client.lend(head, &moved);
        let lent = (session, &mut *client, &*moved);
        let ran = self
            .run_lent(&exchange, lent, (placed, clock), limits)
            .await;
        client.take_back();
        let seen = exchange.take_seen();
        Run {
            exchange,
            moved,
            ran,
            seen,
        }
    }

    async fn run_lent(
        &self,
        exchange: &Arc<Exchange>,
        (session, client, moved): (ServerSession, &mut (dyn StreamClient + 'static), &Moved),
        (placed, (timer, deadline)): (&mut Held<'_>, (&mut DeadlineTimer, Instant)),
        limits: &Timeouts,
    ) -> Ran {
        let mut run = pin!(self.connections.streams.run(session, exchange));
        let (mut before, mut last, mut deadline) = ((0, 0), placed.sent, deadline);
        let mut turns = Turns::default();
        let ran = poll_fn(|context| {
            let (polled, leaves) = turns.poll(run.as_mut(), context);
            let ended = polled.is_ready();
            // What Pingora has written leaves together.
            let takes_no_more = leaves && matches!(client.poll_flush(context), Poll::Ready(Err(_)));
            if placed.began.is_none()
                && let Some(head) = exchange.head()
            {
                last = Instant::now();
                self.note_head(head, placed, last);
            }
            if ended {
                return Poll::Ready(Ran::ToItsEnd);
            }
            let now = (moved.bytes_in(), moved.bytes_out());
            if now != before {
                last = Instant::now();
                if now.0 != before.0 {
                    // The request has not arrived before its last byte has.
                    deadline = deadline.max(last + limits.request);
                }
                before = now;
            }
            // Pingora looks only while it has room for more of the request's body.
            if takes_no_more || client.poll_left(context).is_ready() {
                moved.client_left();
                return Poll::Ready(Ran::Left);
            }
            let until = match placed.began {
                Some(_) => last + limits.stream_idle,
                None => deadline,
            };
            timer.poll_elapsed(until, context).map(|_| Ran::Late)
        });
        ran.await
    }

    /// Judges the substation by the head of its answer.
    fn note_head(&self, status: u16, placed: &mut Held<'_>, now: Instant) {
        let snapshot = self.runtime.now();
        let (grid, substation) = (&snapshot.grid, placed.substation);
        placed.began = Some(now);
        let took = now.saturating_duration_since(placed.sent);
        let metrics = substation.metrics();
        metrics.upstream_seconds.observe(took);
        metrics.exchange(UpstreamOutcome::Ok);
        if snapshot.config.admission.queue > 0 {
            self.state.exchange_time.note(took, false);
        }
        match status {
            500.. => grid.failed(substation, placed.blame),
            400.. => grid.good(substation, None),
            _ => {
                let load = placed.reservation.as_ref().map(Reservation::load);
                grid.good(substation, load);
                grid.served(substation, placed.blame.source);
            }
        }
        if let Some(reservation) = &mut placed.reservation {
            reservation.begun();
        }
        // Dropped only after the verdict: a trial that ends without one starts again.
        drop(placed.trial.take());
    }
}
