//! A client's HTTP/1.1 connection: the requests that come over it, each read whole, and the end.
//!
//! Both ports read with it, and every request of a connection is read in the same way, so there is one verdict on the
//! same bytes. It sets no deadlines: its callers do.
//!
//! Between two requests it holds no buffer ([`spare_buffers`]), and so does one whose client has sent nothing yet.

use std::{
    future::{Future, poll_fn},
    io,
    net::{IpAddr, Ipv4Addr},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use pingora_core::protocols::{Stream, l4::stream::Stream as Plain};
use socket2::SockRef;
use switchyard_http1::{
    Expectation, FaultKind, IncomingBody, IncomingDecoder, IncomingRequest, RequestFault,
    RequestLimits,
};
use switchyard_wire::{Code, Failure};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    buffered::{BufferShare, FREE},
    client_stream::ClientStream,
    client_watch::ClientWatch,
    spare_buffers,
};

/// Size of the buffer for the first bytes of a request: most charge requests fit.
const FIRST_READ: usize = FREE;
/// The room that is made at once for a body that announces as much, in bytes.
const LARGEST_READ: usize = 16 * 1024;
/// The most bytes behind a request that streams which are read while its answer comes, about.
const MOST_AHEAD: usize = 4 * 1024;
/// How long a connection that the proxy closes may take to read the last bytes.
pub(crate) const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// A connection, and the bytes that have been received and belong to no request that was answered.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    stream: ClientStream,
    received: BytesMut,
    share: BufferShare,
    /// Bytes after those, which were read while a request waited.
    ahead: BytesMut,
}

/// The address at the other end; IPv4 in its own form.
pub(crate) fn peer(stream: &Stream) -> IpAddr {
    let digest = stream.get_socket_digest();
    let peer = digest.and_then(|digest| digest.peer_addr()?.as_inet().copied());
    // All listeners are TCP, so there is an address.
    peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| {
        peer.ip().to_canonical()
    })
}

impl ClientConnection {
    /// A connection whose buffer counts in `share`.
    pub(crate) fn new(stream: impl Into<ClientStream>, share: BufferShare) -> Self {
        Self {
            stream: stream.into(),
            received: BytesMut::new(),
            share,
            ahead: BytesMut::new(),
        }
    }

    /// The bytes of the current request, and perhaps of further ones.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// The bytes of the current request, and what notices that its client leaves.
    pub(crate) fn watched(&mut self) -> (&[u8], ClientWatch<'_>) {
        let watch = ClientWatch::Http1(&mut self.stream, &mut self.ahead);
        (&self.received, watch)
    }

    /// The request of this many bytes has been answered.
    pub(crate) fn advance(&mut self, length: usize) {
        self.received.advance(length.min(self.received.len()));
        if !self.ahead.is_empty() {
            self.received.extend_from_slice(&self.ahead);
            self.ahead = BytesMut::new();
        }
    }

    /// The stream, for a protocol that reads it by itself. What was received is read from it again.
    pub(crate) fn into_pingora(self) -> Stream {
        self.stream.into_pingora(&self.received)
    }

    /// The socket, if there is no layer over it. What was received is read from it again.
    pub(crate) fn into_socket(self) -> Option<Plain> {
        self.stream.into_socket(&self.received)
    }

    /// The connection itself, which is lent to a request that streams and put back with [`ClientConnection::put_back`].
    /// What is left here is closed.
    pub(crate) fn lend(&mut self) -> Self {
        let share = self.share.take();
        Self {
            stream: std::mem::replace(&mut self.stream, ClientStream::Lent),
            received: std::mem::take(&mut self.received),
            share,
            ahead: std::mem::take(&mut self.ahead),
        }
    }

    /// Puts a connection back that was lent.
    pub(crate) fn put_back(&mut self, lent: Self) {
        *self = lent;
        self.advance(0);
    }

    /// Takes the first `length` bytes that were received.
    pub(crate) fn take(&mut self, length: usize) -> Bytes {
        let length = length.min(self.received.len());
        self.received.split_to(length).freeze()
    }

    /// The bytes that were received and not taken yet.
    pub(crate) fn received_mut(&mut self) -> &mut BytesMut {
        &mut self.received
    }

    /// Counts so many bytes as held for the request, besides what an idle connection has. False if there is no room.
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        self.share.hold(bytes + FIRST_READ).is_ok()
    }

    /// Reads what is there, behind what was received, and holds no buffer while nothing is there. Returns how many bytes;
    /// zero at the end.
    pub(crate) fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            self.received.extend_from_slice(&ahead);
            return Poll::Ready(Ok(ahead.len()));
        }
        let (stream, received) = (&mut self.stream, &mut self.received);
        spare_buffers::read_into(received, |buffer| {
            Pin::new(stream).poll_read(context, buffer)
        })
    }

    /// Ready once the client has left. What it sends meanwhile is kept, up to a bound; beyond it the client is there, and
    /// has more to say.
    pub(crate) fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.received.len() + self.ahead.len() < MOST_AHEAD {
            let (stream, ahead) = (&mut self.stream, &mut self.ahead);
            let read = spare_buffers::read_into(ahead, |buffer| {
                Pin::new(stream).poll_read(context, buffer)
            });
            if matches!(ready!(read), Ok(0) | Err(_)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Writes some of these bytes.
    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    /// Sends what a layer over the socket has taken and still holds.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Has the connection reset when it is dropped, so that an answer which has no other end than the connection's can't
    /// be taken for whole. With TLS, whose end is a word of its own, that word is not said.
    pub(crate) fn cut(&mut self) {
        if let ClientStream::Socket(socket) = &self.stream {
            // An error means that it is closed already.
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }

    /// Waits until there is something to read, without a buffer to read it into, or until the client closes.
    pub(crate) fn is_readable(&mut self) -> impl Future<Output = ()> {
        poll_fn(|context| {
            if self.received.is_empty() {
                self.stream.poll_readable(context)
            } else {
                Poll::Ready(())
            }
        })
    }

    /// Waits for the first bytes of the next request. False if the connection ends instead. All that this keeps, an idle
    /// connection keeps: so it is no `async fn`, which keeps its arguments twice.
    pub(crate) fn has_request(&mut self) -> impl Future<Output = bool> {
        if self.received.is_empty() {
            spare_buffers::put(std::mem::take(&mut self.received));
            // To hold less never fails.
            let _ = self.share.hold(FIRST_READ);
        }
        poll_fn(|context| {
            if !self.received.is_empty() {
                return Poll::Ready(true);
            }
            let mut buffer = spare_buffers::take();
            let read = pin!(self.stream.read_buf(&mut buffer)).poll(context);
            if matches!(read, Poll::Ready(Ok(1..))) {
                self.received = buffer;
                return Poll::Ready(true);
            }
            spare_buffers::put_unused(buffer);
            read.map(|_| false)
        })
    }

    /// Reads on until the received bytes begin with `opening`, or can't. Returns whether they do. Wait for the first of them
    /// by [`ClientConnection::has_request`], which holds no buffer meanwhile.
    ///
    /// It waits for no more bytes than it needs: a whole HTTP/1.1 request may be shorter than the opening of another protocol.
    pub(crate) async fn begins_with(&mut self, opening: &[u8]) -> bool {
        while self.received.len() < opening.len() && opening.starts_with(&self.received) {
            if !self.more().await {
                return false;
            }
        }
        self.received.starts_with(opening)
    }

    /// Reads what comes next. False if the connection ends, or may hold no more.
    pub(crate) async fn more(&mut self) -> bool {
        matches!(self.read(FIRST_READ).await, Ok(true))
    }

    /// Reads the head of the next request, of at most `limit` bytes. `None` if the connection ends instead.
    pub(crate) async fn head(&mut self, limit: usize) -> Result<Option<IncomingRequest>, Failure> {
        let mut decoder = IncomingDecoder::new(limit);
        loop {
            match decoder.decode(&mut self.received) {
                Ok(Some(request)) => return Ok(Some(request)),
                Ok(None) if self.read(self.room_of_head(limit)).await? => {}
                Ok(None) if self.received.is_empty() => return Ok(None),
                Ok(None) => return Err(refusal(RequestFault::Truncated)),
                Err(fault) => return Err(refusal(fault)),
            }
        }
    }

    /// The room that a full buffer gets for the rest of a head: doubled up to the limit, and no further.
    fn room_of_head(&self, limit: usize) -> usize {
        let length = self.received.len();
        length.min(limit.saturating_sub(length))
    }

    /// Reads the body of a request, within `limits`. Tells the client to send it, if the client waits for that.
    pub(crate) async fn body(
        &mut self,
        request: &IncomingRequest,
        limits: RequestLimits,
    ) -> Result<IncomingBody, Failure> {
        let refusal = |fault| match fault {
            RequestFault::BodyTooLarge => body_too_large(limits.body),
            fault => refusal(fault),
        };
        let mut decoder = request.body(limits).map_err(refusal)?;
        let mut is_awaited = request.expectation() == Expectation::Continue;
        loop {
            if let Some(body) = decoder.decode(&mut self.received).map_err(refusal)? {
                return Ok(body);
            }
            let sent = if std::mem::take(&mut is_awaited) {
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok()
            } else {
                true
            };
            let missing = decoder.missing(&self.received);
            // Doubled at most, however much a request announces.
            let double = self.received.len();
            let room = match missing {
                0 => double,
                missing => missing.min(double.max(LARGEST_READ)),
            };
            if !sent || !self.read(room).await? {
                return Err(refusal(RequestFault::Truncated));
            }
        }
    }

    /// The body of a request, if it has arrived.
    pub(crate) fn arrived_body(
        &mut self,
        request: &IncomingRequest,
        limits: RequestLimits,
    ) -> Option<IncomingBody> {
        let mut decoder = request.body(limits).ok()?;
        decoder.decode(&mut self.received).ok()?
    }

    /// Reads what is there. If the buffer is full, it gets `room` more bytes, and never less than an idle one has. False
    /// if the connection ends.
    async fn read(&mut self, room: usize) -> Result<bool, Failure> {
        let room = room.max(FIRST_READ);
        if self.received.capacity() == self.received.len() && !self.received.try_reclaim(room) {
            let capacity = self.received.len() + room;
            self.share.hold(capacity)?;
            // A buffer that grows by itself grows to twice its size.
            let mut larger = BytesMut::with_capacity(capacity);
            larger.extend_from_slice(&self.received);
            self.received = larger;
        }
        Ok(matches!(
            self.stream.read_buf(&mut self.received).await,
            Ok(1..)
        ))
    }

    /// Sends these bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Closes after an answer to a request that was read to its end.
    pub(crate) async fn close(&mut self) {
        // An error means that it is closed already.
        let _ = timeout(CLOSE_GRACE, self.stream.shutdown()).await;
    }

    /// Closes after an answer to a request that was not read to its end. To close a socket with unread bytes resets the
    /// connection, and the reset may overtake the answer; so the rest is read and dropped until the client closes too.
    pub(crate) async fn close_unread(&mut self) {
        let rest = async {
            self.stream.shutdown().await?;
            self.received.clear();
            while self.stream.read_buf(&mut self.received).await? > 0 {
                self.received.clear();
            }
            io::Result::Ok(())
        };
        let _ = timeout(CLOSE_GRACE, rest).await;
    }
}

/// The error answer for a fault of the protocol. The connection ends with it.
pub(crate) fn refusal(fault: RequestFault) -> Failure {
    let code = match fault.kind() {
        FaultKind::Malformed => Code::InvalidRequest,
        FaultKind::BodyTooLarge => Code::BodyTooLarge,
        FaultKind::TargetTooLong => Code::TargetTooLong,
        FaultKind::HeadTooLarge => Code::HeadTooLarge,
        FaultKind::NotImplemented => Code::NotImplemented,
        FaultKind::Version => Code::VersionNotSupported,
    };
    Failure::new(code, fault.to_string()).closing()
}

/// The error answer for a body over `limits.body`.
pub(crate) fn body_too_large(limit: usize) -> Failure {
    let message = format!("the body is larger than {limit} bytes (limits.body)");
    Failure::new(Code::BodyTooLarge, message)
}

/// The error answer for a part of a request that took longer than `timeouts.client`.
pub(crate) fn too_slow(part: &str, limit: Duration) -> Failure {
    let limit = humantime::format_duration(limit);
    let message = format!("the request's {part} did not come within {limit} (timeouts.client)");
    Failure::new(Code::RequestTimeout, message)
}

/// The error answer for an expectation that HTTP does not define.
pub(crate) fn unknown_expectation() -> Failure {
    let message =
        "the only expectation that is met here is 100-continue; send the request without any other";
    Failure::new(Code::ExpectationFailed, message)
}
