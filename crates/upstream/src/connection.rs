//! A connection to a substation that carries one request at a time: the request is written in one piece, and its
//! answer is read whole.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use switchyard_transport::{Refusal, Stream};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    Outgoing, Progress,
    delivery::{delivery, is_cut, is_reset, may_have_arrived},
};
use switchyard_http1::{
    Answer, Decoded, Decoder, KnownHead, Limits, Malformed, Unencodable, encode_request,
};

/// Buffer space reserved for each read, in bytes: enough for a usual answer.
const READ: usize = 2048;

/// The largest request or answer whose buffer an idle connection keeps, in bytes.
const LARGEST_KEPT: usize = 16 * 1024;

/// Why a connection can no longer be used.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) reason: Reason,
    /// Whether the substation may have received any of the request.
    pub(super) arrived: bool,
}

/// What broke a connection.
#[derive(Debug)]
pub(super) enum Reason {
    /// It was lost, or the bytes that came over it were not a valid answer.
    Lost(String),
    /// The answer is larger than the limit.
    TooLarge(Malformed),
    /// The request can't be written.
    Unencodable(Unencodable),
    /// The substation refused the client certificate after the handshake, so nobody has read the request.
    Refused(Refusal),
}

impl From<Malformed> for Reason {
    fn from(error: Malformed) -> Self {
        if error.is_oversize() {
            Self::TooLarge(error)
        } else {
            Self::Lost(error.to_string())
        }
    }
}

/// A connection, its buffer and its decoder.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Stream,
    buffer: BytesMut,
    decoder: Decoder,
    /// The head of its last answer.
    pub(super) known: KnownHead,
    /// Bytes written since the connection was made.
    pub(super) sent: u64,
    /// Whether it was idle for a while before this use, so that a request's last byte is written apart:
    /// see [`delivery`](super::delivery).
    pub(super) has_rested: bool,
}

/// How a request was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// In one piece.
    Whole,
    /// Its last byte apart.
    Apart,
    /// Only so many bytes: the socket took no more at once.
    Part(usize),
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self::of(stream, 0, KnownHead::default())
    }

    /// A connection over which `sent` bytes have been written and every request has been answered, the last with the
    /// head that is `known`.
    pub(super) fn of(stream: Stream, sent: u64, known: KnownHead) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            decoder: Decoder::new(Limits::default()),
            known,
            sent,
            has_rested: false,
        }
    }

    /// Whether nothing arrived while the connection was idle: neither a close nor unsolicited bytes. Makes a system
    /// call only if something did arrive.
    pub(super) fn is_open(&mut self) -> bool {
        self.stream.is_open()
    }

    /// Sends a request and waits for its answer. After an error the connection cannot be used again.
    pub(super) async fn round_trip(
        &mut self,
        outgoing: &Outgoing<'_>,
        limits: Limits,
        progress: &mut Progress,
    ) -> Result<Answer, Broken> {
        let headers = outgoing.headers();
        self.buffer.clear();
        encode_request(&mut self.buffer, outgoing.line, headers, outgoing.body)
            .map_err(unencodable)?;
        let begins = self.sent;
        self.decoder = Decoder::new(limits);
        let is_apart = match self.write(progress).await {
            Ok(Written::Whole) => false,
            Ok(Written::Apart) => true,
            Ok(Written::Part(written)) => return self.write_and_read(written).await,
            Err(error) => {
                let broken = failed("while sending", &error);
                return Err(Broken {
                    arrived: broken.arrived
                        && *progress == Progress::Sent
                        && self.may_have_arrived(&error, self.has_rested, begins).await,
                    ..broken
                });
            }
        };
        let request = self.buffer.len();
        self.sent += request as u64;
        self.buffer.clear();
        loop {
            self.buffer.reserve(READ);
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(read) => match self.decoder.decode_known(
                    &mut self.buffer,
                    read == 0,
                    Some(&mut self.known),
                ) {
                    Ok(Decoded::Done(answer)) => {
                        self.release(request, &answer);
                        return Ok(answer);
                    }
                    Ok(Decoded::NeedMore) => {}
                    Err(error) => {
                        let check = || delivery(&self.stream, begins);
                        return Err(Broken {
                            reason: error.into(),
                            arrived: error != Malformed::NoAnswer || may_have_arrived(check).await,
                        });
                    }
                },
                Err(error) => {
                    let has_begun = !self.buffer.is_empty() || self.decoder.has_begun();
                    let broken = failed("while waiting for its answer", &error);
                    return Err(Broken {
                        arrived: broken.arrived
                            && (has_begun || self.may_have_arrived(&error, is_apart, begins).await),
                        ..broken
                    });
                }
            }
        }
    }

    /// Gives the buffer up after a large request or answer. What is left of it looks small, but shares the memory of
    /// the answer, which would then stay for as long as the connection.
    fn release(&mut self, request: usize, answer: &Answer) {
        if request.max(answer.head.len() + answer.body.len()) > LARGEST_KEPT {
            self.buffer = BytesMut::new();
        }
    }

    /// Whether its buffer is, or is the rest of, the memory of a large message.
    #[cfg(test)]
    pub(super) fn holds_large_buffer(&mut self) -> bool {
        self.buffer.try_reclaim(LARGEST_KEPT + 1)
    }

    /// After an error: whether the substation may have received any of the request that begins at `begins`.
    async fn may_have_arrived(&self, error: &io::Error, is_apart: bool, begins: u64) -> bool {
        let is_provable = is_cut(error) || is_apart && is_reset(error);
        !is_provable || may_have_arrived(|| delivery(&self.stream, begins)).await
    }

    /// Writes the request: usually in one piece, which leaves in one packet.
    async fn write(&mut self, progress: &mut Progress) -> io::Result<Written> {
        let length = self.buffer.len();
        let first = length - usize::from(self.has_rested && length > 1);
        let begin = self.buffer.get(..first).unwrap_or_default();
        let written = self.stream.write(begin).await?;
        *progress = Progress::Sent;
        if !self.stream.is_flushed() {
            return Ok(Written::Part(written));
        }
        if written == length {
            return Ok(Written::Whole);
        }
        let last = self.buffer.get(first..).unwrap_or_default();
        if written == first && self.stream.write(last).await? == last.len() {
            return Ok(Written::Apart);
        }
        Ok(Written::Part(written))
    }

    /// Writes the rest of a large request, of which `written` bytes have left, and takes an answer that comes before
    /// all of it is written. The connection is not used again after such an answer.
    async fn write_and_read(&mut self, written: usize) -> Result<Answer, Broken> {
        let mut rest = self.buffer.split_off(written);
        self.sent += (written + rest.len()) as u64;
        self.buffer.clear();
        let mut failure = None;
        loop {
            self.buffer.reserve(READ);
            let is_sending = failure.is_none();
            let step = poll_fn(|context| self.poll_step(&rest, is_sending, context)).await;
            match step {
                Step::Read(read) => {
                    let read =
                        read.map_err(|error| failed("while waiting for its answer", &error))?;
                    match self.decoder.decode(&mut self.buffer, read == 0) {
                        Ok(Decoded::Done(mut answer)) => {
                            answer.reusable &= rest.is_empty() && self.stream.is_flushed();
                            // It had room for a large request.
                            self.buffer = BytesMut::new();
                            return Ok(answer);
                        }
                        Ok(Decoded::NeedMore) => {}
                        Err(error) => {
                            let reason = failure.map_or_else(|| error.into(), Reason::Lost);
                            return Err(Broken {
                                reason,
                                arrived: true,
                            });
                        }
                    }
                }
                Step::Wrote(Ok(written)) => rest.advance(written),
                // The substation reads no more; its answer may have come before that.
                Step::Wrote(Err(error)) => failure = Some(format!("while sending: {error}")),
            }
        }
    }

    /// Reads, or else sends some of the `rest` or what is left of the bytes before it.
    fn poll_step(
        &mut self,
        rest: &[u8],
        is_sending: bool,
        context: &mut Context<'_>,
    ) -> Poll<Step> {
        if let Poll::Ready(read) = pin!(self.stream.read_buf(&mut self.buffer)).poll(context) {
            return Poll::Ready(Step::Read(read));
        }
        let mut stream = Pin::new(&mut self.stream);
        if !is_sending {
            Poll::Pending
        } else if !rest.is_empty() {
            stream.poll_write(context, rest).map(Step::Wrote)
        } else if !stream.is_flushed() {
            let flushed = stream.as_mut().poll_flush(context);
            flushed.map_ok(|()| 0).map(Step::Wrote)
        } else {
            Poll::Pending
        }
    }
}

/// What happened next on a connection that sends and reads at once.
enum Step {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
}

/// What an error of the connection does to the request, which may have arrived unless it was refused unread.
fn failed(when: &str, error: &io::Error) -> Broken {
    match Refusal::of(error) {
        Some(refusal) => Broken {
            reason: Reason::Refused(refusal.clone()),
            arrived: false,
        },
        None => lost(format!("{when}: {error}")),
    }
}

fn unencodable(how: Unencodable) -> Broken {
    Broken {
        reason: Reason::Unencodable(how),
        arrived: false,
    }
}

/// A connection that was lost after the request may have arrived.
fn lost(reason: String) -> Broken {
    Broken {
        reason: Reason::Lost(reason),
        arrived: true,
    }
}
