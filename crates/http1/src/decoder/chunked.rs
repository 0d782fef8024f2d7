//! The chunked framing of a body.

use super::{Limits, LineScan, MAX_HEADERS, Malformed, head};
use bytes::BytesMut;
use memchr::memchr;
use std::ops::Range;

/// The most digits of a chunk size: 64 bits.
const MAX_DIGITS: usize = 16;
/// How many bytes of framing are kept between the body so far and what follows, before they are taken out.
const LARGEST_GAP: usize = 4 * 1024;

/// The progress through a chunked body. All positions count from the start of the answer.
///
/// Chunks are moved together in place, behind the first; a body of one chunk is not moved. The framing between them is
/// taken out as it grows: chunks of one byte each would otherwise hold twenty times the memory of their body.
#[derive(Debug)]
pub(crate) struct Chunked {
    body: Range<usize>,
    /// The bytes of the body that are no longer there.
    dropped: usize,
    /// The first byte that has not been read.
    next: usize,
    /// The bytes of all extensions so far.
    extensions: usize,
    step: Step,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Before or in the line with a size, of which this many bytes were searched for its end.
    Size {
        searched: usize,
    },
    Data {
        left: usize,
    },
    DataEnd,
    /// Trailers begin at `next`.
    Trailers(LineScan),
}

impl Chunked {
    /// A body whose framing begins at `start`.
    pub(crate) fn new(start: usize) -> Self {
        Self {
            body: start..start,
            dropped: 0,
            next: start,
            extensions: 0,
            step: Step::Size { searched: 0 },
        }
    }

    /// Continues with all that has been received. Returns the range of the body and the end of the answer once it has
    /// arrived.
    pub(crate) fn advance(
        &mut self,
        received: &mut BytesMut,
        limits: Limits,
    ) -> Result<Option<(Range<usize>, usize)>, Malformed> {
        let found = self.read(received, limits)?;
        if found.is_none() {
            self.close_gap(received);
        }
        Ok(found)
    }

    /// Takes the framing behind the body so far out of `received`, if that moves fewer bytes than it frees.
    fn close_gap(&mut self, received: &mut BytesMut) {
        let gap = self.next - self.body.end;
        let unread = received.len().saturating_sub(self.next);
        if gap >= LARGEST_GAP.max(unread) {
            received.copy_within(self.next.., self.body.end);
            received.truncate(self.body.end + unread);
            self.next = self.body.end;
        }
    }

    fn read(
        &mut self,
        received: &mut [u8],
        limits: Limits,
    ) -> Result<Option<(Range<usize>, usize)>, Malformed> {
        loop {
            let ahead = received.get(self.next..).unwrap_or_default();
            match &mut self.step {
                Step::Size { searched } => {
                    let Some(line) =
                        size_line(ahead, searched, limits.head.saturating_sub(self.extensions))?
                    else {
                        return Ok(None);
                    };
                    let (size, extension) = size_and_extension(line)?;
                    let left = usize::try_from(size)
                        .ok()
                        .filter(|&left| left <= limits.body - self.dropped - self.body.len());
                    let left = left.ok_or(Malformed::BodyTooLarge)?;
                    self.extensions += extension;
                    self.next += line.len() + 2;
                    self.step = if left == 0 {
                        Step::Trailers(LineScan::default())
                    } else {
                        Step::Data { left }
                    };
                }
                Step::Data { left } => {
                    let here = ahead.len().min(*left);
                    *left -= here;
                    let arrived = *left == 0;
                    self.append(received, here);
                    if !arrived {
                        return Ok(None);
                    }
                    self.step = Step::DataEnd;
                }
                Step::DataEnd => match ahead {
                    [b'\r', b'\n', ..] => {
                        self.next += 2;
                        self.step = Step::Size { searched: 0 };
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(Malformed::ChunkEnd),
                },
                Step::Trailers(scan) => {
                    let end = head::find_empty_line(
                        ahead,
                        scan,
                        limits.head,
                        Malformed::TrailersTooLarge,
                    )?;
                    let Some(end) = end else { return Ok(None) };
                    check_trailers(ahead.get(..end).unwrap_or_default())?;
                    return Ok(Some((self.body.clone(), self.next + end)));
                }
            }
        }
    }

    /// Where the part of the body is that has arrived.
    pub(super) fn body(&self) -> Range<usize> {
        self.body.clone()
    }

    /// Drops the first `count` bytes of the body, and the framing that was read. The rest of the body is moved in front
    /// of what was not read. Returns by how many bytes an answer whose head has this `length` becomes shorter; the
    /// caller moves the head by as many, and removes them.
    pub(super) fn drop_body(&mut self, received: &mut [u8], length: usize, count: usize) -> usize {
        let rest = self.body.start + count..self.body.end;
        let kept = rest.len();
        let shorter = self.next - kept - length;
        received.copy_within(rest, self.next - kept);
        self.dropped += count;
        self.body = length..length + kept;
        self.next = length + kept;
        shorter
    }

    /// Moves the next `count` bytes to the end of the body.
    fn append(&mut self, received: &mut [u8], count: usize) {
        if self.body.is_empty() {
            self.body = self.next..self.next;
        }
        if count > 0 && self.body.end != self.next {
            received.copy_within(self.next..self.next + count, self.body.end);
        }
        self.body.end += count;
        self.next += count;
    }
}

/// The line with the next chunk's size, without its line end, once it has arrived. `searched` is how much of it was
/// searched for its end before; `limit` is how many bytes its extensions may still have.
pub(crate) fn size_line<'a>(
    ahead: &'a [u8],
    searched: &mut usize,
    limit: usize,
) -> Result<Option<&'a [u8]>, Malformed> {
    let longest = MAX_DIGITS + 2 + limit;
    let unsearched = ahead.get(*searched..).unwrap_or_default();
    let end = memchr(b'\n', unsearched).map(|at| *searched + at);
    *searched = ahead.len();
    if end.map_or(ahead.len(), |end| end + 1) > longest {
        return Err(Malformed::ChunkExtensionsTooLarge);
    }
    let Some(line) = end.and_then(|end| ahead.get(..end)) else {
        return Ok(None);
    };
    line.strip_suffix(b"\r")
        .map(Some)
        .ok_or(Malformed::BareLineFeed)
}

/// The size that a line states, and the length of what follows the size.
pub(crate) fn size_and_extension(line: &[u8]) -> Result<(u64, usize), Malformed> {
    let end = line
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(line.len());
    let (digits, extension) = line.split_at_checked(end).ok_or(Malformed::ChunkSize)?;
    if !matches!(extension.trim_ascii_start(), [b';', ..]) && !extension.is_empty() {
        return Err(Malformed::ChunkSize);
    }
    if extension
        .iter()
        .any(|&byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Err(Malformed::ChunkExtension);
    }
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return Err(Malformed::ChunkSize);
    }
    let step =
        |size: u64, digit: &u8| Some(size << 4 | u64::from(char::from(*digit).to_digit(16)?));
    let size = digits
        .iter()
        .try_fold(0, step)
        .ok_or(Malformed::ChunkSize)?;
    Ok((size, extension.len()))
}

/// Trailers are not forwarded, but an invalid trailer means that the answer may not end where it seems to.
pub(crate) fn check_trailers(trailers: &[u8]) -> Result<(), Malformed> {
    if trailers != b"\r\n" {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        httparse::parse_headers(trailers, &mut fields)?;
    }
    Ok(())
}
