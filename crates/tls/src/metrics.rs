//! Metrics of TLS with clients: outcomes of handshakes, and the certificate's expiry.

use std::io;

use enum_map::{Enum, EnumMap};
use prometheus::{IntCounter, IntGaugeVec};
use strum::{IntoStaticStr, VariantArray};
use switchyard_telemetry::{Error, Registrar, counter_by};

/// How a handshake ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Handshake {
    /// With a connection.
    Done,
    /// Without: no TLS, nothing in common, or the client refused the certificate.
    Failed,
    /// Without: the client's own certificate is not trusted, or not valid.
    Untrusted,
    /// Not within `timeouts.client`.
    TooSlow,
}

impl Handshake {
    /// How one ended that failed.
    #[must_use]
    pub fn failed(error: &io::Error) -> Self {
        let error = error.get_ref().and_then(|inner| inner.downcast_ref());
        match error {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Untrusted,
            _ => Self::Failed,
        }
    }
}

/// The families of TLS.
#[derive(Clone, Debug)]
pub struct TlsMetrics {
    handshakes: EnumMap<Handshake, IntCounter>,
    /// Without labels; a family, so that there is no series without TLS.
    expiry: IntGaugeVec,
    admin_expiry: IntGaugeVec,
}

impl TlsMetrics {
    /// Makes and registers them.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let handshakes = make.counters(
            "tls_handshakes_total",
            "TLS handshakes with clients, by result.",
            &["result"],
        )?;
        Ok(Self {
            handshakes: counter_by(&handshakes, &[]),
            expiry: make.int_gauges(
                "tls_certificate_expiry_timestamp_seconds",
                "When the certificate in force expires, in seconds since the Unix epoch.",
                &[],
            )?,
            admin_expiry: make.int_gauges(
                "admin_tls_certificate_expiry_timestamp_seconds",
                "When the certificate of the admin port expires, in seconds since the Unix epoch.",
                &[],
            )?,
        })
    }

    /// Counts one handshake.
    pub fn ended(&self, how: Handshake) {
        self.handshakes[how].inc();
    }

    /// Sets when the certificate in force expires, in seconds since the Unix epoch.
    pub fn expires_at(&self, unix_seconds: i64) {
        let none: &[&str] = &[];
        self.expiry.with_label_values(none).set(unix_seconds);
    }

    /// The same of the admin port.
    pub fn admin_expires_at(&self, unix_seconds: i64) {
        let none: &[&str] = &[];
        self.admin_expiry.with_label_values(none).set(unix_seconds);
    }
}
