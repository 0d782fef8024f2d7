//! The one set of algorithms, so that all that is checked is checked with what will be used.

use rustls::crypto::{CryptoProvider, ring};

/// The set. See the [module](self).
pub(crate) fn provider() -> CryptoProvider {
    ring::default_provider()
}
