//! The one set of algorithms, so that checks use the same algorithms as handshakes.

use rustls::crypto::{CryptoProvider, ring};

/// The set. See the module.
#[must_use]
pub fn provider() -> CryptoProvider {
    ring::default_provider()
}
