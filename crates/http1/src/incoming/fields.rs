//! What the headers of a request decide: the body's end, the connection's end, the host, the expectation.

use super::{Expectation, Framing, RequestFault, line::RequestLine};
use crate::{authority::Authority, decoder::decimal, hop_by_hop::is_counted_on};

/// The headers that count, in the order in which they come.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    codings: Codings,
    close: bool,
    keep_alive: bool,
    pub(super) expectation: Expectation,
}

/// The transfer codings of all lines together.
#[derive(Clone, Copy, Debug, Default)]
enum Codings {
    #[default]
    None,
    Chunked,
    /// The last of them is not `chunked`.
    Other,
    OtherThenChunked,
    /// Something follows `chunked`, or a list has an empty part.
    Unclear,
}

impl<'a> Fields<'a> {
    pub(super) fn add(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), RequestFault> {
        let is = |header: &str| name.eq_ignore_ascii_case(header.as_bytes());
        if is("host") {
            if self.host.replace(value).is_some() {
                return Err(RequestFault::RepeatedHost);
            }
        } else if is("content-length") {
            if self.length.replace(content_length(value)?).is_some() {
                return Err(RequestFault::RepeatedContentLength);
            }
        } else if is("transfer-encoding") {
            self.codings.add(value);
        } else if is("connection") {
            for option in list(value) {
                if is_counted_on(option) {
                    return Err(RequestFault::ConnectionOption);
                }
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if is("expect") {
            self.expectation.add(value);
        }
        Ok(())
    }

    /// How the end of the body is marked.
    pub(super) fn framing(&self, minor: u8) -> Result<Framing, RequestFault> {
        match (self.length, self.codings) {
            (length, Codings::None) => Ok(Framing::Length(length.unwrap_or(0))),
            (Some(_), _) => Err(RequestFault::TwoFramings),
            (None, _) if minor == 0 => Err(RequestFault::TransferEncodingInHttp10),
            (None, Codings::Chunked) => Ok(Framing::Chunked),
            (None, Codings::OtherThenChunked) => Err(RequestFault::TransferCoding),
            (None, Codings::Other | Codings::Unclear) => Err(RequestFault::TransferEncoding),
        }
    }

    /// Whether the client wants the connection closed after the answer.
    pub(super) const fn closes(&self, minor: u8) -> bool {
        self.close || minor == 0 && !self.keep_alive
    }

    /// Checks the host, also against that of the target.
    pub(super) fn check_host(&self, line: &RequestLine, bytes: &[u8]) -> Result<(), RequestFault> {
        let Some(host) = self.host else {
            return if line.minor == 0 {
                Ok(())
            } else {
                Err(RequestFault::NoHost)
            };
        };
        let host = Authority::parse(host).ok_or(RequestFault::Host)?;
        let Some((target, port)) = &line.authority else {
            return Ok(());
        };
        let target = Authority::parse(bytes.get(target.clone()).unwrap_or_default());
        let is_same = target.is_some_and(|target| target.is_same(host, *port));
        if is_same {
            Ok(())
        } else {
            Err(RequestFault::OtherHost)
        }
    }
}

impl Codings {
    fn add(&mut self, value: &[u8]) {
        for coding in list(value) {
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            *self = match self {
                _ if coding.is_empty() => Self::Unclear,
                Self::None if is_chunked => Self::Chunked,
                Self::Other if is_chunked => Self::OtherThenChunked,
                Self::None | Self::Other => Self::Other,
                // Nothing may follow chunked, not even itself.
                Self::Chunked | Self::OtherThenChunked | Self::Unclear => Self::Unclear,
            };
        }
    }
}

impl Expectation {
    fn add(&mut self, value: &[u8]) {
        for expected in list(value).filter(|expected| !expected.is_empty()) {
            let is_known = expected.eq_ignore_ascii_case(b"100-continue");
            *self = if is_known && *self != Self::Unknown {
                Self::Continue
            } else {
                Self::Unknown
            };
        }
    }
}

/// The parts of a list with commas, without the blanks around them.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// The longest body whose length every server's number holds: a signed one of 64 bits.
const LONGEST_BODY: u64 = u64::MAX >> 1;

/// A longer length is no malformed number but a body over every limit (RFC 9110 §8.6). It is refused with the head, because a
/// body that streams has no other limit, and a server that counts with fewer bits would take it for a short one.
fn content_length(value: &[u8]) -> Result<u64, RequestFault> {
    match decimal(value) {
        Ok(length) if length <= LONGEST_BODY => Ok(length),
        Ok(_) => Err(RequestFault::BodyTooLarge),
        Err(_) if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
            Err(RequestFault::BodyTooLarge)
        }
        Err(_) => Err(RequestFault::ContentLength),
    }
}
