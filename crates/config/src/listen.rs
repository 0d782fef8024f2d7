//! `listen`: one address, or a list of them.

use super::{tree::Node, values};
use serde::{Serialize, Serializer};
use std::net::SocketAddr;

/// The most addresses to listen on.
pub(super) const MOST_LISTENERS: usize = 16;

/// One address stands for itself.
pub(super) fn show<S: Serializer>(all: &[SocketAddr], to: S) -> Result<S::Ok, S::Error> {
    match all {
        [one] => one.serialize(to),
        all => all.serialize(to),
    }
}

/// One address, or a list of different ones.
pub(super) fn listen(node: &Node) -> Result<Vec<SocketAddr>, String> {
    if !matches!(node, Node::List(_)) {
        return values::address(node).map(|one| vec![one]);
    }
    const EXAMPLE: &str = "listen: [0.0.0.0:8080, \"[::]:8080\"]";
    let mut all = Vec::new();
    for item in values::list(node, EXAMPLE, MOST_LISTENERS)? {
        let address = values::address(&item).map_err(|rule| format!("{}: {rule}", item.shown()))?;
        if address.port() != 0 && all.contains(&address) {
            return Err(format!("{address} is in the list already: remove one"));
        }
        all.push(address);
    }
    Ok(all)
}
