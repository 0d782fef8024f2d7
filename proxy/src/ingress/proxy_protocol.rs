//! The header that a balancer in front sends before all bytes of its client: the PROXY protocol, versions 1 and 2.
//!
//! A balancer that forwards connections and not requests can't write `X-Forwarded-For`, least of all where its clients
//! speak TLS. It says in this header whose connection it forwards. `proxy-header` reads it; this module adds what a
//! parser of whole headers can't decide: when no further byte can make a header of what has arrived, and how much may
//! arrive. So the verdict is the same however the bytes are split, and garbage ends the connection at its first byte.
//!
//! A connection that breaks the rule is closed without an answer: the sender is a misconfigured balancer, or a client that
//! goes around it, and it is not known yet whether either speaks HTTP or TLS.

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
};

use proxy_header::{ParseConfig, Protocol, ProxiedAddress, ProxyHeader};
use tokio::time::Instant;
use tracing::debug;

use super::Ingress;
use crate::{
    client_connection::ClientConnection, deadline_timer::DeadlineTimer, metrics::ProxyHeaderRead,
};

/// How version 1 begins, which is one line of text.
const TEXT: &[u8] = b"PROXY ";
/// The longest line of version 1, by its specification.
const LONGEST_TEXT: usize = 107;
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

impl Ingress {
    /// Reads the header of a connection, and returns whose connection it is: of the client that the header names, or of the
    /// balancer, which is at `peer`. `None` if the connection ends instead.
    pub(super) async fn proxy_header(
        &self,
        connection: &mut ClientConnection,
        peer: IpAddr,
        deadline: Instant,
        timer: &mut DeadlineTimer,
    ) -> Option<IpAddr> {
        let read = {
            let header = pin!(async {
                loop {
                    match find(connection.received()) {
                        Ok(Some(found)) => break Ok(found),
                        Ok(None) if connection.more().await => {}
                        Ok(None) | Err(Malformed) => break Err(ProxyHeaderRead::Malformed),
                    }
                }
            });
            timer.guard(deadline, header).await
        };
        let counted = &self.runtime().metrics.requests.proxy_headers;
        match read.unwrap_or(Err(ProxyHeaderRead::TooSlow)) {
            Ok(Found { client, length }) => {
                counted[ProxyHeaderRead::Done].inc();
                connection.advance(length);
                Some(client.unwrap_or(peer))
            }
            Err(how) => {
                counted[how].inc();
                let how: &str = how.into();
                debug!(%peer, how, "No PROXY header: connection closed");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
