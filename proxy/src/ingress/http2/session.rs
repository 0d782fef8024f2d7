//! A request over HTTP/2 that streams, and its client as an attempt borrows it.
//!
//! Pingora makes its own session for HTTP/2 only where it accepts the stream itself. Here the stream is accepted already: its
//! head has been checked as that of any request, its client is known, and perhaps its body was read, since the route's load
//! is in it. So this is a session of our own over the same stream, behind the trait that Pingora has for sessions of other
//! protocols.
//!
//! Both bodies move at the pace of the slower side. A piece of the request gives its room back to the client once Pingora has
//! taken it, which it does only as the substation takes what came before; a piece of the answer waits until the client has
//! room for it. If the client resets the stream, every wait ends at once; other limits on these waits are the attempt's.

mod answer;
mod attempt;
mod request_body;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use h2::server::SendResponse;
use parking_lot::Mutex;
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use switchyard_wire::Failure;

pub(super) use answer::{Answer, proceed};
pub(super) use request_body::RequestBody;

use crate::stream_client::{Moved, StreamClient};
use attempt::StreamSession;

/// The client of one stream.
#[derive(Debug)]
pub(super) struct Http2Client {
    /// Attempts borrow it one after another. All are in one task, so the lock is never waited for.
    body: Arc<Mutex<RequestBody>>,
    answer: Answer,
}

impl Http2Client {
    /// The client that sends this body and waits for this answer.
    pub(super) fn new(body: RequestBody, answer: Answer) -> Self {
        Self {
            body: Arc::new(Mutex::new(body)),
            answer,
        }
    }
}

impl StreamClient for Http2Client {
    fn body_length(&self) -> Option<u64> {
        self.body.lock().length()
    }

    /// Never: over HTTP/2 a connection belongs to many requests.
    fn upgrade(&self) -> Option<&[u8]> {
        None
    }

    fn lend(&mut self, request: Box<RequestHeader>, moved: &Arc<Moved>) -> ServerSession {
        if !self.can_replay() {
            moved.is_not_kept();
        }
        ServerSession::new_custom(Box::new(self.session(request, moved)))
    }

    /// There is nothing to take back: a session has handles only.
    fn take_back(&mut self) {}

    fn can_replay(&self) -> bool {
        self.body.lock().is_kept()
    }

    fn has_begun(&self) -> bool {
        self.answer.has_begun()
    }

    /// Never: `h2` has looked at all that came.
    fn fault(&mut self) -> Option<Failure> {
        None
    }

    /// Also while the client is lent.
    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.answer.poll_left(context).map(drop)
    }
}

impl Http2Client {
    /// What an answer can be sent by, if none was begun.
    pub(super) fn into_unsent(self) -> Option<SendResponse<Bytes>> {
        self.answer.into_unsent()
    }

    fn session(&self, request: Box<RequestHeader>, moved: &Arc<Moved>) -> StreamSession {
        let client = (Arc::clone(&self.body), self.answer.clone());
        StreamSession::new(client, request, Arc::clone(moved))
    }
}
