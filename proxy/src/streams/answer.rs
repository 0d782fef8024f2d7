//! Writes an answer that streams as HTTP/1.1: its head, its body as it comes, its end.
//!
//! The framing is made anew, from what is known: the length that the substation stated, or chunks, or for a client that
//! speaks HTTP/1.0, the end of the connection.

use bytes::{BufMut, BytesMut};
use http::header;
use pingora_core::protocols::http::date::get_cached_date;
use pingora_http::ResponseHeader;

/// Room for a usual head.
const HEAD: usize = 512;

/// What of a request decides how its answer is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Whether it is a `HEAD`, whose answer has no body.
    pub(super) is_head: bool,
    /// Whether its client speaks HTTP/1.0.
    pub(super) is_http_1_0: bool,
}

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// By its length, of which so much is left.
    Length(u64),
    Chunked,
    UntilClose,
}

/// Why an answer can't be written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// There is a body and no head.
    #[error("a body came before its head")]
    NoHead,
    /// The length is no number.
    #[error("the content-length is no number")]
    Length,
    /// The body is longer or shorter than it was said to be.
    #[error("the body is not as long as its content-length says")]
    OtherLength,
}

/// The answer to one request, as far as it was written.
#[derive(Debug, Default)]
pub(super) struct Answer {
    asked: Asked,
    framing: Option<Framing>,
    has_ended: bool,
    closes: bool,
    is_upgraded: bool,
}

impl Answer {
    /// The answer to this request, of which nothing was written.
    pub(super) fn to(asked: Asked) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// Whether a final head was written.
    pub(super) const fn has_begun(&self) -> bool {
        self.framing.is_some()
    }

    /// Whether it was written to its end.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether the connection ends with it.
    pub(super) const fn closes(&self) -> bool {
        self.closes
    }

    /// Whether the connection speaks another protocol from its head on.
    pub(super) const fn is_upgraded(&self) -> bool {
        self.is_upgraded
    }

    /// Whether only the end of the connection tells its end, so that it looks whole wherever it is cut.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.framing == Some(Framing::UntilClose) && !self.is_upgraded
    }

    /// Writes a head: a final one, after which the connection is closed if `closes`, or an interim one.
    pub(super) fn head(
        &mut self,
        head: &ResponseHeader,
        closes: bool,
        wire: &mut BytesMut,
    ) -> Result<(), Fault> {
        let status = head.status;
        if status.is_informational() && status != http::StatusCode::SWITCHING_PROTOCOLS {
            // HTTP/1.0 knows none. That the client may send its body was said when the body was first asked for.
            if !self.asked.is_http_1_0 && status != http::StatusCode::CONTINUE {
                line(head, wire);
                fields(head, wire);
                wire.put_slice(b"\r\n");
            }
            return Ok(());
        }
        if self.has_begun() {
            return Ok(());
        }
        self.is_upgraded = status == http::StatusCode::SWITCHING_PROTOCOLS;
        let length = length(head)?;
        let has_no_body = self.asked.is_head || matches!(status.as_u16(), 204 | 304);
        let framing = match length {
            _ if self.is_upgraded => Framing::UntilClose,
            _ if has_no_body => Framing::Length(0),
            Some(length) => Framing::Length(length),
            None if self.asked.is_http_1_0 => Framing::UntilClose,
            None => Framing::Chunked,
        };
        self.framing = Some(framing);
        self.closes = closes || framing == Framing::UntilClose;
        line(head, wire);
        fields(head, wire);
        if self.is_upgraded {
            wire.put_slice(b"connection: upgrade\r\n\r\n");
            return Ok(());
        }
        if let Some(length) = length {
            put(
                wire,
                b"content-length",
                itoa::Buffer::new().format(length).as_bytes(),
            );
        } else if framing == Framing::Chunked {
            put(wire, b"transfer-encoding", b"chunked");
        }
        if !head.headers.contains_key(header::DATE) {
            put(wire, b"date", get_cached_date().as_bytes());
        }
        let connection: &[u8] = if self.closes { b"close" } else { b"keep-alive" };
        put(wire, b"connection", connection);
        wire.put_slice(b"\r\n");
        Ok(())
    }

    /// Writes the next part of the body.
    pub(super) fn body(&mut self, part: &[u8], wire: &mut BytesMut) -> Result<(), Fault> {
        if part.is_empty() {
            return Ok(());
        }
        match &mut self.framing {
            None => Err(Fault::NoHead),
            Some(Framing::Length(left)) => {
                *left = left
                    .checked_sub(part.len() as u64)
                    .ok_or(Fault::OtherLength)?;
                wire.put_slice(part);
                Ok(())
            }
            Some(Framing::UntilClose) => {
                wire.put_slice(part);
                Ok(())
            }
            Some(Framing::Chunked) => {
                wire.reserve(part.len() + 20);
                put_hexadecimal(wire, part.len());
                wire.put_slice(b"\r\n");
                wire.put_slice(part);
                wire.put_slice(b"\r\n");
                Ok(())
            }
        }
    }

    /// Writes its end.
    pub(super) fn end(&mut self, wire: &mut BytesMut) -> Result<(), Fault> {
        if self.has_ended {
            return Ok(());
        }
        match self.framing {
            None => return Err(Fault::NoHead),
            Some(Framing::Length(1..)) => return Err(Fault::OtherLength),
            Some(Framing::Length(0) | Framing::UntilClose) => {}
            Some(Framing::Chunked) => wire.put_slice(b"0\r\n\r\n"),
        }
        self.has_ended = true;
        Ok(())
    }
}

/// The length that a head states.
fn length(head: &ResponseHeader) -> Result<Option<u64>, Fault> {
    let value = head.headers.get(header::CONTENT_LENGTH);
    let read = |value: &http::HeaderValue| value.to_str().ok()?.trim().parse().ok();
    value
        .map(|value| read(value).ok_or(Fault::Length))
        .transpose()
}

fn line(head: &ResponseHeader, wire: &mut BytesMut) {
    wire.reserve(HEAD);
    let reason = head.get_reason_phrase().unwrap_or_default();
    for part in ["HTTP/1.1 ", head.status.as_str(), " ", reason, "\r\n"] {
        wire.put_slice(part.as_bytes());
    }
}

/// The headers, except those of the connection and the framing.
fn fields(head: &ResponseHeader, wire: &mut BytesMut) {
    for (name, value) in &head.headers {
        let is_own = matches!(
            *name,
            header::CONNECTION | header::CONTENT_LENGTH | header::TRANSFER_ENCODING
        );
        if !is_own {
            put(wire, name.as_str().as_bytes(), value.as_bytes());
        }
    }
}

fn put(wire: &mut BytesMut, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        wire.put_slice(part);
    }
}

fn put_hexadecimal(wire: &mut BytesMut, number: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let places = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..places).rev() {
        let digit = DIGITS.get((number >> (4 * place)) & 15);
        wire.put_u8(digit.copied().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
