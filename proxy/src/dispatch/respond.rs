//! The trunk: every request is answered here, whichever way it came in.

use std::{future::Future, pin::pin};

use http::HeaderValue;
use switchyard_wire::{Code, Failure, names::REQUEST_ID};
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span};

use super::{
    Dispatcher,
    capacity_forecast::jittered,
    charge::Charge,
    operation::Operation,
    reply::{Reply, RoutedAnswer},
    request::{ReceivedRequest, RequestContext, Target},
    request_id,
    route::SendContext,
};

impl Dispatcher {
    /// Answers a request: its reply, and whether its connection ends with it.
    pub async fn respond(
        &self,
        context: &mut RequestContext<'_>,
        received: ReceivedRequest<'_>,
    ) -> Reply {
        let sent_id = received.head.and_then(|head| head.all(REQUEST_ID).next());
        let request_id = request_id::of(sent_id, || self.random(request_id::random));
        let span = debug_span!("request", id = ?request_id);
        let routed = self
            .answer(context, received, &request_id)
            .instrument(span)
            .await;
        let mut reply = match routed {
            Ok((routed, is_charge)) => Reply::passing_on(routed, is_charge, request_id),
            Err(failure) => self.refuse(&failure, request_id),
        };
        reply.closes |= self.runtime.in_flight.is_draining();
        reply
    }

    async fn answer(
        &self,
        context: &mut RequestContext<'_>,
        received: ReceivedRequest<'_>,
        request_id: &HeaderValue,
    ) -> Result<(RoutedAnswer, bool), Failure> {
        let ReceivedRequest {
            head: Some(head),
            target,
            body,
        } = received
        else {
            return Err(received
                .target
                .err()
                .unwrap_or_else(|| Failure::new(Code::InvalidRequest, "the request has no head")));
        };
        let target = target?;
        let operation = match target {
            Target::Charge => {
                let charge = Charge::parse(body, &context.snapshot.config.charge)?;
                Operation::charge(
                    charge,
                    head,
                    &context.snapshot,
                    &self.state,
                    context.arrived,
                )?
            }
            Target::Session(action, id) => Operation::session(&context.snapshot, action, id)?,
        };
        let context = SendContext::new(context, head, request_id);
        let routed = self.send(operation, context).await?;
        Ok((routed, target == Target::Charge))
    }

    /// Gives the client its reply by `write`, and counts the request. Returns until when the client must have taken
    /// what is left, unless it could not even be given the reply.
    pub async fn deliver<W: Future<Output = bool>>(
        &self,
        context: &mut RequestContext<'_>,
        reply: Reply,
        write: impl FnOnce(Reply) -> W,
    ) -> Option<Instant> {
        let (status, outcome) = (reply.status, reply.outcome);
        let deadline = Instant::now() + context.snapshot.config.timeouts.client;
        let written = context.timer.guard(deadline, pin!(write(reply))).await;
        let metrics = &self.runtime.metrics.requests;
        metrics.ended(status, outcome, context.started.elapsed());
        matches!(written, Ok(true)).then_some(deadline)
    }

    /// The reply to a connection over `limits.connections`, which is then closed. Counted here.
    #[must_use]
    pub fn turn_away(&self) -> Reply {
        let limit = self.runtime.now().config.limits.connections;
        let message = format!("{limit} client connections are open already (limits.connections)");
        let request_id = request_id::of(None, || self.random(request_id::random));
        self.refuse(&Failure::new(Code::Overloaded, message), request_id)
    }

    /// The reply to a request that the proxy refuses, counted.
    fn refuse(&self, failure: &Failure, request_id: HeaderValue) -> Reply {
        let code = failure.code.name();
        debug!(?request_id, code, message = failure.message, "Refused");
        self.runtime.metrics.requests.rejected(code);
        Reply::failing(failure, self.retry_after(failure), request_id)
    }

    /// In how many seconds the client should try again, if that can help: when there will be room, as far as that is known, and soon
    /// else. With jitter, so that those who were refused together don't come back together.
    fn retry_after(&self, failure: &Failure) -> Option<u32> {
        let seconds = |rng: &mut fastrand::Rng| match failure.room_in {
            Some(room_in) => jittered(room_in, rng),
            None => rng.u32(1..=3),
        };
        let is_retryable = failure.code.is_retryable();
        is_retryable.then(|| self.random(seconds))
    }
}
