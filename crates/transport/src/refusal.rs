//! Why there is no TLS connection to a server, in words for people and as a name for metrics.

use std::{fmt, io, sync::Arc, time::Duration};

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};
use switchyard_bounded::Shown;

/// Why there is no TLS connection, as metrics name it.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// No trusted authority has issued the server's certificate.
    UnknownCa,
    /// A certificate of the server has expired.
    Expired,
    /// A certificate of the server is not valid yet.
    NotYetValid,
    /// The server's certificate is for other names.
    WrongName,
    /// An authority above the server's certificate may not issue for its names.
    NameConstraints,
    /// The server's certificate is not one for servers.
    WrongPurpose,
    /// The server's certificate can't be read, or its signature is wrong.
    BadCertificate,
    /// The server wants a client certificate, or another one.
    ClientCertificate,
    /// What answers does not speak TLS.
    NoTls,
    /// The handshake failed in another way.
    Handshake,
    /// The handshake did not end in time.
    Slow,
    /// No authority is there to be trusted.
    NoAuthority,
}

impl Reason {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why there is no TLS connection. [`fmt::Display`] says which certificate is meant, what is wrong with it, and what to
/// do. It is the source of the [`io::Error`] that [`Transport::connect`](crate::Transport::connect) returns, and of
/// the one that a first read or write returns if the server refuses the client's certificate.
#[derive(Clone, Debug)]
pub struct Refusal {
    reason: Reason,
    why: Arc<str>,
}

impl Refusal {
    /// A refusal; `why` may repeat what came from outside.
    pub(crate) fn new(reason: Reason, why: impl fmt::Display) -> Self {
        let why = Shown::message(why).to_string();
        Self {
            reason,
            why: why.into(),
        }
    }

    /// After a handshake that took longer than `limit`.
    pub(crate) fn slow(limit: Duration) -> Self {
        let what = "no TLS handshake";
        Self::new(Reason::Slow, format_args!("{what} within {limit:?}"))
    }

    /// Why there is no connection, as metrics name it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The refusal that is the cause of an error, if one is.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.reason {
            Reason::Slow => io::ErrorKind::TimedOut,
            // No connection without TLS fails so.
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, refusal)
    }
}
