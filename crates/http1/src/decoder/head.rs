//! The head of an answer: where it ends, and what it says about the body and the connection.

use super::{MAX_HEADERS, Malformed};
use memchr::memchr;
use std::mem::MaybeUninit;

/// What every answer begins with; the digit behind it is the parser's to judge.
const PREFACE: &[u8] = b"HTTP/1.";

/// What the decoder needs to know of a head.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerHead {
    /// Bytes, with the empty line.
    pub(super) length: usize,
    pub(super) status: u16,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
}

/// What the end of the body is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilEof,
}

/// Finds the end of a head that begins with `received`; `line` is where its unfinished line begins.
pub(super) fn find_end(
    received: &[u8],
    line: &mut usize,
    limit: usize,
) -> Result<Option<usize>, Malformed> {
    // What is not HTTP at all may never send a line feed to wait for.
    if received
        .iter()
        .zip(PREFACE)
        .any(|(left, right)| left != right)
    {
        return Err(Malformed::NotHttp1);
    }
    find_empty_line(received, line, limit, Malformed::HeadTooLarge)
}

/// Finds the end of the first empty line from `line` on, which is moved to the last line that is unfinished.
///
/// The checks are made in the order of the bytes, so that the first fault is the same however they arrive.
pub(super) fn find_empty_line(
    bytes: &[u8],
    line: &mut usize,
    limit: usize,
    too_large: Malformed,
) -> Result<Option<usize>, Malformed> {
    loop {
        let rest = bytes.get(*line..).unwrap_or_default();
        let Some(at) = memchr(b'\n', rest) else {
            return if bytes.len() > limit {
                Err(too_large)
            } else {
                Ok(None)
            };
        };
        let end = *line + at + 1;
        if end > limit {
            return Err(too_large);
        }
        match rest.get(..at).unwrap_or_default() {
            [b'\r'] => return Ok(Some(end)),
            [b' ' | b'\t', ..] => return Err(Malformed::FoldedHeader),
            [.., b'\r'] => *line = end,
            _ => return Err(Malformed::BareLineFeed),
        }
    }
}

/// Reads a head that is complete.
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
    })
}

/// Corrects the framing by the status.
fn apply_status(mut head: AnswerHead) -> Result<AnswerHead, Malformed> {
    let announces = !matches!(head.framing, Framing::Length(0) | Framing::UntilEof);
    match head.status {
        101 => return Err(Malformed::SwitchedProtocols),
        100..200 if announces => return Err(Malformed::InterimWithBody),
        204 | 304 => {
            // A body that should not be there may still come, later.
            head.keep_alive &= !announces;
            head.framing = Framing::Length(0);
        }
        _ => head.keep_alive &= head.framing != Framing::UntilEof,
    }
    Ok(head)
}

/// The headers that matter here.
#[derive(Default)]
struct FramingHeaders {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl FramingHeaders {
    fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        if name.eq_ignore_ascii_case("content-length") {
            if self.length.replace(decimal(value)?).is_some() {
                return Err(Malformed::RepeatedContentLength);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // Twice "chunked" is as wrong as any other coding.
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::TransferEncoding);
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
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

/// A number in digits and nothing else.
pub fn decimal(digits: &[u8]) -> Result<u64, Malformed> {
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

/// The headers of a head that has been read before, without parsing them again.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = behind(b'\n', head).map_or(&[][..], |(_, rest)| rest);
    std::iter::from_fn(move || {
        let line;
        (line, rest) = behind(b'\n', rest)?;
        // The empty line has none, and is the last.
        let (name, value) = behind(b':', line)?;
        Some((name, value.trim_ascii()))
    })
}

/// What stands before and behind the first `byte`.
fn behind(byte: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(memchr(byte, bytes)?)?;
    Some((before, rest.get(1..)?))
}
