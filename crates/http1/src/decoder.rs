//! Reads a substation's HTTP/1.x answer, without any I/O.
//!
//! A charge is a small message and its answer is kept whole: so the decoder is given all that has been received
//! for one answer and says whether it is complete. In the common case, head and body in one read, that is one
//! pass over the head, no copy of the body and no allocation beyond the buffer's own bookkeeping.
//!
//! It accepts less than the protocol allows. An answer that two readers could understand differently (where does
//! it end?) is [refused](Malformed), and the connection with it: on a pooled connection the bytes in dispute would
//! become the answer to somebody else's charge. Stricter than hyper's client, on purpose:
//!
//! - lines end in CR LF; a bare line feed, a leading empty line and a folded header are refused;
//! - `Content-Length` stands there once, in digits; hyper takes repetitions of the same number;
//! - `Transfer-Encoding` is `chunked` and nothing else, and never stands beside a `Content-Length`;
//! - no blanks behind a chunk's size, unless an extension follows; no control characters in an extension;
//! - `101` and more than eight other `1xx` are refused, and a `1xx` that announces a body;
//! - at most 64 headers; the whole answer within its [`Limits`].
//!
//! What is not ambiguous is taken as it is: no framing means "until the connection closes", a `204` or `304` has no
//! body whatever it announces (but does not go back to the pool if it announces one). `HEAD` is never sent.

mod chunked;
mod error;
mod head;
#[cfg(test)]
mod tests;

pub use error::Malformed;
pub use head::decimal;

use bytes::{Buf, Bytes, BytesMut};
use chunked::Chunked;
use head::{AnswerHead, Framing, fields};
use std::fmt;
use std::ops::Range;

/// How many interim (`1xx`) answers may come before the final one.
const MAX_INTERIM: usize = 8;

/// How many headers an answer may have. A substation sends about five.
const MAX_HEADERS: usize = 64;

/// How many bytes of an answer are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Status line and headers of one head; also all chunk extensions together, and all trailers.
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

/// Where the head of a request ends that `received` begins with; none if it is not there, is larger than `limit`, has a
/// folded header or a line that does not end in CR LF.
#[must_use]
pub fn end_of_head(received: &[u8], limit: usize) -> Option<usize> {
    let end = head::find_empty_line(received, &mut 0, limit, Malformed::HeadTooLarge);
    end.ok().flatten()
}

/// Where the decoder of one answer stands; ready for the next answer once it has returned [`Decoded::Done`].
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    interim: usize,
    state: State,
}

/// What [`Decoder::decode`] made of the bytes so far.
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
    /// The body, without framing.
    pub body: Bytes,
    /// Whether the substation keeps the connection open, and the end of this answer is certain.
    pub keep_alive: bool,
    /// Whether the connection may serve another request: kept alive, still open, and nothing came behind the
    /// answer. (What did come is still in the buffer. A connection that requests share goes by `keep_alive` alone.)
    pub reusable: bool,
}

#[derive(Debug)]
enum State {
    /// In a head, whose unfinished line begins here.
    Head { line: usize },
    /// Behind a final head.
    Body { head: AnswerHead, end: BodyEnd },
}

/// What ends the body.
#[derive(Debug)]
enum BodyEnd {
    At(usize),
    Eof,
    LastChunk(Chunked),
}

impl Decoder {
    /// A decoder at the start of an answer.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            interim: 0,
            state: State::Head { line: 0 },
        }
    }

    /// Forgets the answer it was in, for instance after an error and for another connection.
    pub fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Looks at all that has been received for this answer, from its first byte.
    ///
    /// Between calls the caller only appends to `received`; what is in there belongs to the decoder, which takes out
    /// interim answers and moves chunks together. `eof` says that the peer has closed its side in good order.
    /// A verdict depends on the bytes alone and not on how they were cut into reads. After an error the
    /// connection is to be dropped.
    pub fn decode(&mut self, received: &mut BytesMut, eof: bool) -> Result<Decoded, Malformed> {
        loop {
            match &mut self.state {
                State::Head { line } => {
                    let Some(length) = head::find_end(received, line, self.limits.head)? else {
                        return self.need_more(received, eof);
                    };
                    let head = head::read(received.get(..length).unwrap_or_default())?;
                    if head.status >= 200 {
                        let end = end_of_body(&head, self.limits.body)?;
                        self.state = State::Body { head, end };
                    } else {
                        self.interim += 1;
                        if self.interim > MAX_INTERIM {
                            return Err(Malformed::TooManyInterim);
                        }
                        received.advance(length);
                        *line = 0;
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
        Framing::UntilEof => Ok(BodyEnd::Eof),
        Framing::Chunked => Ok(BodyEnd::LastChunk(Chunked::new(head.length))),
    }
}

impl BodyEnd {
    /// Where in `received` the body lies and where the answer ends, once that has arrived.
    fn find(
        &mut self,
        start: usize,
        received: &mut [u8],
        limits: Limits,
        eof: bool,
    ) -> Result<Option<(Range<usize>, usize)>, Malformed> {
        let end = match self {
            Self::LastChunk(chunked) => return chunked.advance(received, limits),
            Self::At(end) => *end,
            Self::Eof if received.len().saturating_sub(start) > limits.body => {
                return Err(Malformed::BodyTooLarge);
            }
            Self::Eof if !eof => return Ok(None),
            Self::Eof => received.len(),
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
        reusable: head.keep_alive && !eof && received.is_empty(),
    }
}

impl Answer {
    /// The headers in their order, names as they were written, values without the blanks around them.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        fields(&self.head)
    }

    /// The first header of that name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let named = |(field, value): (&[u8], _)| {
            field.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        };
        self.headers().find_map(named)
    }
}

impl fmt::Debug for Answer {
    /// Without the contents, which are the client's business and not the log's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("head", &self.head.len())
            .field("body", &self.body.len())
            .field("keep_alive", &self.keep_alive)
            .field("reusable", &self.reusable)
            .finish()
    }
}
