//! HTTP/1.1 with a client: one request after another, each read whole before a substation is chosen.
//!
//! The first byte of a request starts the client's deadline. From then on the request is in flight, and is answered even
//! if the process is asked to stop. The first request of a connection is in flight only once its head has arrived, and its
//! deadline counts from the connection: a connection alone must not delay the end.

mod streaming;

use std::{future::Future, pin::pin};

use switchyard_http1::{Expectation, IncomingBody, IncomingRequest};
use switchyard_wire::Failure;
use tokio::time::Instant;

use super::{Ingress, fast_path, request_limits, target};
use crate::{
    client_connection::{ClientConnection, too_slow, unknown_expectation},
    deadline_timer::DeadlineTimer,
    dispatch::{Client, ReceivedRequest, Reply, RequestContext, VIA_HTTP1, VIA_HTTP1_0},
    in_flight::RequestGuard,
    snapshot::Snapshot,
};

/// How an attempt at a request on the fast path ended.
enum FastPath<'a> {
    /// It was answered; whether the connection ends with the answer.
    Answered { closes: bool },
    /// Its bytes are no plain charge. It counts as in flight if it did before.
    No(Option<RequestGuard<'a>>),
}

impl Ingress {
    /// Serves an HTTP/1.1 connection to its end. `started` is when it was accepted, and `timer` is set to the deadline of its
    /// first request.
    ///
    /// All that this keeps, an idle client keeps: so it is no `async fn`, which keeps its arguments twice.
    pub(super) fn http1<'a>(
        &'a self,
        connection: &'a mut ClientConnection,
        client: &'a Client,
        started: Instant,
        timer: &'a mut DeadlineTimer,
    ) -> impl Future<Output = Option<()>> + Send + 'a {
        let runtime = self.runtime();
        let mut deadline = started + runtime.now().config.timeouts.client;
        let mut accepted = Some(started);
        async move {
            loop {
                let has_request = timer
                    .guard(deadline, pin!(connection.has_request()))
                    .await
                    // A first request that does not begin is answered: the client has just connected to send one.
                    .unwrap_or(accepted.is_some());
                if !has_request {
                    return None;
                }
                let (started, in_flight) = match accepted.take() {
                    Some(accepted) => (accepted, None),
                    None => (Instant::now(), Some(runtime.in_flight.request())),
                };
                // The future of each request is boxed, so that a parked connection does not keep its memory.
                let charge = self.charge(connection, client, started, timer, in_flight);
                match Box::pin(charge).await? {
                    FastPath::Answered { closes: true } => {
                        Box::pin(connection.close()).await;
                        return None;
                    }
                    FastPath::Answered { closes: false } => {}
                    FastPath::No(in_flight) => {
                        let request = self.request(connection, client, started, timer, in_flight);
                        Box::pin(request).await?;
                    }
                }
                deadline = Instant::now() + runtime.now().config.timeouts.idle;
            }
        }
    }

    /// Serves a plain charge that has arrived whole.
    async fn charge<'a>(
        &'a self,
        connection: &mut ClientConnection,
        client: &Client,
        started: Instant,
        timer: &mut DeadlineTimer,
        in_flight: Option<RequestGuard<'a>>,
    ) -> Option<FastPath<'a>> {
        let runtime = self.runtime();
        let snapshot = runtime.snapshot();
        if snapshot
            .routes
            .as_ref()
            .is_some_and(|routes| routes.takes_charges())
        {
            return Some(FastPath::No(in_flight));
        }
        let limits = request_limits(&snapshot.config.limits);
        let Some(charge) = fast_path::find(connection.received(), limits) else {
            return Some(FastPath::No(in_flight));
        };
        let mut context = RequestContext {
            snapshot,
            started,
            arrived: Instant::now(),
            client,
            via: VIA_HTTP1,
            timer,
            in_flight: in_flight.unwrap_or_else(|| runtime.in_flight.request()),
            share: client.request(),
            caller: None,
            quota: None,
            route: None,
            trail: None,
        };
        let (received, watch) = connection.watched();
        let request = fast_path::read(&charge, received, &mut context)?;
        let reply = self.dispatcher.respond(&mut context, request, watch).await;
        let closes = reply.closes;
        let write = async |reply: Reply| connection.send(&reply.to_wire(false)).await.is_ok();
        self.dispatcher.deliver(&mut context, reply, write).await?;
        connection.advance(charge.length());
        Some(FastPath::Answered { closes })
    }

    /// Serves any request, from its first byte to the last byte of its answer. `None` if the connection ends with it.
    ///
    /// `in_flight` is given if the request counts as in flight already.
    async fn request(
        &self,
        connection: &mut ClientConnection,
        client: &Client,
        started: Instant,
        timer: &mut DeadlineTimer,
        in_flight: Option<RequestGuard<'_>>,
    ) -> Option<()> {
        let runtime = self.runtime();
        let (limit, largest, most) = {
            let now = runtime.now();
            let limits = &now.config.limits;
            (now.config.timeouts.client, limits.head, limits.requests)
        };
        let mut in_flight = in_flight;
        let head = {
            let read = pin!(connection.head(largest));
            // Until its head has come, a request waits for its client.
            let read = pin!(async {
                match &mut in_flight {
                    Some(in_flight) => in_flight.on_client(most, read).await,
                    None => read.await,
                }
            });
            match timer.guard(started + limit, read).await {
                Ok(read) => read.transpose()?,
                Err(_) => Err(too_slow("head", limit)),
            }
        };
        let mut context = RequestContext {
            snapshot: runtime.snapshot(),
            started,
            arrived: started,
            client,
            via: match &head {
                Ok(head) if head.is_http_1_0() => VIA_HTTP1_0,
                _ => VIA_HTTP1,
            },
            in_flight: in_flight.unwrap_or_else(|| runtime.in_flight.request()),
            share: client.request(),
            timer,
            caller: None,
            quota: None,
            route: None,
            trail: None,
        };
        let (head, read) = match head {
            Ok(head) => {
                let read = match admit(connection, &head, &mut context) {
                    Err(read) => read,
                    Ok(()) => match streaming::route_of(connection, &head, &context) {
                        Some(rule) => {
                            let stream = self.stream(connection, &head, &mut context, rule);
                            return Box::pin(stream).await;
                        }
                        None => read_body(connection, &head, &mut context).await,
                    },
                };
                (Some(head), read)
            }
            Err(failure) => (None, Read::unread(failure)),
        };
        context.arrived = Instant::now();
        let (bytes, watch) = connection.watched();
        let request = received(bytes, head.as_ref(), &read, &context.snapshot);
        // Boxed, so that a request whose rest is still awaited does not hold the memory for its answer.
        let respond = self.dispatcher.respond(&mut context, request, watch);
        let mut reply = Box::pin(respond).await;
        reply.closes |= head.as_ref().is_none_or(IncomingRequest::closes) || read.body.is_none();
        let is_head = head.is_some_and(|head| head.method(connection.received()) == "HEAD");
        let closes = reply.closes;
        let write = async |reply: Reply| connection.send(&reply.to_wire(is_head)).await.is_ok();
        self.dispatcher.deliver(&mut context, reply, write).await?;
        match read.body {
            None => {
                // The end waits for it: the answer may still be on its way.
                let _graceful = runtime.in_flight.graceful();
                connection.close_unread().await;
                None
            }
            Some(_) if closes => {
                connection.close().await;
                None
            }
            Some(body) => {
                connection.advance(body.end);
                Some(())
            }
        }
    }
}

/// How far a request was read.
struct Read {
    /// The body, if it was read to its end.
    body: Option<IncomingBody>,
    /// Why the request can't be answered as it asks, if it can't.
    failure: Option<Failure>,
}

impl Read {
    fn unread(failure: Failure) -> Self {
        Self {
            body: None,
            failure: Some(failure.closing()),
        }
    }
}

/// The request as the dispatcher takes it.
fn received<'a>(
    received: &'a [u8],
    head: Option<&'a IncomingRequest>,
    read: &Read,
    snapshot: &Snapshot,
) -> ReceivedRequest<'a> {
    let body = read
        .body
        .as_ref()
        .and_then(|body| received.get(body.body.clone()));
    // Without a head there is a failure.
    let (method, path) = head.map_or(("", ""), |head| {
        (head.method(received), head.path(received))
    });
    let asked = || target::of(snapshot, method, path);
    ReceivedRequest {
        head: head.map(|head| head.head(received)),
        target: read.failure.clone().map_or_else(asked, Err),
        method,
        path,
        query: head.and_then(|head| head.query(received)),
        body: body.unwrap_or_default(),
    }
}

/// Reads the body of a request whose head has arrived.
async fn read_body(
    connection: &mut ClientConnection,
    head: &IncomingRequest,
    context: &mut RequestContext<'_>,
) -> Read {
    let (most, limit, waiting) = {
        let config = &context.snapshot.config;
        let limits = &config.limits;
        let (most, limit) = (request_limits(limits), config.timeouts.client);
        (most, limit, limits.requests)
    };
    let received = connection.received();
    let (method, path) = (head.method(received), head.path(received));
    let asked = target::of(&context.snapshot, method, path).err();
    let read = {
        let read = pin!(connection.body(head, most));
        let read = pin!(context.in_flight.on_client(waiting, read));
        context.timer.guard(context.started + limit, read).await
    };
    // While the body came, others may have begun to work.
    let asked = asked.or_else(|| context.within_limit().err());
    match (asked, read.unwrap_or_else(|_| Err(too_slow("body", limit)))) {
        // The body was read in any case, so that the next request can follow on the connection.
        (failure, Ok(body)) => Read {
            body: Some(body),
            failure,
        },
        (Some(failure), Err(_)) | (None, Err(failure)) => Read::unread(failure),
    }
}

/// Refuses a request whose head has arrived if it is over a limit or may not be sent.
fn admit(
    connection: &mut ClientConnection,
    head: &IncomingRequest,
    context: &mut RequestContext<'_>,
) -> Result<(), Read> {
    context.within_limit().map_err(Read::unread)?;
    let identified = context.identify(head.head(connection.received()));
    // A client that waits for something else than 100 would wait in vain.
    let expected = match head.expectation() {
        Expectation::Unknown => Err(unknown_expectation()),
        _ => Ok(()),
    };
    identified.and(expected).map_err(|failure| {
        // What has come already is taken from the connection, so that it can go on; nothing more is waited for.
        let most = request_limits(&context.snapshot.config.limits);
        let body = connection.arrived_body(head, most);
        let failure = Some(failure);
        Read { body, failure }
    })
}
