//! The client's side: one request after another, each read whole before anything is chosen.
//!
//! Between two requests an HTTP/1.1 connection waits here, not in Pingora's loop. So the first byte of the next
//! request is seen when it comes: from it counts the client's deadline, and from it the request is in hand
//! and will be answered even if the process is told to end.

use std::{pin::pin, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderValue, Method, Version, header};
use pingora_core::protocols::{Stream, http::ServerSession};
use pingora_http::RequestHeader;
use tokio::{io::AsyncReadExt, time::Instant};
use tracing::debug;

use super::{
    Code, Failure, Lane,
    head::Head,
    in_hand::RequestGuard,
    plain::Plain,
    reply::Reply,
    request_id,
    route::Routed,
    sessions::{self, Ask},
    watchdog::Watchdog,
};

/// What an idle connection keeps for the next request's first bytes: most charge requests fit.
const FIRST_READ: usize = 1024;

/// How long a connection that is turned away may take to read why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A connection between two requests, and what came of the next one already.
type Kept = (Stream, Option<BytesMut>);

impl Lane {
    /// Serves an HTTP/1.1 connection to its end. `started` is when it came.
    pub(super) async fn http1(&self, stream: Stream, started: Instant) -> Option<()> {
        let mut watchdog = Watchdog::new(started + self.shared.now().config.timeouts.client);
        // Each request lives on the heap, so that a connection does not keep its room while it idles.
        let first = async {
            let session = ServerSession::new_http1(stream);
            self.request(session, started, &mut watchdog, None).await
        };
        let (mut stream, prefix) = Box::pin(first).await?;
        let mut received = prefix.unwrap_or_default();
        loop {
            self.first_bytes(&mut stream, &mut received, &mut watchdog)
                .await?;
            let in_hand = self.shared.in_hand.request();
            let started = Instant::now();
            let limit = self.shared.now().config.limits.body;
            if let Some(charge) = Plain::find(&received, limit) {
                let came = (&*received, started);
                let answered = self.plain(&mut stream, came, &charge, &mut watchdog, in_hand);
                Box::pin(answered).await?;
                received.advance(charge.length());
                continue;
            }
            let first = std::mem::take(&mut received);
            let request = async {
                let mut session = ServerSession::new_http1(stream);
                session.set_pipelined_prefix(first);
                self.request(session, started, &mut watchdog, Some(in_hand))
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
        watchdog: &mut Watchdog,
    ) -> Option<()> {
        if !received.is_empty() {
            return Some(());
        }
        if !received.try_reclaim(FIRST_READ) || received.capacity() > 2 * FIRST_READ {
            *received = BytesMut::with_capacity(FIRST_READ);
        }
        let deadline = Instant::now() + self.shared.now().config.timeouts.idle;
        let read = watchdog
            .guard(deadline, pin!(stream.read_buf(received)))
            .await;
        matches!(read, Ok(Ok(1..))).then_some(())
    }

    /// One request from its first byte to the last of its answer. Returns the connection if it goes on.
    ///
    /// `in_hand` where its first byte has been seen; the first request of a connection is seen only once its
    /// head is there.
    pub(super) async fn request(
        &self,
        mut session: ServerSession,
        started: Instant,
        watchdog: &mut Watchdog,
        in_hand: Option<RequestGuard<'_>>,
    ) -> Option<Kept> {
        session.set_pipelining_enabled(session.as_http1().is_some());
        let deadline = started + self.shared.now().config.timeouts.client;
        let read = watchdog.guard(deadline, pin!(session.read_request())).await;
        let request = match read {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => return None,
            Ok(Err(error)) => {
                let message = format!("not an HTTP request: {}", error.etype().as_str());
                Err(Failure::new(Code::InvalidRequest, message).closing())
            }
            Err(_) => Err(self.too_slow("head")),
        };
        let in_hand = in_hand.unwrap_or_else(|| self.shared.in_hand.request());
        // Before its body is read or anything chosen: what is too much must cost the least.
        let request = self.refuse_too_much(&in_hand).and(request);
        let deadline = self.serve(&mut session, request, watchdog, started).await?;
        // What is left of a request or an answer is waited for no longer than the answer itself.
        let finished = watchdog.guard(deadline, pin!(session.finish())).await;
        // HTTP/2 streams end with their request: there is nothing to return then.
        Some(finished.ok()?.ok()??.into_parts())
    }

    /// Answers one request, whatever became of reading it. Returns by when the client must have taken the rest,
    /// unless it could not even be given the answer.
    async fn serve(
        &self,
        session: &mut ServerSession,
        request: Result<(), Failure>,
        watchdog: &mut Watchdog,
        started: Instant,
    ) -> Option<Instant> {
        let sent_id = if request.is_ok() {
            session.get_header(request_id::HEADER)
        } else {
            None
        };
        let sent_id = sent_id.map(HeaderValue::as_bytes);
        let request_id = request_id::of(sent_id, || self.exchange.random(request_id::random));
        let routed = match request {
            Ok(()) => self.answer(session, &request_id, watchdog, started).await,
            Err(failure) => Err(failure),
        };
        let reply = self.reply(routed, request_id);
        let (status, outcome) = (reply.status, reply.outcome);
        let deadline = Instant::now() + self.shared.now().config.timeouts.client;
        let written = watchdog.guard(deadline, pin!(reply.send(session))).await;
        let metrics = self.shared.metrics.requests();
        metrics.ended(status, outcome, started.elapsed());
        matches!(written, Ok(Ok(()))).then_some(deadline)
    }

    /// Refuses a request if more are in hand than may be.
    pub(super) fn refuse_too_much(&self, in_hand: &RequestGuard<'_>) -> Result<(), Failure> {
        let limit = self.shared.now().config.limits.requests;
        if in_hand.nth() <= limit {
            return Ok(());
        }
        let message = format!("{limit} requests are in hand already (limits.requests)");
        Err(Failure::new(Code::Overloaded, message))
    }

    /// What the client is told, and whether its connection ends with it.
    pub(super) fn reply(
        &self,
        routed: Result<(Routed, bool), Failure>,
        request_id: HeaderValue,
    ) -> Reply {
        let mut reply = match routed {
            Ok((routed, is_charge)) => Reply::passing_on(routed, is_charge, request_id),
            Err(failure) => {
                let code = failure.code.name();
                debug!(?request_id, code, message = failure.message, "Refused");
                self.shared.metrics.requests().rejected(code);
                let retry_after = failure
                    .retry_after
                    .unwrap_or_else(|| self.exchange.random(|rng| rng.u32(1..=3)));
                Reply::failing(&failure, retry_after, request_id)
            }
        };
        reply.closes |= self.shared.in_hand.is_draining();
        reply
    }

    /// Reads the rest of a request and gets it answered: by whom, and whether it was a charge.
    async fn answer(
        &self,
        session: &mut ServerSession,
        request_id: &HeaderValue,
        watchdog: &mut Watchdog,
        started: Instant,
    ) -> Result<(Routed, bool), Failure> {
        let asked = asked_for(session.req_header());
        let (deadline, limit) = {
            let config = &self.shared.now().config;
            (started + config.timeouts.client, config.limits.body)
        };
        let body = watchdog
            .guard(deadline, pin!(self.read_body(session, limit)))
            .await
            .unwrap_or_else(|_| Err(self.too_slow("body")));
        let (asked, body) = match (asked, body) {
            (Ok(asked), body) => (asked, body?),
            // The body was read all the same, so that the connection can go on behind it.
            (Err(failure), Ok(_)) => return Err(failure),
            (Err(failure), Err(_)) => return Err(failure.closing()),
        };
        let head = session.req_header();
        let headers = Head::Parsed(&head.headers);
        match asked {
            Asked::Charge => {
                let charged = self.charge(headers, &body, request_id, watchdog, Instant::now());
                Ok((charged.await?, true))
            }
            Asked::Session(ask) => {
                let by = self.shared.snapshot();
                let id = head.uri.path().trim_start_matches(sessions::PREFIX);
                // Rare beside charges: boxed, so that these need no room for it.
                let session = Box::pin(self.session(&by, ask, id, headers, request_id, watchdog));
                Ok((session.await?, false))
            }
        }
    }

    /// The whole body, of `limit` bytes at most.
    async fn read_body(&self, session: &mut ServerSession, limit: usize) -> Result<Bytes, Failure> {
        let too_large = || {
            let message = format!("the body is larger than {limit} bytes (limits.body)");
            Failure::new(Code::BodyTooLarge, message)
        };
        let declared = session.get_header(header::CONTENT_LENGTH);
        let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared
            .is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit))
        {
            return Err(too_large());
        }
        if session.is_body_done() {
            return Ok(Bytes::new());
        }
        let broken =
            |_| Failure::new(Code::InvalidRequest, "the body broke off or is malformed").closing();
        if session.get_header(header::EXPECT).is_some() {
            session.write_continue_response().await.map_err(broken)?;
        }
        // Nearly every body comes in one piece and needs no second buffer.
        let mut whole = Bytes::new();
        let mut pieces = BytesMut::new();
        while let Some(piece) = session.read_request_body().await.map_err(broken)? {
            if whole.len() + pieces.len() + piece.len() > limit {
                return Err(too_large());
            }
            if session.is_body_done() && pieces.is_empty() {
                whole = piece;
                break;
            }
            pieces.extend_from_slice(&piece);
        }
        let body = if whole.is_empty() {
            pieces.freeze()
        } else {
            whole
        };
        Ok(body)
    }

    fn too_slow(&self, part: &str) -> Failure {
        let limit = humantime::format_duration(self.shared.now().config.timeouts.client);
        let message = format!("the request's {part} did not come within {limit} (timeouts.client)");
        Failure::new(Code::RequestTimeout, message)
    }

    /// Tells a connection over the limit to come back later. With TLS it is only closed: what is too much must not
    /// cost a handshake.
    pub(super) async fn turn_away(&self, stream: Stream) {
        let metrics = self.shared.metrics.requests();
        metrics.connections_refused.inc();
        metrics.rejected(Code::Overloaded.name());
        if self.shared.now().config.tls.is_some() {
            return;
        }
        let mut session = ServerSession::new_http1(stream);
        let limit = self.shared.now().config.limits.connections;
        let message = format!("{limit} client connections are open already (limits.connections)");
        let failure = Failure::new(Code::Overloaded, message);
        let request_id = request_id::of(None, || self.exchange.random(request_id::random));
        let reply = Reply::failing(&failure, 1, request_id);
        // Nothing is left to do for one that does not even read this.
        let _ = tokio::time::timeout(LAST_WORD, reply.send(&mut session)).await;
        session.shutdown().await;
    }
}

/// What a request line asks for.
enum Asked {
    Charge,
    Session(Ask),
}

fn asked_for(head: &RequestHeader) -> Result<Asked, Failure> {
    // RFC 9112 §3.2: without it the request is malformed, whatever it asks for.
    if head.version == Version::HTTP_11 && !head.headers.contains_key(header::HOST) {
        return Err(Failure::new(
            Code::InvalidRequest,
            "an HTTP/1.1 request needs a Host header",
        )
        .closing());
    }
    let path = head.uri.path();
    if matches!(path, "/request_charge" | "/assign_substation") {
        if head.method == Method::POST {
            return Ok(Asked::Charge);
        }
        return Err(Failure::method_not_allowed(path, &head.method, "POST"));
    }
    if path.starts_with(sessions::PREFIX) {
        return Ask::of(&head.method)
            .map(Asked::Session)
            .ok_or_else(|| Failure::method_not_allowed(path, &head.method, sessions::METHODS));
    }
    let message = format!(
        "nothing is at {path:?}; charges are booked at POST /request_charge, sessions are at GET and DELETE /sessions/{{id}}"
    );
    Err(Failure::new(Code::NotFound, message))
}
