//! A header of the PROXY protocol in bytes, without a connection.
//!
//! `proxy-header` reads a whole header; this module adds what a parser of whole headers can't decide: when no further byte
//! can make a header of what has arrived, and how much may arrive. So the verdict is the same however the bytes are split,
//! and garbage ends the connection at its first byte.
//!
//! It stands alone, so that a fuzz target can read it without the proxy around it.

use std::net::{IpAddr, SocketAddr};

use proxy_header::{ParseConfig, Protocol, ProxiedAddress, ProxyHeader};

/// How version 1 begins, which is one line of text.
const TEXT: &[u8] = b"PROXY ";
/// The longest line of version 1, by its specification.
const LONGEST_TEXT: usize = 107;
/// How a line of version 1 begins that names no client. Its word ends there, whatever else the line says.
const UNKNOWN: &[u8] = b"PROXY UNKNOWN";
/// How version 2 begins. Two bytes later it has its length.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The bytes of version 2 before the addresses.
const BINARY_START: usize = 16;
/// The longest header of version 2 that is read. Addresses take 216 bytes at most; the rest is for what a balancer adds, such as
/// the name in a client's certificate. nginx takes as much; the protocol would allow 64 KiB.
const LONGEST_BINARY: usize = 4 * 1024;

/// The bytes are no header, and no more bytes make one of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed;

/// A header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The client; `None` if the balancer speaks for itself, or for a client without an IP address.
    pub(super) client: Option<IpAddr>,
    /// How many bytes the header has.
    pub(super) length: usize,
}

/// The header at the start of `received`. `None` if more bytes are needed.
pub(super) fn find(received: &[u8]) -> Result<Option<Found>, Malformed> {
    let Some(header) = whole(received)? else {
        return Ok(None);
    };
    // `proxy-header` looks no further than the word's letters.
    let unknown = header.strip_prefix(UNKNOWN);
    if unknown.is_some_and(|rest| !rest.starts_with(b" ") && rest != b"\r\n") {
        return Err(Malformed);
    }
    let rules = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    match ProxyHeader::parse(header, rules) {
        Ok((read, length)) if length == header.len() => Ok(Some(Found {
            client: read.proxied_address().and_then(client_of),
            length,
        })),
        _ => Err(Malformed),
    }
}

/// The bytes of the header, up to its end. `None` if more are needed.
fn whole(received: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let begins = |with: &[u8]| {
        let (known, _) = with.split_at(with.len().min(received.len()));
        received.starts_with(known)
    };
    if begins(TEXT) {
        let line = received.get(..LONGEST_TEXT).unwrap_or(received);
        return match memchr::memchr(b'\n', line) {
            Some(end) => Ok(line.get(..=end)),
            None if line.len() == LONGEST_TEXT => Err(Malformed),
            None => Ok(None),
        };
    }
    if !begins(BINARY) {
        return Err(Malformed);
    }
    let Some(start) = received.first_chunk::<BINARY_START>() else {
        return Ok(None);
    };
    let [.., high, low] = *start;
    let length = BINARY_START + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_BINARY {
        return Err(Malformed);
    }
    Ok(received.get(..length))
}

/// Whose connection a balancer forwards.
fn client_of(address: &ProxiedAddress) -> Option<IpAddr> {
    let ProxiedAddress {
        protocol, source, ..
    } = address;
    // What comes over TCP is not the client's datagram.
    (*protocol == Protocol::Stream).then(|| SocketAddr::ip(source).to_canonical())
}

#[cfg(test)]
mod tests;
