//! Which of the addresses that a source gives may be substations.
//!
//! A host that can answer for a source (a name server, a registry, a template) decides where charge requests and
//! scrapes go. A wrong answer must not turn the proxy on hosts that never asked for its requests: all hosts of a
//! network, or the service at 169.254.169.254 that gives a machine of a cloud its credentials. So what can be no
//! substation never is one, and a link-local address is one only where a range says so. Loopback and private addresses
//! are where substations are, and stay allowed; a narrower list is the operator's.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::Discovery;
use crate::{Network, network::impossible};

/// Everything. Link-local addresses need a range of their own.
pub(super) const EVERYTHING: [Network; 2] = [
    Network::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    Network::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
];

/// The link-local addresses of both families.
const LINK_LOCAL: [Network; 2] = [
    Network::new(IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    Network::new(IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// Why an address is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// No substation can have it. The value says what it is.
    Impossible(&'static str),
    /// It is link-local, and no range within the link-local addresses contains it.
    LinkLocal,
    /// No range contains it.
    NotAllowed,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impossible(kind) => write!(f, "{kind}, which no substation has"),
            Self::LinkLocal => f.write_str(
                "a link-local address, as of a cloud's metadata: to allow it, add its range to discovery.allow, as in \
                 169.254.1.0/24",
            ),
            Self::NotAllowed => f.write_str("in no range of discovery.allow"),
        }
    }
}

impl Discovery {
    /// Whether an address that a source gives may be a substation's, or why not.
    pub fn check(&self, address: IpAddr) -> Result<(), LeftOut> {
        let address = address.to_canonical();
        if let Some(kind) = impossible(address) {
            return Err(LeftOut::Impossible(kind));
        }
        let local = LINK_LOCAL.iter().find(|local| local.contains(address));
        let mut allowed = self.allow.iter().filter(|range| range.contains(address));
        match local {
            Some(local) if !allowed.any(|range| local.covers(range)) => Err(LeftOut::LinkLocal),
            None if allowed.next().is_none() => Err(LeftOut::NotAllowed),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_substation() {
        let check = |allow: &[&str], address: &str| {
            let allow = if allow.is_empty() {
                EVERYTHING.to_vec()
            } else {
                allow.iter().map(|range| range.parse().unwrap()).collect()
            };
            let discovery = Discovery {
                allow,
                ..Discovery::default()
            };
            discovery.check(address.parse().unwrap())
        };
        for address in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "8.8.8.8",
            "fd00::1",
            "2001:db8::1",
            "169.253.255.255",
            "169.255.0.0",
            "fec0::1",
        ] {
            assert_eq!(check(&[], address), Ok(()), "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.0.0",
            "fe80::1",
            "febf::1",
            "::ffff:169.254.169.254",
        ] {
            assert_eq!(check(&[], address), Err(LeftOut::LinkLocal), "{address}");
            // A range that happens to contain them names none.
            let wide = ["169.0.0.0/8", "0.0.0.0/0", "fe00::/8", "::/0"];
            assert_eq!(check(&wide, address), Err(LeftOut::LinkLocal), "{address}");
        }
        assert_eq!(check(&["169.254.1.0/24"], "169.254.1.7"), Ok(()));
        assert_eq!(
            check(&["169.254.1.0/24"], "169.254.2.7"),
            Err(LeftOut::LinkLocal)
        );
        assert_eq!(check(&["fe80::/10"], "fe80::1"), Ok(()));
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "239.255.255.250",
            "ff02::1",
            "::ffff:224.0.0.1",
        ] {
            for allow in [&[][..], &["224.0.0.0/3", "0.0.0.0/8", "ff00::/8", "::/128"]] {
                let told = check(allow, address).unwrap_err();
                assert!(matches!(told, LeftOut::Impossible(_)), "{address}: {told}");
            }
        }
        assert_eq!(check(&["10.0.0.0/8"], "10.1.2.3"), Ok(()));
        assert_eq!(check(&["10.0.0.0/8"], "::ffff:10.1.2.3"), Ok(()));
        for address in ["127.0.0.1", "11.0.0.1", "::1"] {
            assert_eq!(
                check(&["10.0.0.0/8"], address),
                Err(LeftOut::NotAllowed),
                "{address}"
            );
        }
    }
}
