//! Every request is answered here, over HTTP/1.1 and HTTP/2 alike.

use std::{
    future::{Future, poll_fn},
    net::IpAddr,
    ops::Range,
    pin::{Pin, pin},
    sync::Arc,
};

use http::HeaderValue;
use switchyard_clients::Owner;
use switchyard_http1::Head;
use switchyard_idempotency::KeyHash;
use switchyard_wire::{Code, Failure, Retry, names::REQUEST_ID};
use tokio::time::Instant;
use tracing::{Span, debug, debug_span};

use super::{
    Dispatcher,
    capacity_forecast::jittered,
    charge::Charge,
    idempotency::{key_of, possible_holder},
    operation::{Key, Operation},
    reply::Reply,
    request::{ReceivedRequest, RequestContext, Target},
    request_id,
    route::Delivered,
    trail::Ended,
};
use crate::{client_watch::ClientWatch, snapshot::RouteRule};

impl Dispatcher {
    /// Answers a request. The reply also says whether the connection ends with it. `watch` notices if the client leaves
    /// while the request waits for room.
    pub async fn respond(
        &self,
        context: &mut RequestContext<'_>,
        received: ReceivedRequest<'_>,
        watch: ClientWatch<'_>,
    ) -> Reply {
        let sent_id = received.head.and_then(|head| head.all(REQUEST_ID).next());
        let request_id = request_id::of(sent_id, || self.random(request_id::random));
        context.trail = self.begin_trail(context, &received, &request_id);
        let (method, path) = (received.method, received.path);
        let routed = match self.prepare(context, received) {
            Ok((mut operation, head, good)) => {
                if let Some(trail) = &mut context.trail {
                    trail.asks(&operation);
                }
                let client = context.client;
                let rules = &context.snapshot.config.forwarded;
                let mut origin = client.fields(rules, context.via, head);
                if let Some(caller) = &context.caller {
                    origin.of_caller(caller, operation.key());
                }
                let sending = (&mut *context, head, &origin, &request_id, watch);
                let routed = {
                    let sent = pin!(self.send(&mut operation, sending));
                    in_span(span_of(&request_id), sent).await
                };
                routed
                    .and_then(|delivered| match delivered {
                        Delivered::Answer(routed) => self
                            .as_its_client_sees(routed, &operation, context)
                            .map(Delivered::Answer),
                        stream @ Delivered::Stream(_) => Ok(stream),
                    })
                    .map(|delivered| (delivered, good))
                    .map_err(|failure| Failure {
                        possible_holder: operation.possible_holder(&self.runtime.now()),
                        ..failure
                    })
            }
            Err(failure) => Err(failure),
        };
        let mut reply = match routed {
            Ok((Delivered::Answer(routed), good)) => Reply::passing_on(routed, &good, request_id),
            Ok((Delivered::Stream(streamed), good)) => Reply::sent(streamed, &good, request_id),
            Err(failure) => {
                if context.route.is_none()
                    && let Some(routes) = &context.snapshot.routes
                {
                    context.route = routes.nearest(method, path).cloned();
                }
                if let Some(trail) = &mut context.trail {
                    trail.refused(&failure);
                }
                let route = context.route.as_deref();
                span_of(&request_id).in_scope(|| self.refuse(&failure, request_id, route))
            }
        };
        if let (Some(trail), Some(rule)) = (&mut context.trail, &context.route) {
            trail.route = Some(Arc::clone(&rule.label));
        }
        reply.closes |= self.runtime.in_flight.is_draining();
        reply.quota = context.quota.take();
        reply
    }

    /// What a request wants from a substation, its headers, and which statuses of an answer say that it has that.
    fn prepare<'a>(
        &'a self,
        context: &mut RequestContext<'_>,
        received: ReceivedRequest<'a>,
    ) -> Result<(Operation<'a>, Head<'a>, Range<u16>), Failure> {
        let target = received.target?;
        let no_head = || Failure::new(Code::InvalidRequest, "the request has no head");
        let head = received.head.ok_or_else(no_head)?;
        if let Target::Bounded(rule) | Target::Stream(rule) = &target {
            context.route = Some(Arc::clone(rule));
        }
        let snapshot = &context.snapshot;
        let (operation, good) = match &target {
            Target::Stream(rule) => {
                let of = (rule, (received.method, received.path));
                let body = Some(received.body);
                let mut charge = Charge::of_stream(body, head, of, snapshot)?;
                let trail = context.trail.as_ref();
                charge.is_traced = trail.is_some_and(|trail| trail.trace.is_some());
                let request = (charge, head, received.query);
                let (state, now) = (&self.state, context.arrived);
                let mut operation = Operation::charge(request, None, snapshot, state, now)?;
                operation.reserve(|load, repeats| context.reserve(load, repeats))?;
                // With what was agreed to be spoken instead of HTTP.
                (operation, 101..400)
            }
            Target::Charge | Target::Bounded(_) => {
                let key = key_of(head);
                let is_keyed = !matches!(key, Ok(None));
                let (mut charge, good) = if let Target::Bounded(rule) = &target {
                    let of = (rule, (received.method, received.path));
                    let charge = Charge::of_route(received.body, head, of, snapshot, is_keyed)?;
                    (charge, 200..400)
                } else {
                    let charge = Charge::read(received.body, head, snapshot, is_keyed)?;
                    (charge, 200..300)
                };
                let trail = context.trail.as_ref();
                charge.is_traced = trail.is_some_and(|trail| trail.trace.is_some());
                let rules = &snapshot.config.forwarded;
                let key = key?.map(|text| Key {
                    hash: match &context.caller {
                        Some(caller) => KeyHash::of_client(caller.name(), text),
                        None => KeyHash::of(text),
                    },
                    client: match &context.caller {
                        Some(caller) => caller.number(),
                        None => context.client.source(rules, head).number(),
                    },
                    possible: possible_holder(head),
                });
                let request = (charge, head, received.query);
                let (state, now) = (&self.state, context.arrived);
                let mut operation = Operation::charge(request, key, snapshot, state, now)?;
                operation.reserve(|load, repeats| context.reserve(load, repeats))?;
                (operation, good)
            }
            Target::Session(action, id) => {
                let caller = context.caller.as_deref();
                let is_hidden = caller
                    .is_some_and(|caller| self.runtime.accounts.owner(id, caller) == Owner::Other);
                let asked = (*action, is_hidden);
                let operation = Operation::session(snapshot, asked, id, received.query)?;
                (operation, 0..0)
            }
        };
        Ok((operation, head, good))
    }

    /// Sends the reply with `write`, and counts the request. Returns the deadline for the rest of the exchange with the
    /// client, or `None` if the reply could not be sent.
    pub async fn deliver<W: Future<Output = bool>>(
        &self,
        context: &mut RequestContext<'_>,
        reply: Reply,
        write: impl FnOnce(Reply) -> W,
    ) -> Option<Instant> {
        let (status, outcome, length) = (reply.status, reply.outcome, reply.length());
        let now = Instant::now();
        let deadline = if reply.is_shed {
            now
        } else {
            now + context.snapshot.config.timeouts.client
        };
        // An answer that its client is slow to read is no work any more.
        let most = context.snapshot.config.limits.requests;
        let (is_sent, began_after) = (reply.is_sent(), reply.began_after());
        let write = async {
            // One that streamed is at its client already.
            is_sent || write(reply).await
        };
        let written = pin!(write);
        let written = pin!(context.in_flight.on_client(most, written));
        let written = context.timer.guard(deadline, written).await;
        let is_written = matches!(written, Ok(true));
        let took = context.started.elapsed();
        let metrics = &self.runtime.metrics.requests;
        match &context.route {
            None => metrics.ended(status, outcome, took),
            // How long a stream lasts is its client's affair; how long it took to begin is the proxy's.
            Some(rule) => {
                metrics.ended_at(&rule.label, status, outcome, began_after.unwrap_or(took));
            }
        }
        if let Some(trail) = context.trail.take() {
            let ended = Ended {
                status,
                outcome,
                took,
                bytes_out: if is_written { length } else { 0 },
            };
            self.finish_trail(trail, ended);
        }
        is_written.then_some(deadline)
    }

    /// The reply to a connection over a limit, which is then closed: of all connections, or of those of this address.
    /// Counts the refusal.
    #[must_use]
    pub fn turn_away(&self, client: Option<IpAddr>) -> Reply {
        let now = self.runtime.now();
        let limits = &now.config.limits;
        let (code, message) = match client {
            None => {
                let limit = limits.connections;
                let what = "client connections are open already (limits.connections)";
                (Code::Overloaded, format!("{limit} {what}"))
            }
            Some(address) => {
                let limit = limits.client.connections;
                let what = "are open already (limits.client.connections)";
                let message = format!("{limit} connections of {address} {what}");
                (Code::RateLimited, message)
            }
        };
        let request_id = request_id::of(None, || self.random(request_id::random));
        let failure = Failure {
            retry: Retry::After(1),
            ..Failure::new(code, message).closing()
        };
        span_of(&request_id).in_scope(|| self.refuse(&failure, request_id, None))
    }

    /// The reply to a request that the proxy itself refuses, of this route if it is one's. Counts the refusal.
    fn refuse(
        &self,
        failure: &Failure,
        request_id: HeaderValue,
        route: Option<&RouteRule>,
    ) -> Reply {
        let code = failure.code.name();
        debug!(code, message = failure.message, "Request refused");
        let metrics = &self.runtime.metrics.requests;
        match route {
            None => metrics.rejected(code),
            Some(rule) => metrics.rejected_at(&rule.label, code),
        }
        Reply::failing(failure, self.retry_after(failure), request_id, route)
    }

    /// After how many seconds the client should try again, if that can help: when there will be room, if that is known,
    /// and otherwise soon. With jitter, so that clients refused together don't come back together.
    fn retry_after(&self, failure: &Failure) -> Option<u32> {
        let seconds = |rng: &mut fastrand::Rng| match failure.retry {
            Retry::RoomIn(seconds) => jittered(seconds, rng),
            Retry::After(seconds) => seconds,
            Retry::Soon => rng.u32(1..=3),
        };
        let is_retryable = failure.code.is_retryable();
        is_retryable.then(|| self.random(seconds))
    }
}

/// Polls `future` inside `span`. `Instrument` would move the future, which costs a copy of its whole size.
async fn in_span<F: Future>(span: Span, mut future: Pin<&mut F>) -> F::Output {
    poll_fn(|context| {
        let _entered = span.enter();
        future.as_mut().poll(context)
    })
    .await
}

/// The span of a request: it adds the request's id to every line that is logged for it. Off, and free, unless debug
/// lines are logged.
fn span_of(request_id: &HeaderValue) -> Span {
    debug_span!("request", id = ?request_id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strum::VariantArray;
    use switchyard_config::Config;
    use switchyard_grid::{Clock, Grid};
    use switchyard_tls::Credentials;

    use super::*;
    use crate::{metrics::Metrics, runtime::Runtime};

    fn dispatcher() -> Dispatcher {
        let text = "substations: [{name: a, address: 127.0.0.1:1}]";
        let config = Config::from_yaml(text, "test").unwrap();
        let metrics = Metrics::new().unwrap();
        let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
        let runtime = Runtime::new(config, Credentials::default(), Arc::new(grid), metrics);
        Dispatcher::new(Arc::new(runtime), Arc::default(), 1)
    }

    /// The Retry-After values of a hundred clients with this failure.
    fn retries(code: Code, retry: Retry) -> BTreeSet<Option<u32>> {
        let dispatcher = dispatcher();
        let mut failure = Failure::new(code, "test");
        failure.retry = retry;
        (0..100).map(|_| dispatcher.retry_after(&failure)).collect()
    }

    #[test]
    fn without_a_forecast_a_retry_comes_within_one_to_three_seconds() {
        let soon = BTreeSet::from([1, 2, 3].map(Some));
        for code in Code::VARIANTS.iter().filter(|code| code.is_retryable()) {
            assert_eq!(retries(*code, Retry::Soon), soon, "{code:?}");
        }
    }

    #[test]
    fn with_a_forecast_a_retry_is_not_earlier_and_up_to_half_as_much_later() {
        for (room_in, least, most) in [(0, 1, 3), (1, 1, 3), (10, 10, 15), (3_600, 120, 180)] {
            let seconds = retries(Code::NoCapacity, Retry::RoomIn(room_in));
            assert!(seconds.len() > 1, "{room_in}: spread, not {seconds:?}");
            let allowed = (least..=most).map(Some).collect();
            assert!(seconds.is_subset(&allowed), "{room_in}: {seconds:?}");
        }
    }

    #[test]
    fn a_failure_that_a_retry_can_not_mend_says_nothing_of_one() {
        let codes: Vec<_> = Code::VARIANTS
            .iter()
            .filter(|code| !code.is_retryable())
            .collect();
        assert!(codes.contains(&&Code::InvalidRequest), "{codes:?}");
        for code in codes {
            for retry in [Retry::Soon, Retry::After(1), Retry::RoomIn(10)] {
                assert_eq!(retries(*code, retry), BTreeSet::from([None]), "{code:?}");
            }
        }
    }
}
