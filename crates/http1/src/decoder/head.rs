//! The head of an answer: its end, the framing of the body, and whether the connection persists.

use super::{MAX_HEADERS, Malformed};
use memchr::memchr;
use std::mem::MaybeUninit;

/// The first bytes of every answer. The parser checks the digit that follows.
const PREFACE: &[u8] = b"HTTP/1.";

/// What the decoder needs from a head.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerHead {
    /// In bytes, with the empty line.
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    /// Whether a `connection` header has another option than `close` and `keep-alive`.
    pub(super) nominates: bool,
}

/// How the end of the body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilEof,
}

/// How far the search for an empty line has come, so that no byte is searched twice however small the reads are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LineScan {
    /// Where the unfinished line begins.
    line: usize,
    /// How many bytes were searched for its end.
    searched: usize,
}

#[cfg(test)]
impl LineScan {
    pub(crate) const fn searched(&self) -> usize {
        self.searched
    }
}

/// Finds the end of the head that `received` begins with.
pub(super) fn find_end(
    received: &[u8],
    scan: &mut LineScan,
    limit: usize,
) -> Result<Option<usize>, Malformed> {
    // A peer that does not speak HTTP may never send a line feed, so waiting for one could take forever.
    if received
        .iter()
        .zip(PREFACE)
        .any(|(left, right)| left != right)
    {
        return Err(Malformed::NotHttp1);
    }
    find_empty_line(received, scan, limit, Malformed::HeadTooLarge)
}

/// Finds the end of the first empty line, from where the last call for these bytes stopped.
///
/// The checks run in the order of the bytes, so the first fault is the same however the bytes arrive.
pub(crate) fn find_empty_line(
    bytes: &[u8],
    scan: &mut LineScan,
    limit: usize,
    too_large: Malformed,
) -> Result<Option<usize>, Malformed> {
    loop {
        let ahead = bytes.get(scan.searched..).unwrap_or_default();
        let Some(at) = memchr(b'\n', ahead) else {
            scan.searched = bytes.len();
            return if bytes.len() > limit {
                Err(too_large)
            } else {
                Ok(None)
            };
        };
        let at = scan.searched + at;
        let end = at + 1;
        if end > limit {
            return Err(too_large);
        }
        match bytes.get(scan.line..at).unwrap_or_default() {
            [b'\r'] => return Ok(Some(end)),
            [b' ' | b'\t', ..] => return Err(Malformed::FoldedHeader),
            [.., b'\r'] => {
                *scan = LineScan {
                    line: end,
                    searched: end,
                }
            }
            _ => return Err(Malformed::BareLineFeed),
        }
    }
}

/// Reads a complete head.
pub(super) fn read(bytes: &[u8]) -> Result<AnswerHead, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut fields,
    )?;
    let (httparse::Status::Complete(length), Some(status @ 100..), Some(minor)) =
        (parsed, response.code, response.version)
    else {
        return Err(Malformed::StatusLine);
    };
    if length != bytes.len() {
        return Err(Malformed::StatusLine);
    }

    let mut headers = FramingHeaders::default();
    for field in response.headers.iter() {
        headers.add(field.name, field.value)?;
    }
    let framing = headers.framing(minor)?;
    let keep_alive = !headers.close && (minor == 1 || headers.keep_alive);
    apply_status(AnswerHead {
        length,
        status,
        framing,
        keep_alive,
        nominates: headers.nominates,
    })
}

/// Corrects the framing as the status requires.
fn apply_status(mut head: AnswerHead) -> Result<AnswerHead, Malformed> {
    let announces = !matches!(head.framing, Framing::Length(0) | Framing::UntilEof);
    match head.status {
        101 => return Err(Malformed::SwitchedProtocols),
        100..200 if announces => return Err(Malformed::InterimWithBody),
        204 | 304 => {
            // A body that is not allowed may still come later.
            head.keep_alive &= !announces;
            head.framing = Framing::Length(0);
        }
        _ => head.keep_alive &= head.framing != Framing::UntilEof,
    }
    Ok(head)
}

/// The headers that decide framing and persistence.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether a header was there, and any combination can be"
)]
struct FramingHeaders {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    nominates: bool,
}

impl FramingHeaders {
    fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case("content-length") {
            if self.length.replace(decimal(value)?).is_some() {
                return Err(Malformed::RepeatedContentLength);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // "chunked" twice is as invalid as any other coding.
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::TransferEncoding);
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                let is_close = option.eq_ignore_ascii_case(b"close");
                let is_keep_alive = option.eq_ignore_ascii_case(b"keep-alive");
                self.close |= is_close;
                self.keep_alive |= is_keep_alive;
                self.nominates |= !is_close && !is_keep_alive;
            }
        }
        Ok(())
    }

    fn framing(&self, minor: u8) -> Result<Framing, Malformed> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Malformed::TwoFramings),
            (None, true) if minor == 0 => Err(Malformed::TransferEncodingInHttp10),
            (None, true) => Ok(Framing::Chunked),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, false) => Ok(Framing::UntilEof),
        }
    }
}

/// Reads a number that consists of digits alone.
pub(crate) fn decimal(digits: &[u8]) -> Result<u64, Malformed> {
    if digits.is_empty() {
        return Err(Malformed::ContentLength);
    }
    let step = |number: u64, digit: &u8| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    };
    digits
        .iter()
        .try_fold(0, step)
        .ok_or(Malformed::ContentLength)
}

/// The headers of a head that has been checked before, without parsing it again.
#[inline]
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = split_at_byte(b'\n', head).map_or(&[][..], |(_, rest)| rest);
    std::iter::from_fn(move || {
        let line;
        (line, rest) = split_at_byte(b'\n', rest)?;
        // Only the empty line has no colon, and it is the last.
        let (name, value) = split_at_byte(b':', line)?;
        Some((name, value.trim_ascii()))
    })
}

/// What is before and after the first `byte`.
#[inline]
fn split_at_byte(byte: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(memchr(byte, bytes)?)?;
    Some((before, rest.get(1..)?))
}
