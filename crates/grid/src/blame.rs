//! Whose fault a failed exchange is: the substation's, or the request's.
//!
//! A client can send what a substation does not bear: it closes the connection, or answers with 500. Such failures
//! follow the request wherever it goes, and say nothing about the substation. If they counted against it, one client
//! could eject every substation, one after the other. A single failure does not show which of the two it is, so what
//! else is known decides:
//!
//! - *The same request again* ([`Blame::is_repeat`]): what broke once under an `Idempotency-Key` breaks again at the
//!   same substation. It counts once.
//! - *One client alone* ([`BySource`], [`MainClient`]): where a substation serves several clients, the failures of one
//!   of them count at most as much as those of all others together. So a substation that fails is found by its second
//!   client, and a client that breaks things is alone with that. A client for which the substation does most of its
//!   work is believed by itself.
//! - *It happens everywhere* ([`Elsewhere`]): if requests fail at the other substations as well, a run of failures
//!   here must be longer than chance explains, and a bad share worse than theirs. It needs no addresses, so it also
//!   holds where all clients come through one proxy.
//!
//! Nothing of this delays the ejection of a substation that fails alone: then nothing fails elsewhere, and chance
//! explains nothing.

mod by_source;
mod excused;
mod main_client;
mod trace;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

pub(crate) use by_source::BySource;
pub(crate) use excused::Excused;
pub use main_client::MainClient;
pub(crate) use trace::Trace;

/// A run of failures is held against a substation if chance brings it about less often than this.
const CHANCE: f64 = 1e-9;
/// By how many standard deviations a share of failures must be worse than elsewhere.
const DEVIATIONS: f64 = 6.0;
/// From this share of failures elsewhere on, a failed trial proves little.
const DOUBTFUL: f64 = 0.1;

/// The client that an exchange was for: an IPv4 address, or the 64 bits of an IPv6 address that name a network,
/// because a client has all addresses of its network.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Source(u64);

impl Source {
    /// The client at this address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // No IPv6 network in use begins with 0:1.
            IpAddr::V4(address) => Self(1 << 32 | u64::from(u32::from(address))),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments().map(u64::from);
                Self(a << 48 | b << 32 | c << 16 | d)
            }
        }
    }

    /// The client of this number.
    #[must_use]
    pub const fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// As a number, for what is kept by client.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 >> 32 == 1 {
            let address = u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or_default();
            return Ipv4Addr::from_bits(address).fmt(f);
        }
        let network = Ipv6Addr::from_bits(u128::from(self.0) << 64);
        write!(f, "{network}/64")
    }
}

/// What is known of the request of a failed exchange.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Blame {
    /// Its client.
    pub source: Source,
    /// Whether the substation was asked because it holds the request's `Idempotency-Key`, so that an earlier request
    /// with the same content has gone there.
    pub is_repeat: bool,
}

/// Why a failure is not held against a substation.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Excuse {
    /// The same request failed there before.
    Repeat,
    /// Only one client had failures, and others are served.
    Client,
    /// Requests fail at other substations as well.
    Elsewhere,
    /// Most of the request's time was over when it was sent.
    Late,
}

/// What is known beyond one substation, for the judgement of a failure there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Elsewhere {
    /// The share of exchanges with other substations that failed in the last seconds, 0 to 1; 0 if there were none.
    pub failing: f64,
    /// Whether most other substations had a failure since the present run of failures began.
    pub is_common: bool,
}

impl Elsewhere {
    /// Whether a run of so many failures shows that the substation is worse than others.
    pub(crate) fn convicts_run(self, failures: u64) -> bool {
        let failures = i32::try_from(failures).unwrap_or(i32::MAX);
        !self.is_common && self.failing.powi(failures) <= CHANCE
    }

    /// Whether `good` of `all` exchanges are worse than a `share` of what goes well elsewhere, and not by chance.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a window has far fewer than 2^53"
    )]
    pub(crate) fn convicts_share(self, all: u64, good: u64, share: f64) -> bool {
        let (all, good) = (all as f64, good as f64);
        let expected = all * (1.0 - self.failing);
        let deviation = (expected * self.failing).sqrt();
        good < share * expected && expected - good > DEVIATIONS * deviation
    }

    /// Whether a failed trial proves little.
    pub(crate) fn doubts_trial(self) -> bool {
        self.failing >= DOUBTFUL
    }
}

#[cfg(test)]
mod tests;
