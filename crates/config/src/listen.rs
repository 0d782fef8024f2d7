//! `listen`: one address, or a list of them.

use super::{tree::Node, values};
use serde::{Serialize, Serializer};
use std::net::SocketAddr;

/// The most addresses to listen on: with the admin port, as many sockets as an upgrade hands over.
pub(super) const MOST_LISTENERS: usize = 15;

/// One address stands for itself.
pub(super) fn show<S: Serializer>(all: &[SocketAddr], to: S) -> Result<S::Ok, S::Error> {
    match all {
        [one] => one.serialize(to),
        all => all.serialize(to),
    }
}

/// One address, or a list of addresses that can all be listened on.
pub(super) fn listen(node: &Node) -> Result<Vec<SocketAddr>, String> {
    const EXAMPLE: &str = "listen: [0.0.0.0:8080, \"[::]:8080\"]";
    if !matches!(node, Node::List(_)) {
        return values::address(node).map(|one| vec![one]);
    }
    let mut all = Vec::<SocketAddr>::new();
    for item in values::list(node, EXAMPLE, MOST_LISTENERS)? {
        let address = values::address(&item).map_err(|rule| format!("{}: {rule}", item.shown()))?;
        match all.iter().find(|other| clash(**other, address)) {
            Some(other) if *other == address => {
                return Err(format!("{address} is in the list twice: remove one"));
            }
            Some(other) => {
                return Err(format!(
                    "{address} needs the same port of the same interface as {other}: remove one"
                ));
            }
            None => all.push(address),
        }
    }
    Ok(all)
}

/// Whether two addresses of the list need the same port of the same interface. `[::]` leaves IPv4 to an address that is
/// listed beside it.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let (a_ip, b_ip) = (a.ip().to_canonical(), b.ip().to_canonical());
    let is_same_family = a_ip.is_ipv4() == b_ip.is_ipv4();
    a.port() != 0
        && a.port() == b.port()
        && (a_ip == b_ip || is_same_family && (a_ip.is_unspecified() || b_ip.is_unspecified()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_clash_if_the_system_could_not_bind_both() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (one, other, is_clash) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("0.0.0.0:1", "[::]:1", false),
            ("10.0.0.1:1", "[::]:1", false),
            ("[::1]:1", "[::]:1", true),
            ("[::1]:1", "[::2]:1", false),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1", true),
            ("0.0.0.0:0", "0.0.0.0:0", false),
        ] {
            let (a, b) = (address(one), address(other));
            assert_eq!(
                (clash(a, b), clash(b, a)),
                (is_clash, is_clash),
                "{one} {other}"
            );
        }
    }
}
