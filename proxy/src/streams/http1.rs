//! The client of a request that streams over HTTP/1.1.
//!
//! Its head was read as every head is, and so is its body: by `http1`, in parts. Pingora has a reader of its own, but two
//! readers may disagree about where a request ends, and the bytes in dispute would become another request. What a client
//! sends behind its request stays on the connection, for the next one; only once the substation has agreed to speak another
//! protocol it is a part of that.

mod side;

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use parking_lot::Mutex;
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use switchyard_http1::{Expectation, IncomingRequest, RequestFault};
use switchyard_wire::Failure;

use super::{
    answer::{Answer, Asked},
    http1_session::Http1Session,
};
use crate::{
    client_connection::{ClientConnection, refusal},
    in_flight::InFlight,
    stream_client::{Kept, Moved, StreamClient},
};

use side::CONTINUE;
pub(super) use side::Side;

/// Where the client's side comes back to.
pub(super) type Home = Arc<Mutex<Option<Box<Side>>>>;

/// A connection whose request streams. It gets its connection back with [`Http1Client::finish`].
#[derive(Debug)]
pub(crate) struct Http1Client {
    /// None while it is lent.
    side: Option<Box<Side>>,
    home: Home,
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
            interim: if is_expecting { CONTINUE } else { b"" },
            closes: head.closes(),
            in_flight: Arc::clone(in_flight),
            fault: None,
            has_left: false,
        };
        Self {
            side: Some(Box::new(side)),
            home: Home::default(),
            length: head.body_length(),
            upgrade,
        }
    }

    /// Reads the body ahead, at most to the number of bytes that is kept. Returns it if it has ended by then; an error if it
    /// is malformed or the client left.
    pub(crate) async fn read_ahead(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(side) = &mut self.side else {
            return Ok(None);
        };
        let moved = Moved::default();
        loop {
            let Ok(part) = poll_fn(|context| side.poll_part(&moved, context)).await else {
                let truncated = || refusal(RequestFault::Truncated);
                return Err(side.fault.take().unwrap_or_else(truncated));
            };
            let Some(part) = part else {
                return Ok(Some(side.kept.all().unwrap_or_default()));
            };
            let connection = &mut side.connection;
            if !side.kept.add_ahead(&part, |length| connection.hold(length)) {
                return Ok(None);
            }
        }
    }

    /// Whether the request was read to its end.
    pub(crate) fn is_read(&mut self) -> bool {
        self.take_back();
        let side = self.side.as_ref();
        side.is_some_and(|side| side.parts.has_ended())
    }

    /// Puts the connection back. True if it can go on with another request: the request was read to its end, and so was
    /// what was written of an answer.
    pub(crate) fn finish(mut self, connection: &mut ClientConnection) -> bool {
        self.take_back();
        let Some(side) = self.side.take() else {
            return false;
        };
        let Side {
            connection: mut lent,
            answer,
            parts,
            ..
        } = *side;
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
        let (side, moved) = (self.side.take(), Arc::clone(moved));
        let session = Http1Session::new(side, Arc::clone(&self.home), request, moved);
        ServerSession::new_custom(Box::new(session))
    }

    fn take_back(&mut self) {
        if self.side.is_none() {
            self.side = self.home.lock().take();
        }
    }

    fn can_replay(&self) -> bool {
        self.side.as_ref().is_some_and(|side| side.kept.is_whole())
    }

    fn has_begun(&self) -> bool {
        self.side
            .as_ref()
            .is_none_or(|side| side.answer.has_begun())
    }

    fn fault(&mut self) -> Option<Failure> {
        self.side.as_mut()?.fault.take()
    }

    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.side {
            Some(side) => side.connection.poll_left(context),
            // Its session notices.
            None => Poll::Pending,
        }
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
