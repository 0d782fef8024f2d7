//! The answer of one stream: its heads, its pieces as the client has room for them, its trailers or a reset.

use std::{
    fmt::Display,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use parking_lot::Mutex;
use pingora_core::{
    Error,
    ErrorType::{ConnectionClosed, InternalError, InvalidHTTPHeader, WriteError},
    Result,
    protocols::http::date::get_cached_date,
};
use pingora_http::ResponseHeader;
use switchyard_http1::nominates;
use switchyard_wire::names::REQUEST_ID;

use crate::ingress::http2::credit::Credit;

/// How many interim answers reach the client. They have no flow control, so a substation that sends them without end would
/// fill the memory of a connection whose client reads nothing.
const MOST_INTERIM: u32 = 16;
/// Headers of a connection in HTTP/1.1, which HTTP/2 has no use for (RFC 9113 §8.2.2).
const OF_A_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// An answer. Clones are handles to the same: an attempt writes it, and between attempts and beside them it is noticed that
/// the client leaves. All are in one task, so no lock is ever waited for, and what wakes one wakes the others.
#[derive(Clone, Debug)]
pub(in crate::ingress::http2) struct Answer {
    sending: Arc<Mutex<Sending>>,
    credit: Credit,
}

#[derive(Debug)]
struct Sending {
    stream: Half,
    interim: u32,
}

/// What an answer is sent by, before its head and after.
#[derive(Debug)]
enum Half {
    Head(SendResponse<Bytes>),
    Body(SendStream<Bytes>),
}

impl Answer {
    /// An answer of which nothing has been sent. Its pieces add to `credit`.
    pub(in crate::ingress::http2) fn new(answer: SendResponse<Bytes>, credit: Credit) -> Self {
        let sending = Sending {
            stream: Half::Head(answer),
            interim: 0,
        };
        Self {
            sending: Arc::new(Mutex::new(sending)),
            credit,
        }
    }

    /// Ready once the client has reset the stream, or its connection has ended. Never after a complete answer.
    pub(super) fn poll_left(&self, context: &mut Context<'_>) -> Poll<Box<Error>> {
        let reset = match &mut self.sending.lock().stream {
            Half::Head(answer) => answer.poll_reset(context),
            Half::Body(body) => body.poll_reset(context),
        };
        reset.map(|reset| {
            let message = match reset {
                Ok(reason) => format!("the client reset the stream: {reason}"),
                Err(error) => format!("the client's connection ended: {error}"),
            };
            Error::explain(ConnectionClosed, message).into_down()
        })
    }

    /// Whether a final head was sent.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self.sending.lock().stream, Half::Body(_))
    }

    /// What an answer can be sent by, if this has sent none and is the last handle.
    pub(super) fn into_unsent(self) -> Option<SendResponse<Bytes>> {
        match Arc::into_inner(self.sending)?.into_inner().stream {
            Half::Head(answer) => Some(answer),
            Half::Body(_) => None,
        }
    }

    /// Tells the client to send its body.
    pub(super) fn proceed(&self) {
        if let Half::Head(answer) = &mut self.sending.lock().stream {
            proceed(answer);
        }
    }

    /// Sends an interim head.
    pub(super) fn interim(&self, head: &ResponseHeader) -> Result<()> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let message = "101 to a request that asked for no upgrade";
            return Err(Error::explain(InvalidHTTPHeader, message).into_up());
        }
        let mut sending = self.sending.lock();
        // That the client may send its body is said when the body is first asked for.
        if head.status == StatusCode::CONTINUE || sending.interim == MOST_INTERIM {
            return Ok(());
        }
        sending.interim += 1;
        match &mut sending.stream {
            Half::Head(answer) => {
                let sent = answer.send_informational(response(head));
                sent.map_err(|error| failed("an interim answer", error))
            }
            Half::Body(_) => Error::e_explain(InternalError, "an interim answer behind the final"),
        }
    }

    /// Sends the head.
    pub(super) fn head(&self, head: &ResponseHeader, ends: bool) -> Result<()> {
        let mut response = response(head);
        let headers = response.headers_mut();
        if !headers.contains_key(header::DATE) {
            headers.insert(header::DATE, get_cached_date());
        }
        // No id comes twice, so none may take a place in the table of headers that both ends keep.
        if let Some(id) = headers.get_mut(REQUEST_ID) {
            id.set_sensitive(true);
        }
        let mut sending = self.sending.lock();
        let Half::Head(answer) = &mut sending.stream else {
            return Error::e_explain(InternalError, "a second head of an answer");
        };
        let body = answer.send_response(response, ends);
        sending.stream = Half::Body(body.map_err(|error| failed("the head", error))?);
        Ok(())
    }

    /// How many bytes the client has room for, at least one. Up to `wanted` are asked for.
    pub(super) async fn room(&self, wanted: usize) -> Result<usize> {
        self.body(|body| {
            body.reserve_capacity(wanted);
            Ok(())
        })?;
        poll_fn(|context| self.poll_room(context)).await
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<Result<usize>> {
        let room = self.body(|body| {
            let room = body.capacity();
            Ok(if room > 0 {
                Poll::Ready(Some(Ok(room)))
            } else {
                body.poll_capacity(context)
            })
        });
        room?.map(|room| match room {
            Some(Ok(room)) => Ok(room),
            Some(Err(error)) => Err(failed("a piece", error)),
            None => Err(failed("a piece", "the stream has ended")),
        })
    }

    /// Sends a piece that the client has room for.
    pub(super) fn piece(&self, piece: Bytes, ends: bool) -> Result<()> {
        if !piece.is_empty() {
            self.credit.sent();
        }
        self.body(|body| {
            let sent = body.send_data(piece, ends);
            sent.map_err(|error| failed("a piece", error))
        })
    }

    /// Sends the trailers, which end the answer.
    pub(super) fn trailers(&self, trailers: HeaderMap) -> Result<()> {
        self.body(|body| {
            let sent = body.send_trailers(trailers);
            sent.map_err(|error| failed("the trailers", error))
        })
    }

    /// Tells the client that the answer won't be whole.
    pub(super) fn reset(&self) {
        match &mut self.sending.lock().stream {
            Half::Head(answer) => answer.send_reset(Reason::INTERNAL_ERROR),
            Half::Body(body) => body.send_reset(Reason::INTERNAL_ERROR),
        }
    }

    fn body<T>(&self, send: impl FnOnce(&mut SendStream<Bytes>) -> Result<T>) -> Result<T> {
        match &mut self.sending.lock().stream {
            Half::Body(body) => send(body),
            Half::Head(_) => {
                Error::e_explain(InternalError, "a body before the head of its answer")
            }
        }
    }
}

/// Tells a client to send its body.
pub(in crate::ingress::http2) fn proceed(answer: &mut SendResponse<Bytes>) {
    let mut interim = Response::new(());
    *interim.status_mut() = StatusCode::CONTINUE;
    // It fails if the client has reset the stream, which reading its body finds out too.
    let _ = answer.send_informational(interim);
}

/// A head as HTTP/2 has it: without what HTTP/1.1 says of its connection.
fn response(head: &ResponseHeader) -> Response<()> {
    let mut response = Response::from_parts(head.as_owned_parts(), ());
    let headers = response.headers_mut();
    let nominated: Vec<_> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|connection| {
            let names = headers.keys();
            names.filter(|name| nominates(connection.as_bytes(), name.as_str().as_bytes()))
        })
        .cloned()
        .collect();
    for name in nominated.iter().chain(&OF_A_CONNECTION) {
        headers.remove(name);
    }
    response
}

#[expect(clippy::unnecessary_box_returns, reason = "as Pingora has its errors")]
fn failed(what: &str, why: impl Display) -> Box<Error> {
    Error::explain(WriteError, format!("{what} could not be sent: {why}")).into_down()
}
