//! The names in a client's certificate.

use std::sync::Arc;

/// The most names of one certificate that are looked at.
const MOST: usize = 64;

/// The names in the certificate of a connection: those of `subjectAltName` first, then the common names of its subject.
/// They are kept as long as the connection, and looked up with each request: so a client that has gone is refused on the
/// connections that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNames(Arc<Vec<Box<str>>>);

impl CertificateNames {
    /// These names.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names = names.into_iter().take(MOST);
        Self(Arc::new(names.map(String::into_boxed_str).collect()))
    }

    /// All of them, in order.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// What stands for the certificate in a message.
    #[must_use]
    pub fn first(&self) -> &str {
        self.all().next().unwrap_or("without a name")
    }
}
