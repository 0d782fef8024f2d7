//! TLS on the clients' side: how handshakes end, and until when the certificate is good.

use prometheus::{IntCounter, IntGaugeVec};

use super::Register;
use crate::dispatch::Shared;

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// With a connection.
    Done,
    /// Without: no TLS, nothing in common, or the client refused the certificate.
    Failed,
    /// Not within `timeouts.client`.
    TooSlow,
}

impl Handshake {
    const ALL: [Self; 3] = [Self::Done, Self::Failed, Self::TooSlow];

    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::TooSlow => "too_slow",
        }
    }
}

/// The families of TLS.
#[derive(Clone, Debug)]
pub struct TlsMetrics {
    handshakes: [IntCounter; Handshake::ALL.len()],
    /// Without labels; a family only so that it has no series where there is no TLS.
    expiry: IntGaugeVec,
}

impl TlsMetrics {
    pub(super) fn register(make: &Register<'_>) -> Result<Self, prometheus::Error> {
        let handshakes = make.counters(
            "tls_handshakes_total",
            "TLS handshakes with clients, by how they ended.",
            &["result"],
        )?;
        Ok(Self {
            handshakes: Handshake::ALL.map(|how| handshakes.with_label_values(&[how.name()])),
            expiry: make.int_gauges(
                "tls_certificate_expiry_timestamp_seconds",
                "When the certificate that clients are shown expires, in seconds since the Unix epoch.",
                &[],
            )?,
        })
    }

    /// Counts one handshake.
    pub fn ended(&self, how: Handshake) {
        if let Some(counter) = self.handshakes.get(how as usize) {
            counter.inc();
        }
    }

    /// Sets the gauge to the certificate that is shown now.
    pub(super) fn mirror(&self, shared: &Shared) {
        if let Some(certificates) = shared.credentials.certificates() {
            let none: &[&str] = &[];
            self.expiry
                .with_label_values(none)
                .set(certificates.expires_at());
        }
    }
}
