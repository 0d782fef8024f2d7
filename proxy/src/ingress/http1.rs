//! HTTP/1.1 with a client: one request after another, each read whole before a substation is chosen.
//!
//! Between two requests a connection waits here, not in Pingora's loop. So the first byte of the next request is
//! seen as it arrives. That byte starts the client's deadline; from then on the request is in flight, and is
//! answered even if the process is asked to stop.

use std::{pin::pin, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use pingora_core::protocols::{Stream, http::ServerSession};
use switchyard_http1::Head;
use switchyard_wire::{Code, Failure};
use tokio::{io::AsyncReadExt, time::Instant};

use super::{Ingress, body, fast_path, target};
use crate::{
    deadline_timer::DeadlineTimer,
    dispatch::{ReceivedRequest, Reply, RequestContext},
    in_flight::RequestGuard,
};

/// Size of the buffer that an idle connection keeps for the next request, in bytes: most charge requests fit.
const FIRST_READ: usize = 1024;

/// A connection between two requests, and the bytes of the next request that have arrived.
type KeptAlive = (Stream, Option<BytesMut>);

impl Ingress {
    /// Serves an HTTP/1.1 connection to its end. `started` is when it was accepted.
    pub(super) async fn http1(&self, stream: Stream, started: Instant) -> Option<()> {
        let runtime = self.runtime();
        let mut timer = DeadlineTimer::new(started + runtime.now().config.timeouts.client);
        // The future of each request is boxed, so that an idle connection does not keep its memory.
        let first = async {
            let session = ServerSession::new_http1(stream);
            self.request(session, started, &mut timer, None).await
        };
        let (mut stream, prefix) = Box::pin(first).await?;
        let mut received = prefix.unwrap_or_default();
        loop {
            self.first_bytes(&mut stream, &mut received, &mut timer)
                .await?;
            let in_flight = runtime.in_flight.request();
            let started = Instant::now();
            let snapshot = runtime.snapshot();
            if let Some(charge) = fast_path::find(&received, snapshot.config.limits.body) {
                let mut context = RequestContext {
                    snapshot,
                    started,
                    arrived: started,
                    timer: &mut timer,
                    in_flight,
                };
                let request = fast_path::read(&charge, &received, &context)?;
                let answered = async {
                    let reply = self.dispatcher.respond(&mut context, request).await;
                    let closes = reply.closes;
                    let write = async |reply: Reply| reply.send_plain(&mut stream).await.is_ok();
                    let sent = self.dispatcher.deliver(&mut context, reply, write).await;
                    sent.filter(|_| !closes)
                };
                Box::pin(answered).await?;
                received.advance(charge.length());
                continue;
            }
            drop(snapshot);
            let first = std::mem::take(&mut received);
            let request = async {
                let mut session = ServerSession::new_http1(stream);
                session.set_pipelined_prefix(first);
                self.request(session, started, &mut timer, Some(in_flight))
                    .await
            };
            let prefix;
            (stream, prefix) = Box::pin(request).await?;
            received = prefix.unwrap_or_default();
        }
    }

    /// Waits for the first bytes of the next request on a connection, unless they have arrived.
    async fn first_bytes(
        &self,
        stream: &mut Stream,
        received: &mut BytesMut,
        timer: &mut DeadlineTimer,
    ) -> Option<()> {
        if !received.is_empty() {
            return Some(());
        }
        if !received.try_reclaim(FIRST_READ) || received.capacity() > 2 * FIRST_READ {
            *received = BytesMut::with_capacity(FIRST_READ);
        }
        let deadline = Instant::now() + self.runtime().now().config.timeouts.idle;
        let read = timer.guard(deadline, pin!(stream.read_buf(received))).await;
        matches!(read, Ok(Ok(1..))).then_some(())
    }

    /// Serves one request over a Pingora session, from its first byte to the last byte of its answer. Returns the
    /// connection if it goes on.
    ///
    /// `in_flight` is given if the first byte has been seen already. The first request of a connection is counted as in
    /// flight only once its head has arrived.
    pub(super) async fn request(
        &self,
        mut session: ServerSession,
        started: Instant,
        timer: &mut DeadlineTimer,
        in_flight: Option<RequestGuard<'_>>,
    ) -> Option<KeptAlive> {
        let runtime = self.runtime();
        session.set_pipelining_enabled(session.as_http1().is_some());
        let limit = runtime.now().config.timeouts.client;
        let head = read_head(&mut session, timer, started, limit).await?;
        let mut context = RequestContext {
            snapshot: runtime.snapshot(),
            started,
            arrived: started,
            in_flight: in_flight.unwrap_or_else(|| runtime.in_flight.request()),
            timer,
        };
        let has_head = head.is_ok();
        let mut body = Bytes::new();
        let read = match head {
            Ok(()) => read_body(&mut session, &mut context, &mut body).await,
            Err(failure) => Err(failure),
        };
        context.arrived = Instant::now();
        let request = received(&session, has_head, read, &body);
        let reply = self.dispatcher.respond(&mut context, request).await;
        let write = async |reply: Reply| reply.send(&mut session).await.is_ok();
        let deadline = self.dispatcher.deliver(&mut context, reply, write).await?;
        // The rest of the request or the answer has the same deadline as the answer itself.
        let finished = context.timer.guard(deadline, pin!(session.finish())).await;
        // An HTTP/2 stream ends with its request: then no connection is returned.
        Some(finished.ok()?.ok()??.into_parts())
    }
}

/// Reads the head of a request within `limit` of its start, or says what is wrong with it. `None` if the client has
/// closed the connection instead.
async fn read_head(
    session: &mut ServerSession,
    timer: &mut DeadlineTimer,
    started: Instant,
    limit: Duration,
) -> Option<Result<(), Failure>> {
    let read = timer
        .guard(started + limit, pin!(session.read_request()))
        .await;
    match read {
        Ok(Ok(true)) => Some(Ok(())),
        Ok(Ok(false)) => None,
        Ok(Err(error)) => {
            let message = format!("not an HTTP request: {}", error.etype().as_str());
            Some(Err(Failure::new(Code::InvalidRequest, message).closing()))
        }
        Err(_) => Some(Err(too_slow("head", limit))),
    }
}

/// The request as the dispatcher takes it. Without a head the session has no headers to show.
fn received<'a>(
    session: &'a ServerSession,
    has_head: bool,
    read: Result<(), Failure>,
    body: &'a [u8],
) -> ReceivedRequest<'a> {
    let head = has_head.then(|| Head::Parsed(&session.req_header().headers));
    ReceivedRequest {
        head,
        target: read.and_then(|()| target::of(session.req_header())),
        body,
    }
}

/// Reads the body of a request whose head has arrived, unless the request is over the limit.
async fn read_body(
    session: &mut ServerSession,
    context: &mut RequestContext<'_>,
    body: &mut Bytes,
) -> Result<(), Failure> {
    context.within_limit()?;
    let asked = target::of(session.req_header()).map(|_| ());
    let (most, limit) = {
        let config = &context.snapshot.config;
        (config.limits.body, config.timeouts.client)
    };
    let read = body::read(session, most);
    let read = context
        .timer
        .guard(context.started + limit, pin!(read))
        .await;
    match (asked, read.unwrap_or_else(|_| Err(too_slow("body", limit)))) {
        (Ok(()), read) => {
            *body = read?;
            Ok(())
        }
        // The body was read in any case, so that the next request can follow on the connection.
        (Err(failure), Ok(_)) => Err(failure),
        (Err(failure), Err(_)) => Err(failure.closing()),
    }
}

fn too_slow(part: &str, limit: Duration) -> Failure {
    let limit = humantime::format_duration(limit);
    let message = format!("the request's {part} did not come within {limit} (timeouts.client)");
    Failure::new(Code::RequestTimeout, message)
}
