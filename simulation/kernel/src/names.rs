//! What names of machines stand for.

use std::{collections::BTreeMap, net::Ipv4Addr};

/// Names and the addresses that they stand for now.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, Vec<Ipv4Addr>>);

impl Names {
    pub(crate) fn set(&mut self, host: &str, addresses: Vec<Ipv4Addr>) {
        self.0.insert(host.to_ascii_lowercase(), addresses);
    }

    /// The addresses; none if there is no such name.
    pub(crate) fn get(&self, host: &str) -> Vec<Ipv4Addr> {
        if host.eq_ignore_ascii_case("localhost") {
            return vec![Ipv4Addr::LOCALHOST];
        }
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        self.0.get(&host).cloned().unwrap_or_default()
    }
}
