//! A connection that several requests share: written together, answered in order.
//!
//! No task drives it. The waiting requests do, by the two duties of [`PipelineQueue`]. The first request in an empty
//! buffer does not write at once. It yields for one turn of the worker's event loop, so that all requests of that
//! turn leave in one write. One read takes all answers that arrived together and wakes the requests that wait
//! for them.

use std::{
    future::Future,
    ops::Range,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWrite},
    time::Instant,
};

use super::{
    Outgoing, Progress,
    connection::Connection,
    delivery::{Delivery, delivery, is_cut, is_reset},
    observation::{Observation, is_about_request, is_http_11, says_close},
    pipeline_queue::{Outcome, PipelineQueue, Ticket},
};
use switchyard_transport::{Refusal, Stream};

use switchyard_http1::{
    Answer, Decoded, Decoder, KnownHead, Limits, Malformed, Unencodable, encode_request,
};

/// Room for answers, in bytes: enough for several batches.
const BUFFER: usize = 16 * 1024;
/// Room that must be free for a read, in bytes. A read that does not fill it shows that there is no more to read.
const READ: usize = 4 * 1024;

/// A connection that several requests may share.
#[derive(Debug)]
pub(super) struct PipelinedConnection(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    stream: Stream,
    /// Bytes still to be written.
    out: BytesMut,
    received: BytesMut,
    decoder: Decoder,
    /// The head of the last answer.
    known: KnownHead,
    queue: PipelineQueue<Answer>,
    state: ConnectionState,
    /// Whether the connection was idle for a while and nothing was written since.
    has_rested: bool,
    /// Where the request ends whose last byte was written apart, in bytes from the first of the connection.
    apart: Option<u64>,
    /// When the last answer came. The substation could not begin with the next request before that.
    answered_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionState {
    Open,
    /// The last answer announced that no further one will come; only the close is still due.
    Closing,
    /// The same after an answer that is about its request.
    ClosingForRequest,
    Lost,
}

/// What polling a waiting request returned.
pub(super) struct Polled {
    pub(super) end: Option<Outcome<Answer>>,
    pub(super) seen: Observation,
    /// Whether no request is on the connection any more.
    pub(super) is_over: bool,
}

impl PipelinedConnection {
    pub(super) fn new(connection: Connection, limits: Limits) -> Self {
        Self(Mutex::new(Inner {
            out: BytesMut::with_capacity(READ),
            received: BytesMut::with_capacity(BUFFER),
            decoder: Decoder::new(limits),
            known: connection.known,
            queue: PipelineQueue::new(connection.sent),
            state: ConnectionState::Open,
            answered_at: None,
            has_rested: connection.has_rested,
            apart: None,
            stream: connection.stream,
        }))
    }

    /// Turns it into a connection for one request at a time, if it is still usable.
    pub(super) fn into_connection(self) -> Option<Connection> {
        let inner = self.0.into_inner();
        let is_clean = inner.out.is_empty() && inner.received.is_empty();
        let is_clean = is_clean && inner.stream.is_flushed();
        (inner.state == ConnectionState::Open && is_clean && inner.queue.is_empty())
            .then(|| Connection::of(inner.stream, inner.queue.written(), inner.known))
    }

    /// Whether a request may join: there is room, and no request has waited longer than `patience`.
    pub(super) fn is_joinable(&self, most: usize, patience: Duration, now: Instant) -> bool {
        let inner = self.0.lock();
        inner.state == ConnectionState::Open
            && inner.queue.unanswered() < most
            && inner
                .queue
                .oldest()
                .is_none_or(|oldest| now.saturating_duration_since(oldest) <= patience)
    }

    /// Puts a request behind those still to be written.
    pub(super) fn join(
        &self,
        outgoing: &Outgoing<'_>,
        now: Instant,
    ) -> Result<Ticket, Unencodable> {
        let mut inner = self.0.lock();
        let before = inner.out.len();
        let headers = outgoing.headers();
        encode_request(&mut inner.out, outgoing.line, headers, outgoing.body)?;
        let length = inner.out.len() - before;
        Ok(inner.queue.push(length, now))
    }

    /// Does the duties of the request with `ticket`, if it has any, and looks for its outcome.
    pub(super) fn poll(&self, ticket: Ticket, context: &mut Context<'_>) -> Polled {
        let mut inner = self.0.lock();
        let inner = &mut *inner;
        let (writer, reader) = (inner.queue.writer(), inner.queue.reader());
        let mut seen = Observation::default();
        inner.queue.clear_waker(ticket);
        if writer == Some(ticket) {
            inner.write(context);
        }
        if reader == Some(ticket) {
            seen = inner.read(ticket, context);
        }
        let end = inner.queue.collect(ticket);
        if end.is_none() {
            inner.queue.set_waker(ticket, context.waker());
        }
        inner.pass_duties(ticket, writer, reader);
        Polled {
            end,
            seen,
            is_over: inner.queue.is_empty(),
        }
    }

    /// Gives a request up. Returns how far it had got, and whether no other request waits any more.
    pub(super) fn leave(&self, ticket: Ticket) -> (Progress, bool) {
        let mut inner = self.0.lock();
        let (writer, reader) = (inner.queue.writer(), inner.queue.reader());
        let (progress, unwritten) = inner.queue.leave(ticket);
        if let Some(bytes) = unwritten {
            inner.remove_unwritten(bytes);
        }
        inner.pass_duties(ticket, writer, reader);
        (progress, !inner.queue.is_awaited())
    }

    /// Whether the request with `ticket` is the first of those to be written.
    pub(super) fn is_writer(&self, ticket: Ticket) -> bool {
        self.0.lock().queue.writer() == Some(ticket)
    }

    /// How many requests the next write contains.
    pub(super) fn pending_writes(&self) -> usize {
        self.0.lock().queue.pending_writes()
    }

    /// What the kernel knows of the bytes from `begins` on.
    pub(super) fn delivery(&self, begins: u64) -> Delivery {
        delivery(&self.0.lock().stream, begins)
    }
}

impl Inner {
    fn write(&mut self, context: &mut Context<'_>) {
        let mut now = None;
        // A request alone on a connection that was idle: its last byte is written apart.
        let is_apart = self.has_rested && self.queue.pending_writes() == 1 && self.out.len() > 1;
        let mut held_back = usize::from(is_apart);
        while !self.out.is_empty() && self.state == ConnectionState::Open {
            let length = self.out.len() - held_back;
            let bytes = self.out.get(..length).unwrap_or_default();
            match Pin::new(&mut self.stream).poll_write(context, bytes) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => self.fail("it accepted no more bytes", false, false),
                Poll::Ready(Ok(written)) => {
                    self.has_rested = false;
                    if held_back > 0 && written == length {
                        self.apart = Some(self.queue.written() + self.out.len() as u64);
                    }
                    held_back = 0;
                    self.out.advance(written);
                    self.queue
                        .wrote(written, *now.get_or_insert_with(Instant::now));
                }
                Poll::Ready(Err(error)) => self.fail_sending(&error),
            }
        }
    }

    fn fail_sending(&mut self, error: &std::io::Error) {
        if self.is_refused(error) {
            return;
        }
        let is_provable = self.is_provable(error);
        self.fail(&format!("while sending: {error}"), is_provable, false);
    }

    /// Whether an error says that the substation refuses the client certificate. If so, no request was read.
    fn is_refused(&mut self, error: &std::io::Error) -> bool {
        let Some(refusal) = Refusal::of(error) else {
            return false;
        };
        self.state = ConnectionState::Lost;
        self.out.clear();
        self.queue.refused(refusal);
        true
    }

    /// Sends what a write has left behind. The reader does it: a writer's duty may be over by then.
    fn flush(&mut self, context: &mut Context<'_>) {
        if !self.stream.is_flushed()
            && let Poll::Ready(Err(error)) = Pin::new(&mut self.stream).poll_flush(context)
        {
            self.fail_sending(&error);
        }
    }

    /// Whether the kernel may know, after this error, that nothing of the request arrived whose answer is due: no
    /// other was written after it, and its last byte was written apart.
    fn is_provable(&self, error: &std::io::Error) -> bool {
        let end = self.queue.written() + self.out.len() as u64;
        is_reset(error) && self.received.is_empty() && self.apart == Some(end)
    }

    /// Reads until there is no more, or until the answer to `ticket` has come: then the duty passes on.
    fn read(&mut self, ticket: Ticket, context: &mut Context<'_>) -> Observation {
        let mut seen = Observation::default();
        self.flush(context);
        while self.state != ConnectionState::Lost && self.queue.reader() == Some(ticket) {
            self.received.reserve(READ);
            let read = pin!(self.stream.read_buf(&mut self.received)).poll(context);
            match read {
                Poll::Pending => break,
                Poll::Ready(Ok(bytes)) => self.decode_answers(bytes == 0, &mut seen),
                Poll::Ready(Err(_)) if self.is_closing() => {
                    self.state = ConnectionState::Lost;
                    self.queue.closed();
                }
                Poll::Ready(Err(error)) if is_cut(&error) && !self.has_begun() => {
                    self.decode_answers(true, &mut seen);
                }
                Poll::Ready(Err(error)) if self.is_refused(&error) => {}
                Poll::Ready(Err(error)) => {
                    seen.is_doubtful = true;
                    let is_provable = self.is_provable(&error) && !self.decoder.has_begun();
                    self.fail(
                        &format!("while waiting for its answer: {error}"),
                        is_provable,
                        is_cut(&error),
                    );
                }
            }
        }
        seen
    }

    /// Gives all answers that have come to their requests.
    fn decode_answers(&mut self, is_end: bool, seen: &mut Observation) {
        let mut now = None;
        loop {
            if self.is_closing() {
                seen.is_doubtful |= self.state == ConnectionState::Closing;
                if is_end && self.received.is_empty() {
                    self.state = ConnectionState::Lost;
                    self.queue.closed();
                } else if !self.received.is_empty() {
                    self.fail("it answered after announcing its last answer", false, false);
                }
                return;
            }
            if self.received.is_empty() && !is_end {
                return;
            }
            let known = Some(&mut self.known);
            match self.decoder.decode_known(&mut self.received, is_end, known) {
                Ok(Decoded::NeedMore) => return,
                Ok(Decoded::Done(answer)) => {
                    let now = *now.get_or_insert_with(Instant::now);
                    self.answered(answer, now, seen);
                    if is_end && self.queue.unanswered() == 0 {
                        self.state = ConnectionState::Lost;
                    }
                    if self.state == ConnectionState::Lost {
                        return;
                    }
                }
                Err(error) => {
                    seen.is_doubtful = true;
                    if error.is_oversize() {
                        self.queue.too_large(error);
                    }
                    let is_closed = matches!(error, Malformed::NoAnswer | Malformed::Truncated);
                    let is_clean = error == Malformed::NoAnswer;
                    self.fail(&error.to_string(), is_clean, is_end && is_closed);
                    return;
                }
            }
        }
    }

    fn answered(&mut self, answer: Answer, now: Instant, seen: &mut Observation) {
        let goes_on = answer.keep_alive;
        let is_final = !goes_on && says_close(&answer);
        let is_about_request = is_about_request(&answer);
        seen.is_doubtful |= (!goes_on && !is_about_request) || !is_http_11(&answer);
        let Some(since) = self.queue.answered(answer) else {
            seen.is_doubtful = true;
            self.fail("it answered before it was sent a request", false, false);
            return;
        };
        let begun = self.answered_at.map_or(since, |last| last.max(since));
        let took = now.saturating_duration_since(begun);
        seen.answers += 1;
        seen.latest_sent = Some(since);
        if took > seen.slowest {
            seen.slowest = took;
            seen.is_straggler = begun > since;
        }
        self.answered_at = Some(now);
        if is_final {
            self.state = if is_about_request {
                ConnectionState::ClosingForRequest
            } else {
                ConnectionState::Closing
            };
            self.queue.shut();
            self.out.clear();
        } else if !goes_on {
            self.fail(
                "it ended the connection with the answer to another request",
                false,
                false,
            );
        }
    }

    /// Whether some of an answer has come.
    fn has_begun(&self) -> bool {
        !self.received.is_empty() || self.decoder.has_begun()
    }

    fn is_closing(&self) -> bool {
        matches!(
            self.state,
            ConnectionState::Closing | ConnectionState::ClosingForRequest
        )
    }

    /// Ends the connection and its requests; see [`PipelineQueue::lost`].
    fn fail(&mut self, reason: &str, first_is_clean: bool, rest_is_clean: bool) {
        self.state = ConnectionState::Lost;
        self.out.clear();
        self.queue.lost(reason, first_is_clean, rest_is_clean);
    }

    fn remove_unwritten(&mut self, bytes: Range<usize>) {
        if let Some(tail) = self.out.get(bytes.end..).map(<[u8]>::to_vec) {
            self.out.truncate(bytes.start);
            self.out.extend_from_slice(&tail);
        }
    }

    /// Passes the duties that `ticket` had and no longer has to the requests that have them now. Each is woken at once
    /// if the socket is ready, and otherwise by the socket.
    fn pass_duties(&mut self, ticket: Ticket, writer: Option<Ticket>, reader: Option<Ticket>) {
        if !self.stream.is_flushed()
            && let Some(reader) = self.queue.reader().filter(|reader| *reader != ticket)
            && let Some(waker) = self.queue.waker(reader)
        {
            waker.wake_by_ref();
        }
        if reader == Some(ticket)
            && let Some(next) = self.queue.reader().filter(|next| *next != ticket)
            && let Some(waker) = self.queue.waker(next)
            && self
                .stream
                .poll_read_ready(&mut Context::from_waker(waker))
                .is_ready()
        {
            waker.wake_by_ref();
        }
        if writer == Some(ticket)
            && let Some(next) = self.queue.writer().filter(|next| *next != ticket)
            && let Some(waker) = self.queue.waker(next)
            && self
                .stream
                .poll_write_ready(&mut Context::from_waker(waker))
                .is_ready()
        {
            waker.wake_by_ref();
        }
    }
}
