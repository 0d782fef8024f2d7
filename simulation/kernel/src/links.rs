//! What lies between machines.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    time::Duration,
};

/// How segments travel in one direction between two machines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// How long a segment is under way at least.
    pub delay: Duration,
    /// How much longer at most.
    pub jitter: Duration,
    /// The part of segments that is lost, from 0 to 1. TCP sends them again after 200 ms, then after twice as long each
    /// time, so a lost segment comes late.
    pub loss: f64,
    /// Nothing arrives, and nothing says so.
    pub is_cut: bool,
}

impl Default for Link {
    /// Two machines in one room.
    fn default() -> Self {
        Self {
            delay: Duration::from_micros(200),
            jitter: Duration::from_micros(100),
            loss: 0.0,
            is_cut: false,
        }
    }
}

/// The first pause after which TCP sends a segment again, in nanoseconds.
pub(crate) const RETRANSMISSION: u64 = 200_000_000;
/// The longest.
const LONGEST: u64 = 120_000_000_000;

/// The pause before the try with this number.
pub(crate) fn backoff(tries: u32) -> u64 {
    RETRANSMISSION
        .saturating_mul(1 << tries.min(20))
        .min(LONGEST)
}

/// All links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) usual: Link,
    pub(crate) special: BTreeMap<(Ipv4Addr, Ipv4Addr), Link>,
    pub(crate) vanished: BTreeSet<Ipv4Addr>,
}

impl Links {
    pub(crate) fn between(&self, from: Ipv4Addr, to: Ipv4Addr) -> Link {
        self.special.get(&(from, to)).copied().unwrap_or(self.usual)
    }

    /// Whether what is sent from here to there now does not arrive.
    pub(crate) fn is_cut(&self, from: Ipv4Addr, to: Ipv4Addr) -> bool {
        self.vanished.contains(&to) || (from != to && self.between(from, to).is_cut)
    }
}
