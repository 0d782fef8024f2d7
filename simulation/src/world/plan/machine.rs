//! The machines and their addresses.

use std::{fmt, net::Ipv4Addr};

use serde::{Deserialize, Serialize};

/// A machine of the simulated network.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// That of a proxy: one after another in place of those that end.
    Proxy(usize),
    /// That of a substation.
    Substation(usize),
    /// That of a client.
    Client(usize),
    /// The shared store's.
    Store,
    /// The one from which operators command and watch.
    Operator,
}

impl Machine {
    /// Its address.
    #[must_use]
    pub fn ip(self) -> Ipv4Addr {
        let within = |net: u8, id: usize| {
            let id = u32::try_from(id).unwrap_or(u32::MAX).saturating_add(1) & 0xffff;
            Ipv4Addr::from((10 << 24) | (u32::from(net) << 16) | id)
        };
        match self {
            Self::Proxy(id) => within(0, id),
            Self::Substation(id) => within(1, id),
            Self::Client(id) => within(2, id),
            Self::Store => within(3, 0),
            Self::Operator => within(4, 0),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy(id) => write!(f, "p{id}"),
            Self::Substation(id) => write!(f, "s{id}"),
            Self::Client(id) => write!(f, "c{id}"),
            Self::Store => f.write_str("store"),
            Self::Operator => f.write_str("operator"),
        }
    }
}
