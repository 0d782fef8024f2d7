//! The body of a request in parts, as it arrives: for bodies that are passed on while they come, however long they are.
//!
//! The rules are those of [`BodyDecoder`](super::BodyDecoder), which reads a body whole, except that no length is too long.

use bytes::{Buf, Bytes, BytesMut};

use super::{Framing, RequestFault};
use crate::decoder::{
    LineScan, Malformed, check_trailers, find_empty_line, size_and_extension, size_line,
};

/// The next of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Some bytes of it; never none.
    Data(Bytes),
    /// More has to arrive.
    NeedMore,
    /// It has ended.
    End,
}

/// Reads the body of one request in parts.
#[derive(Debug)]
pub struct BodyParts {
    step: Step,
    /// The bytes of all chunk extensions so far.
    extensions: usize,
    /// The most bytes of all chunk extensions together, and of all trailers.
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The rest of a body with a `Content-Length`.
    Rest(u64),
    /// Before or in the line with a chunk's size, of which so many bytes were searched for its end.
    Size {
        searched: usize,
    },
    /// The rest of a chunk.
    Chunk(u64),
    /// The end of the line behind a chunk.
    ChunkEnd,
    Trailers(LineScan),
    End,
}

impl BodyParts {
    /// Of a body with this framing; `limit` is the limit of a head, in bytes.
    pub(super) const fn new(framing: Framing, limit: usize) -> Self {
        let step = match framing {
            Framing::Length(0) => Step::End,
            Framing::Length(length) => Step::Rest(length),
            Framing::Chunked => Step::Size { searched: 0 },
        };
        Self {
            step,
            extensions: 0,
            limit,
        }
    }

    /// Whether the body has ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self.step, Step::End)
    }

    /// Takes the next part out of what was received behind the parts before it.
    pub fn next(&mut self, received: &mut BytesMut) -> Result<Part, RequestFault> {
        self.read(received).map_err(RequestFault::of_chunks)
    }

    fn read(&mut self, received: &mut BytesMut) -> Result<Part, Malformed> {
        loop {
            match &mut self.step {
                Step::End => return Ok(Part::End),
                Step::Rest(left) | Step::Chunk(left) if received.is_empty() && *left > 0 => {
                    return Ok(Part::NeedMore);
                }
                Step::Rest(left) => {
                    let data = take(received, left);
                    if *left == 0 {
                        self.step = Step::End;
                    }
                    return Ok(Part::Data(data));
                }
                Step::Chunk(left) => {
                    let data = take(received, left);
                    if *left == 0 {
                        self.step = Step::ChunkEnd;
                    }
                    return Ok(Part::Data(data));
                }
                Step::ChunkEnd => match &received[..] {
                    [b'\r', b'\n', ..] => {
                        received.advance(2);
                        self.step = Step::Size { searched: 0 };
                    }
                    [] | [b'\r'] => return Ok(Part::NeedMore),
                    _ => return Err(Malformed::ChunkEnd),
                },
                Step::Size { searched } => {
                    let limit = self.limit.saturating_sub(self.extensions);
                    let Some(line) = size_line(received, searched, limit)? else {
                        return Ok(Part::NeedMore);
                    };
                    let (size, extension) = size_and_extension(line)?;
                    let length = line.len() + 2;
                    received.advance(length);
                    self.extensions += extension;
                    self.step = if size == 0 {
                        Step::Trailers(LineScan::default())
                    } else {
                        Step::Chunk(size)
                    };
                }
                Step::Trailers(scan) => {
                    let too_large = Malformed::TrailersTooLarge;
                    let end = find_empty_line(received, scan, self.limit, too_large)?;
                    let Some(end) = end else {
                        return Ok(Part::NeedMore);
                    };
                    check_trailers(received.get(..end).unwrap_or_default())?;
                    received.advance(end);
                    self.step = Step::End;
                }
            }
        }
    }
}

/// Takes as many as there are of the bytes that are left.
fn take(received: &mut BytesMut, left: &mut u64) -> Bytes {
    let here = usize::try_from(*left).unwrap_or(usize::MAX);
    let data = received.split_to(here.min(received.len()));
    *left -= data.len() as u64;
    data.freeze()
}
