//! Reads a substation's HTTP/1.x answer, without any I/O.
//!
//! A charge is a small message, and its answer is kept whole. So the decoder gets all bytes received for one answer
//! and says whether it is complete. In the common case, with head and body in one read, that takes one pass over the
//! head, no copy of the body and no allocation beyond the buffer's own bookkeeping.
//!
//! A reader that needs only a few lines of a long body, such as a scrape, looks at [what has come](Decoder::body_so_far)
//! and [drops it](Decoder::drop_body), so that it never holds the whole body.
//!
//! It accepts less than the protocol allows. An answer that two readers could understand differently, for instance
//! about where it ends, is [refused](Malformed), and its connection is dropped: on a pooled connection the disputed
//! bytes would become the answer to another charge. The decoder is stricter than hyper's client on purpose:
//!
//! - Lines end in CR LF. A bare line feed, a leading empty line and a folded header are refused.
//! - `Content-Length` occurs once, in digits. hyper accepts repetitions of the same number.
//! - `Transfer-Encoding` is exactly `chunked` and never occurs together with a `Content-Length`.
//! - No blanks follow a chunk's size, unless an extension does. An extension has no control characters.
//! - `101`, more than eight other `1xx`, and a `1xx` that announces a body are refused.
//! - There are at most 64 headers, and the whole answer is within its [`Limits`].
//!
//! Anything unambiguous is accepted. An answer without framing ends when the connection closes. A `204` or `304` has
//! no body whatever it announces; if it announces one, its connection is not pooled. `HEAD` is never sent.

mod chunked;
mod error;
mod head;
mod known;
#[cfg(test)]
mod tests;

pub(crate) use chunked::{Chunked, check_trailers, size_and_extension, size_line};
pub use error::Malformed;
pub(crate) use head::{LineScan, decimal, find_empty_line};
pub use known::KnownHead;

use bytes::{Buf, Bytes, BytesMut};
use head::{AnswerHead, Framing, fields};
use std::fmt;
use std::ops::Range;

/// The most interim (`1xx`) answers before the final one.
const MAX_INTERIM: usize = 8;

/// The most headers of an answer. A substation sends about five.
const MAX_HEADERS: usize = 64;

/// The most bytes that are accepted of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Status line and headers of one head. Also limits all chunk extensions together, and all trailers.
    pub head: usize,
    /// The body, without its chunked framing.
    pub body: usize,
}

impl Default for Limits {
    /// 16 KiB of head, 1 MiB of body.
    fn default() -> Self {
        Self {
            head: 16 * 1024,
            body: 1024 * 1024,
        }
    }
}

/// The length of the head of a request, empty line included, that `received` begins with. `None` if the head is
/// incomplete or larger than `limit` bytes, or has a folded header or a line that does not end in CR LF.
#[must_use]
#[inline]
pub(crate) fn end_of_head(received: &[u8], limit: usize) -> Option<usize> {
    let end = find_empty_line(
        received,
        &mut LineScan::default(),
        limit,
        Malformed::HeadTooLarge,
    );
    end.ok().flatten()
}

/// Decodes one answer, and is ready for the next once it has returned [`Decoded::Done`].
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    interim: usize,
    state: State,
}

/// The result of [`Decoder::decode`] for the bytes so far.
#[derive(Debug)]
pub enum Decoded {
    /// The answer is not complete.
    NeedMore,
    /// The answer, taken out of the buffer.
    Done(Answer),
}

/// A complete answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code, from 200 to 999.
    pub status: u16,
    /// The head as it was received, status line and empty line included; see [`Answer::headers`].
    pub head: Bytes,
    /// The body, without framing and without what was [dropped](Decoder::drop_body).
    pub body: Bytes,
    /// Whether the substation keeps the connection open and the end of this answer is certain.
    pub keep_alive: bool,
    /// Whether a `connection` header says more than `close` or `keep-alive`: it may nominate other headers as
    /// hop-by-hop.
    pub nominates: bool,
    /// Whether the connection may serve another request: it is kept alive and still open, and no bytes came after the
    /// answer. Such bytes stay in the buffer. A pipelined connection goes by `keep_alive` alone.
    pub reusable: bool,
}

#[derive(Debug)]
enum State {
    /// In a head.
    Head(LineScan),
    /// After a final head.
    Body { head: AnswerHead, end: BodyEnd },
}

/// How the end of the body is found.
#[derive(Debug)]
enum BodyEnd {
    At(usize),
    /// At the end of the connection; so many bytes of the body have been dropped.
    Eof {
        dropped: usize,
    },
    LastChunk(Chunked),
}

impl Decoder {
    /// A decoder at the start of an answer.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            interim: 0,
            state: State::Head(LineScan::default()),
        }
    }

    /// Forgets the answer it was in, for instance after an error and for another connection.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Whether an interim answer to the same request has come already.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.interim > 0
    }

    /// Decodes all that has been received for this answer, from its first byte.
    ///
    /// Between calls the caller may only append to `received`. Its content belongs to the decoder, which removes
    /// interim answers and moves chunks together. `eof` says that the peer has closed its side in good order.
    /// The verdict depends on the bytes alone and not on how they were cut into reads. After an error the
    /// connection must be dropped.
    pub fn decode(&mut self, received: &mut BytesMut, eof: bool) -> Result<Decoded, Malformed> {
        self.decode_known(received, eof, None)
    }

    /// The same, with the head of the last answer: an equal one is not parsed again. Keeps the head of this answer for
    /// the next. The result does not depend on what is known.
    pub fn decode_known(
        &mut self,
        received: &mut BytesMut,
        eof: bool,
        mut known: Option<&mut KnownHead>,
    ) -> Result<Decoded, Malformed> {
        loop {
            match &mut self.state {
                State::Head(scan) => {
                    let last = known.as_ref();
                    let last = last.and_then(|known| known.find(received, self.limits.head));
                    let head = if let Some(head) = last {
                        head
                    } else if let Some(length) = head::find_end(received, scan, self.limits.head)? {
                        head::read(received.get(..length).unwrap_or_default())?
                    } else {
                        return self.need_more(received, eof);
                    };
                    let length = head.length;
                    if head.status >= 200 {
                        let end = end_of_body(&head, self.limits.body)?;
                        if let (None, Some(known)) = (last, &mut known) {
                            known.keep(received, head);
                        }
                        self.state = State::Body { head, end };
                    } else {
                        self.interim += 1;
                        if self.interim > MAX_INTERIM {
                            return Err(Malformed::TooManyInterim);
                        }
                        received.advance(length);
                        *scan = LineScan::default();
                    }
                }
                State::Body { head, end } => {
                    let Some((body, length)) = end.find(head.length, received, self.limits, eof)?
                    else {
                        return self.need_more(received, eof);
                    };
                    let answer = take(received, head, body, length, eof);
                    self.reset();
                    return Ok(Decoded::Done(answer));
                }
            }
        }
    }

    /// The part of the body that is in `received`, while [`Decoder::decode`] needs more.
    #[must_use]
    pub fn body_so_far<'a>(&self, received: &'a [u8]) -> &'a [u8] {
        let range = match &self.state {
            State::Head { .. } => 0..0,
            State::Body { head, end } => match end {
                BodyEnd::At(end) => head.length..received.len().min(*end),
                BodyEnd::Eof { .. } => head.length..received.len(),
                BodyEnd::LastChunk(chunked) => chunked.body(),
            },
        };
        received.get(range).unwrap_or_default()
    }

    /// Drops the first `count` bytes of [`Decoder::body_so_far`], or all of it if that is less. They still count
    /// towards the limit. The head stays, so this moves it; call it for many bytes at once.
    pub fn drop_body(&mut self, received: &mut BytesMut, count: usize) {
        let count = count.min(self.body_so_far(received).len());
        let State::Body { head, end } = &mut self.state else {
            return;
        };
        let start = match end {
            BodyEnd::At(end) => {
                *end -= count;
                count
            }
            BodyEnd::Eof { dropped } => {
                *dropped += count;
                count
            }
            BodyEnd::LastChunk(chunked) => chunked.drop_body(received, head.length, count),
        };
        received.copy_within(..head.length, start);
        received.advance(start);
    }

    fn need_more(&self, received: &BytesMut, eof: bool) -> Result<Decoded, Malformed> {
        if !eof {
            Ok(Decoded::NeedMore)
        } else if received.is_empty() && self.interim == 0 {
            Err(Malformed::NoAnswer)
        } else {
            Err(Malformed::Truncated)
        }
    }
}

fn end_of_body(head: &AnswerHead, limit: usize) -> Result<BodyEnd, Malformed> {
    match head.framing {
        Framing::Length(length) => match usize::try_from(length) {
            Ok(length) if length <= limit => Ok(BodyEnd::At(head.length + length)),
            _ => Err(Malformed::BodyTooLarge),
        },
        Framing::UntilEof => Ok(BodyEnd::Eof { dropped: 0 }),
        Framing::Chunked => Ok(BodyEnd::LastChunk(Chunked::new(head.length))),
    }
}

impl BodyEnd {
    /// The range of the body in `received` and the end of the answer, once all of it has arrived.
    fn find(
        &mut self,
        start: usize,
        received: &mut BytesMut,
        limits: Limits,
        eof: bool,
    ) -> Result<Option<(Range<usize>, usize)>, Malformed> {
        let end = match self {
            Self::LastChunk(chunked) => return chunked.advance(received, limits),
            Self::At(end) => *end,
            Self::Eof { dropped }
                if received.len().saturating_sub(start) > limits.body - *dropped =>
            {
                return Err(Malformed::BodyTooLarge);
            }
            Self::Eof { .. } if !eof => return Ok(None),
            Self::Eof { .. } => received.len(),
        };
        Ok((received.len() >= end).then_some((start..end, end)))
    }
}

fn take(
    received: &mut BytesMut,
    head: &AnswerHead,
    body: Range<usize>,
    length: usize,
    eof: bool,
) -> Answer {
    let whole = received.split_to(length).freeze();
    Answer {
        status: head.status,
        head: whole.slice(..head.length),
        body: whole.slice(body),
        keep_alive: head.keep_alive,
        nominates: head.nominates,
        reusable: head.keep_alive && !eof && received.is_empty(),
    }
}

impl Answer {
    /// The headers in their order: names as they were sent, values without the blanks around them.
    #[inline]
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields(&self.head)
    }

    /// The value of the first header of that name, compared without regard to case.
    #[must_use]
    #[inline]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let named = |(field, value): (&[u8], _)| {
            field.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        };
        self.headers().find_map(named)
    }
}

impl fmt::Debug for Answer {
    /// Shows lengths instead of contents: those belong to the client and not in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("head", &self.head.len())
            .field("body", &self.body.len())
            .field("keep_alive", &self.keep_alive)
            .field("nominates", &self.nominates)
            .field("reusable", &self.reusable)
            .finish()
    }
}
