//! Writes a request into one buffer, so that it leaves in one write.

use bytes::{BufMut, Bytes, BytesMut};

/// The part of a request that is the same for every charge of one substation: request line and `host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    bytes: Bytes,
    /// Where the target ends.
    target_end: usize,
}

/// Why a request cannot be written: a reader would not understand it as intended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// The method is not a token.
    #[error("the method is not a token")]
    Method,
    /// The path is not in origin form, or not percent-encoded.
    #[error("the path does not begin with a slash or has a character that must be percent-encoded")]
    Path,
    /// The host is empty, or has a blank or a character that is not ASCII.
    #[error("the host is empty or has an invalid character")]
    Host,
    /// A header name is not a token.
    #[error("a header name is not a token")]
    HeaderName,
    /// A header value has a control character.
    #[error("a header value has a control character")]
    HeaderValue,
    /// A header that the encoder writes itself, or that would contradict what it writes.
    #[error("a header would contradict the request's framing or host")]
    Reserved,
}

impl RequestHead {
    /// Prepares `method path HTTP/1.1` and `host`.
    pub fn new(method: &str, path: &str, host: &str) -> Result<Self, Unencodable> {
        if !is_token(method.as_bytes()) {
            return Err(Unencodable::Method);
        }
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unencodable::Path);
        }
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unencodable::Host);
        }
        let bytes = [method, " ", path, " HTTP/1.1\r\nhost: ", host, "\r\n"].concat();
        Ok(Self {
            bytes: bytes.into(),
            target_end: method.len() + 1 + path.len(),
        })
    }

    /// The same with `query` behind the path, or behind the query that the path has.
    pub fn with_query(&self, query: &str) -> Result<Self, Unencodable> {
        if !query.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unencodable::Path);
        }
        let (line, rest) = self
            .bytes
            .split_at_checked(self.target_end)
            .unwrap_or_default();
        let mark = if line.contains(&b'?') { "&" } else { "?" };
        let bytes = [line, mark.as_bytes(), query.as_bytes(), rest].concat();
        Ok(Self {
            bytes: bytes.into(),
            target_end: line.len() + 1 + query.len(),
        })
    }
}

/// Appends a whole request to `buffer`: the prepared part, `headers`, `content-length`, the body.
///
/// On an error the buffer is left unchanged. No name or value can end its line, and no header can contradict the
/// framing, so the substation reads exactly one request with this body, whatever the client sent.
pub fn encode_request<'a>(
    buffer: &mut BytesMut,
    prefix: &RequestHead,
    headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    body: &[u8],
) -> Result<(), Unencodable> {
    let start = buffer.len();
    // Room for a handful of headers, so that the common request grows the buffer once at most.
    buffer.reserve(prefix.bytes.len() + 256 + body.len());
    buffer.put_slice(&prefix.bytes);
    for (name, value) in headers {
        if let Err(error) = check(name, value) {
            buffer.truncate(start);
            return Err(error);
        }
        for part in [name, b": ", value, b"\r\n"] {
            buffer.put_slice(part);
        }
    }
    buffer.put_slice(b"content-length: ");
    put_decimal(buffer, body.len());
    buffer.put_slice(b"\r\n\r\n");
    buffer.put_slice(body);
    Ok(())
}

#[inline]
fn check(name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
    const RESERVED: [&[u8]; 4] = [b"content-length", b"transfer-encoding", b"host", b"upgrade"];
    check_field(name, value)?;
    if RESERVED
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return Err(Unencodable::Reserved);
    }
    Ok(())
}

/// Checks that a header can be written: its name is a token, its value has no control character but tabs.
///
/// [`IncomingDecoder`](crate::IncomingDecoder) lets no other header through. For headers that another parser has read,
/// this says beforehand what [`encode_request`] would say when it is too late.
#[inline]
pub fn check_field(name: &[u8], value: &[u8]) -> Result<(), Unencodable> {
    if !is_token(name) {
        return Err(Unencodable::HeaderName);
    }
    // Without an early exit, so that the compiler can test many bytes at once.
    let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    if value
        .iter()
        .fold(false, |any, &byte| any | is_control(byte))
    {
        return Err(Unencodable::HeaderValue);
    }
    Ok(())
}

/// Whether a name is a token (RFC 9110, section 5.6.2).
#[inline]
pub(crate) fn is_token(name: &[u8]) -> bool {
    /// For each byte, whether a token may contain it.
    #[expect(
        clippy::indexing_slicing,
        reason = "evaluated by the compiler, which refuses an index out of bounds"
    )]
    const IN_TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            table[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
            byte += 1;
        }
        table
    };
    let is_in_token = |byte: &u8| IN_TOKEN.get(usize::from(*byte)) == Some(&true);
    !name.is_empty() && name.iter().all(is_in_token)
}

#[inline]
fn put_decimal(buffer: &mut BytesMut, mut number: usize) {
    // Twenty digits hold 64 bits; filled from the end.
    let mut digits = [b'0'; 20];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    buffer.put_slice(digits.get(digits.len() - length..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
