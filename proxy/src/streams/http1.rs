//! The client of a request that streams over HTTP/1.1.
//!
//! Its head was read as every head is, and so is its body: by `http1`, in parts. Pingora has a reader of its own, but two
//! readers may disagree about where a request ends, and the bytes in dispute would become another request. What a client
//! sends behind its request stays on the connection, for the next one; only once the substation has agreed to speak another
//! protocol it is a part of that.

mod session;
mod side;
#[cfg(test)]
mod tests;

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use switchyard_http1::{Expectation, IncomingRequest, RequestFault};
use switchyard_wire::Failure;

use super::answer::{Answer, Asked};
use crate::{
    client_connection::{ClientConnection, refusal},
    in_flight::InFlight,
    stream_client::{Kept, Moved, StreamClient},
};

use session::Http1Session;
use side::{Side, Unsent};

/// A connection whose request streams. It gets its connection back with [`Http1Client::finish`].
#[derive(Debug)]
pub(crate) struct Http1Client {
    /// Attempts borrow it one after another. All are in one task, so the lock is never waited for.
    side: Arc<Mutex<Side>>,
    /// What moves in the attempt that has it now.
    lent: Option<Arc<Moved>>,
    length: Option<u64>,
    upgrade: Option<Box<[u8]>>,
}

impl Http1Client {
    /// The client of the request with this head, whose bytes were taken from the connection: the rest is its body, and what
    /// follows. At most `most` bytes of the body are kept for another attempt; `limit` is the limit of a head, in bytes.
    pub(crate) fn new(
        connection: &mut ClientConnection,
        (head, received): (&IncomingRequest, &[u8]),
        in_flight: &Arc<InFlight>,
        (most, limit): (usize, usize),
    ) -> Self {
        let parts = head.parts(limit);
        let is_expecting = head.expectation() == Expectation::Continue && !parts.has_ended();
        let asked = Asked {
            is_head: head.method(received) == "HEAD",
            is_http_1_0: head.is_http_1_0(),
        };
        let upgrade = upgrade_of(head, received).filter(|_| parts.has_ended());
        let side = Side {
            connection: connection.lend(),
            parts,
            kept: Kept::new(most),
            answer: Answer::to(asked),
            unsent: Unsent::default(),
            is_expecting,
            closes: head.closes(),
            in_flight: Arc::clone(in_flight),
            fault: None,
            has_left: false,
        };
        Self {
            side: Arc::new(Mutex::new(side)),
            lent: None,
            length: head.body_length(),
            upgrade,
        }
    }

    /// Reads the body ahead, at most to the number of bytes that is kept. Returns it if it has ended by then; an error if it
    /// is malformed or the client left.
    pub(crate) async fn read_ahead(&mut self) -> Result<Option<Bytes>, Failure> {
        let moved = Moved::default();
        loop {
            let part = poll_fn(|context| self.side.lock().poll_part(&moved, context)).await;
            let mut side = self.side.lock();
            let Side {
                connection,
                kept,
                fault,
                ..
            } = &mut *side;
            let Ok(part) = part else {
                let truncated = || refusal(RequestFault::Truncated);
                return Err(fault.take().unwrap_or_else(truncated));
            };
            let Some(part) = part else {
                return Ok(Some(kept.all().unwrap_or_default()));
            };
            if !kept.add_ahead(&part, |length| connection.hold(length)) {
                return Ok(None);
            }
        }
    }

    /// Whether the request was read to its end.
    pub(crate) fn is_read(&self) -> bool {
        self.side.lock().parts.has_ended()
    }

    /// What was written before a final head and has not left: whatever is sent next must follow it.
    pub(crate) fn take_unsent(&self) -> BytesMut {
        self.side.lock().unsent.take()
    }

    /// Puts the connection back. True if it can go on with another request: the request was read to its end, and so was
    /// what was written of an answer.
    pub(crate) fn finish(self, connection: &mut ClientConnection) -> bool {
        let mut side = self.side.lock();
        let mut lent = side.connection.lend();
        let (answer, parts) = (&side.answer, &side.parts);
        let is_cut = answer.has_begun() && !answer.has_ended();
        if is_cut && answer.ends_with_connection() {
            lent.cut();
        }
        let goes_on = parts.has_ended() && !is_cut && !answer.closes();
        connection.put_back(lent);
        goes_on
    }
}

impl StreamClient for Http1Client {
    fn body_length(&self) -> Option<u64> {
        self.length
    }

    fn upgrade(&self) -> Option<&[u8]> {
        self.upgrade.as_deref()
    }

    fn lend(&mut self, request: Box<RequestHeader>, moved: &Arc<Moved>) -> ServerSession {
        self.lent = Some(Arc::clone(moved));
        let session = Http1Session::new(Arc::clone(&self.side), request, Arc::clone(moved));
        ServerSession::new_custom(Box::new(session))
    }

    fn take_back(&mut self) {
        self.lent = None;
    }

    fn can_replay(&self) -> bool {
        self.side.lock().is_whole()
    }

    fn has_begun(&self) -> bool {
        self.side.lock().answer.has_begun()
    }

    fn fault(&mut self) -> Option<Failure> {
        self.side.lock().fault.take()
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.lent {
            Some(moved) => self.side.lock().poll_send(moved, context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.lent.is_some() {
            // Its session notices.
            return Poll::Pending;
        }
        self.side.lock().connection.poll_left(context)
    }
}

/// The protocol that a client asks for, on a connection and in a version of HTTP where that is possible. HTTP/2 is none:
/// what it would say through the proxy, nothing here would have checked.
fn upgrade_of(head: &IncomingRequest, received: &[u8]) -> Option<Box<[u8]>> {
    let fields = head.head(received);
    let mut asked = fields.all("upgrade");
    let protocol = asked.next().filter(|_| asked.next().is_none())?;
    let is_named = fields
        .all("connection")
        .any(|value| switchyard_http1::nominates(value, b"upgrade"));
    let is_http2 = protocol
        .split(|byte| *byte == b',')
        .filter_map(|one| one.trim_ascii().get(..2))
        .any(|begin| begin.eq_ignore_ascii_case(b"h2"));
    (is_named && !head.is_http_1_0() && !is_http2).then(|| protocol.into())
}
