//! Reads any request of a client: its head as soon as it has arrived, then its body.
//!
//! [`WholeRequest`](crate::WholeRequest) is a short cut for the usual request and means the same. Both get the bytes
//! that have been received, and hold no connection. What two readers could understand differently is a
//! [`RequestFault`], and so is what RFC 9112 forbids; in particular
//!
//! - lines end in CR LF, and no header is folded;
//! - `Content-Length` occurs once, in digits; `Transfer-Encoding` is exactly `chunked`; never both;
//! - a `Host` is valid, and the same as that of a target with a host;
//! - chunk sizes are hexadecimal digits, extensions have no control characters, trailers are headers, and all of
//!   them are bounded.
//!
//! The verdict depends on the bytes alone, and not on how they were cut into reads.

mod fault;
mod fields;
mod line;
mod parts;
#[cfg(test)]
mod tests;

pub use fault::{FaultKind, RequestFault};
pub use parts::{BodyParts, Part};

use std::ops::Range;

use bytes::{Buf, BytesMut};

use crate::{
    RequestLimits,
    decoder::{Chunked, Limits, LineScan, Malformed, find_empty_line},
    headers::{Head, HeaderSpan},
};
use fields::Fields;
use line::{LineSearch, RequestLine};

/// The largest request line, in bytes. RFC 9112 §3 asks for at least 8,000.
pub const LONGEST_LINE: usize = 8 * 1024;
/// The most headers of a request. Browsers send some twenty; hyper refuses more than a hundred, and the proxy adds its own.
pub const MOST_HEADERS: usize = 64;
/// The most empty lines before a request: some clients send one after a body (RFC 9112 §2.2).
const MOST_EMPTY_LINES: usize = 4;

/// What a client expects of the server before it sends its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing.
    #[default]
    None,
    /// An interim answer, `100 Continue`.
    Continue,
    /// Something that HTTP does not define.
    Unknown,
}

/// How the end of a request's body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
}

/// The head of a client's request. It knows positions in the received bytes, so each method needs those bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingRequest {
    line: RequestLine,
    /// With the empty line.
    length: usize,
    fields: Vec<HeaderSpan>,
    framing: Framing,
    closes: bool,
    expectation: Expectation,
}

/// Reads the head of one request.
#[derive(Debug)]
pub struct IncomingDecoder {
    /// The largest head, in bytes.
    limit: usize,
    empty_lines: usize,
    /// How far the search for the end of the request line has come.
    search: LineSearch,
    line: Option<RequestLine>,
    /// How far the search for the end of the headers has come, after the request line.
    scan: LineScan,
}

impl IncomingDecoder {
    /// A decoder of a head of at most `limit` bytes, itself at most 64 KiB.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.min(u16::MAX.into()),
            empty_lines: 0,
            search: LineSearch::default(),
            line: None,
            scan: LineScan::default(),
        }
    }

    /// Whether all of the head's `length` bytes so far were searched, so that none is searched again.
    #[cfg(test)]
    fn is_searched(&self, length: usize) -> bool {
        match &self.line {
            Some(line) => line.length + self.scan.searched() == length,
            None => self.search.searched() == length || self.scan.searched() > 0,
        }
    }

    /// Reads the head from all that has been received for this request, and removes empty lines before it. `None` if it
    /// has not arrived whole. Between calls the caller may only append to `received`.
    pub fn decode(
        &mut self,
        received: &mut BytesMut,
    ) -> Result<Option<IncomingRequest>, RequestFault> {
        while self.line.is_none()
            && received.starts_with(b"\r\n")
            && self.empty_lines < MOST_EMPTY_LINES
        {
            received.advance(2);
            self.empty_lines += 1;
        }
        let line = match self.line.take() {
            Some(line) => line,
            None => match RequestLine::read(received, &mut self.search, self.limit)? {
                Some(line) => line,
                None => return Ok(None),
            },
        };
        let head = received.get(line.length..).unwrap_or_default();
        let limit = self.limit.saturating_sub(line.length);
        let of_head = |fault| RequestFault::of_head(fault, self.limit);
        let end = find_empty_line(head, &mut self.scan, limit, Malformed::HeadTooLarge)
            .map_err(of_head)?;
        let Some(end) = end else {
            self.line = Some(line);
            return Ok(None);
        };
        let whole = received.get(..line.length + end).unwrap_or_default();
        read_head(line, whole, self.limit).map(Some)
    }
}

/// Reads a head that has arrived whole.
fn read_head(
    line: RequestLine,
    head: &[u8],
    limit: usize,
) -> Result<IncomingRequest, RequestFault> {
    let of_head = |fault: httparse::Error| RequestFault::of_head(fault.into(), limit);
    let after_line = head.get(line.length..).unwrap_or_default();
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let parsed = httparse::parse_headers(after_line, &mut headers).map_err(of_head)?;
    let httparse::Status::Complete((_, parsed)) = parsed else {
        return Err(RequestFault::HeaderName);
    };
    let mut found = Fields::default();
    let mut spans = Vec::with_capacity(parsed.len());
    for field in parsed {
        found.add(field.name.as_bytes(), field.value)?;
        let span = HeaderSpan::find(head, field.name.as_bytes(), field.value);
        spans.push(span.ok_or(RequestFault::HeadTooLarge(limit))?);
    }
    found.check_host(&line, head)?;
    Ok(IncomingRequest {
        length: head.len(),
        fields: spans,
        framing: found.framing(line.minor)?,
        closes: found.closes(line.minor),
        // RFC 9110 §10.1.1: HTTP/1.0 knows no expectations.
        expectation: if line.minor == 0 {
            Expectation::None
        } else {
            found.expectation
        },
        line,
    })
}

impl IncomingRequest {
    /// The method.
    #[must_use]
    pub fn method<'a>(&self, received: &'a [u8]) -> &'a str {
        text(received, &self.line.method)
    }

    /// The path of the target, "/" where a URL has none.
    #[must_use]
    pub fn path<'a>(&self, received: &'a [u8]) -> &'a str {
        if self.line.path.is_empty() {
            "/"
        } else {
            text(received, &self.line.path)
        }
    }

    /// The query of the target, without its question mark.
    #[must_use]
    pub fn query<'a>(&self, received: &'a [u8]) -> Option<&'a str> {
        self.line.query.as_ref().map(|query| text(received, query))
    }

    /// The headers.
    #[must_use]
    pub fn head<'a>(&'a self, received: &'a [u8]) -> Head<'a> {
        Head::Raw(
            received.get(..self.length).unwrap_or_default(),
            &self.fields,
        )
    }

    /// Whether it is HTTP/1.0.
    #[must_use]
    pub const fn is_http_1_0(&self) -> bool {
        self.line.minor == 0
    }

    /// Whether the client wants the connection closed after the answer.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.closes
    }

    /// What the client expects before it sends the body.
    #[must_use]
    pub const fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// A decoder of its body within `limits`: the body counts without its framing, and the limit of a head also limits all
    /// chunk extensions together, and all trailers.
    pub fn body(&self, limits: RequestLimits) -> Result<BodyDecoder, RequestFault> {
        let end = match self.framing {
            Framing::Chunked => BodyEnd::LastChunk(Chunked::new(self.length)),
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= limits.body => BodyEnd::At(self.length + length),
                _ => return Err(RequestFault::BodyTooLarge),
            },
        };
        Ok(BodyDecoder {
            start: self.length,
            end,
            limits: Limits {
                head: limits.head,
                body: limits.body,
            },
        })
    }
}

impl IncomingRequest {
    /// How many bytes the head has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// How long the body is. `None` if it comes in chunks, and only their end tells.
    #[must_use]
    pub const fn body_length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        }
    }

    /// Reads its body in parts, from the bytes behind the head. `limit` is the limit of a head, in bytes; it also limits all
    /// chunk extensions together, and all trailers.
    #[must_use]
    pub const fn parts(&self, limit: usize) -> BodyParts {
        BodyParts::new(self.framing, limit)
    }
}

fn text<'a>(received: &'a [u8], part: &Range<usize>) -> &'a str {
    // ASCII, as was checked.
    let part = received.get(part.clone()).unwrap_or_default();
    str::from_utf8(part).unwrap_or_default()
}

/// Reads the body of one request.
#[derive(Debug)]
pub struct BodyDecoder {
    start: usize,
    end: BodyEnd,
    limits: Limits,
}

#[derive(Debug)]
enum BodyEnd {
    At(usize),
    LastChunk(Chunked),
}

/// Where the body of a request is in the received bytes, and where the request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingBody {
    /// The body, without its framing.
    pub body: Range<usize>,
    /// The first byte after the request.
    pub end: usize,
}

impl BodyDecoder {
    /// How many bytes are certainly missing.
    #[must_use]
    pub fn missing(&self, received: &[u8]) -> usize {
        match self.end {
            BodyEnd::At(end) => end.saturating_sub(received.len()),
            BodyEnd::LastChunk(_) => 0,
        }
    }

    /// Reads the body from all that has been received for this request; chunks are moved together in it, and the framing
    /// between them may be taken out. `None` if it has not arrived whole. Between calls the caller may only append to
    /// `received`.
    pub fn decode(
        &mut self,
        received: &mut BytesMut,
    ) -> Result<Option<IncomingBody>, RequestFault> {
        let found = match &mut self.end {
            BodyEnd::At(end) => (received.len() >= *end).then_some((self.start..*end, *end)),
            BodyEnd::LastChunk(chunks) => chunks
                .advance(received, self.limits)
                .map_err(RequestFault::of_chunks)?,
        };
        Ok(found.map(|(body, end)| IncomingBody { body, end }))
    }
}
