//! The client's side of HTTP/1.1: one request after another, each read whole before anything is chosen.
//!
//! Between two requests a connection waits here, not in Pingora's loop. So the first byte of the next request is seen
//! when it comes: from it counts the client's deadline, and from it the request is in flight and will be answered even
//! if the process is told to end.

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

/// What an idle connection keeps for the next request's first bytes: most charge requests fit.
const FIRST_READ: usize = 1024;

/// A connection between two requests, and what came of the next one already.
type KeptAlive = (Stream, Option<BytesMut>);

impl Ingress {
    /// Serves an HTTP/1.1 connection to its end. `started` is when it came.
    pub(super) async fn http1(&self, stream: Stream, started: Instant) -> Option<()> {
        let runtime = self.runtime();
        let mut timer = DeadlineTimer::new(started + runtime.now().config.timeouts.client);
        // Each request lives on the heap, so that a connection does not keep its room while it idles.
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

    /// Waits for the first bytes of the next request on a connection, unless they have come.
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

    /// One request over a session of Pingora's, from its first byte to the last of its answer. Returns the connection if
    /// it goes on.
    ///
    /// `in_flight` where its first byte has been seen; the first request of a connection is seen only once its head is
    /// there.
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
        let read = timer
            .guard(started + limit, pin!(session.read_request()))
            .await;
        let head = match read {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => return None,
            Ok(Err(error)) => {
                let message = format!("not an HTTP request: {}", error.etype().as_str());
                Err(Failure::new(Code::InvalidRequest, message).closing())
            }
            Err(_) => Err(too_slow("head", limit)),
        };
        let mut context = RequestContext {
            snapshot: runtime.snapshot(),
            started,
            arrived: started,
            in_flight: in_flight.unwrap_or_else(|| runtime.in_flight.request()),
            timer,
        };
        let mut body = Bytes::new();
        let read = match head {
            Ok(()) => read_body(&mut session, &mut context, &mut body)
                .await
                .map_err(|failure| (failure, true)),
            Err(failure) => Err((failure, false)),
        };
        context.arrived = Instant::now();
        // A session has no header to show before its head has come.
        let (head, target) = match read {
            Ok(()) => (Some(session.req_header()), target::of(session.req_header())),
            Err((failure, has_head)) => (has_head.then(|| session.req_header()), Err(failure)),
        };
        let request = ReceivedRequest {
            head: head.map(|head| Head::Parsed(&head.headers)),
            target,
            body: &body,
        };
        let reply = self.dispatcher.respond(&mut context, request).await;
        let write = async |reply: Reply| reply.send(&mut session).await.is_ok();
        let deadline = self.dispatcher.deliver(&mut context, reply, write).await?;
        // What is left of a request or an answer is waited for no longer than the answer itself.
        let finished = context.timer.guard(deadline, pin!(session.finish())).await;
        // HTTP/2 streams end with their request: there is nothing to return then.
        Some(finished.ok()?.ok()??.into_parts())
    }
}

/// Reads the body of a request whose head has come, unless the request is too much.
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
        // The body was read all the same, so that the connection can go on behind it.
        (Err(failure), Ok(_)) => Err(failure),
        (Err(failure), Err(_)) => Err(failure.closing()),
    }
}

fn too_slow(part: &str, limit: Duration) -> Failure {
    let limit = humantime::format_duration(limit);
    let message = format!("the request's {part} did not come within {limit} (timeouts.client)");
    Failure::new(Code::RequestTimeout, message)
}
