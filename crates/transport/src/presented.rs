//! What a certificate says of itself, for messages. Certificates come from outside: what is shown is bounded, and
//! control characters are escaped.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::pki_types::CertificateDer;
use switchyard_bounded::Shown;
use x509_parser::x509::X509Name;

/// A certificate as messages show it.
#[derive(Clone, Debug)]
pub(crate) struct Presented {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// In seconds since the Unix epoch.
    pub(crate) begins: i64,
    /// In seconds since the Unix epoch.
    pub(crate) ends: i64,
    pub(crate) is_self_issued: bool,
}

impl Presented {
    /// Reads a certificate, if it is one.
    pub(crate) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let validity = certificate.validity();
        Some(Self {
            subject: shown(subject),
            issuer: shown(issuer),
            begins: validity.not_before.timestamp(),
            ends: validity.not_after.timestamp(),
            is_self_issued: subject.as_raw() == issuer.as_raw(),
        })
    }
}

impl fmt::Display for Presented {
    /// Its subject, or that it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() {
            return f.write_str("certificate without a subject");
        }
        write!(f, "certificate of {}", self.subject)
    }
}

fn shown(name: &X509Name<'_>) -> String {
    Shown::value(name).to_string()
}

/// Now, in seconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}
