//! At rest: limits of a configuration that does not change.

use std::collections::BTreeMap;

use super::{
    clients::Clients,
    yard::{Yard, feeders, limits},
};
use crate::rig::Proxy;

/// The clients of a rush.
pub(super) const CLIENTS: usize = 64;
/// Loads outlive their answers, and gauges are read often.
pub(super) const CONFIG: &str =
    "charge: {lasts: session}\nload: {interval: 20ms, timeout: 1s, stale_after: 2s}\n";

/// Clients were told nothing but that they are booked, that there is no room, and what a substation says of sessions.
pub(super) fn only_refused(told: &BTreeMap<String, usize>) {
    let usual = [
        "200",
        "503 no_capacity",
        "session 200",
        "session 404 not_found",
    ];
    for what in told.keys() {
        assert!(usual.contains(&what.as_str()), "{told:?}");
    }
}

/// A rush in which the named limit is the narrowest.
fn rush([trafo, feeder7, feeder8]: [f64; 3], narrowest: &[&str]) {
    let yard = Yard::start(limits(trafo, feeder7, feeder8));
    let yaml = yard.yaml(&format!("{CONFIG}{}", feeders(trafo, feeder7, feeder8)));
    let proxy = Proxy::ready_from(&yaml);
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.book(1_000);
    only_refused(&clients.end());
    for name in narrowest {
        yard.fill(&proxy, name);
    }
    yard.held();
    yard.agrees(&proxy);
}

#[test]
fn the_parent_of_two_feeders_is_never_over_its_limit_and_is_filled() {
    rush([400.0, 220.0, 200.0], &["trafo"]);
}

#[test]
fn neither_of_two_feeders_is_ever_over_its_limit_and_both_are_filled() {
    rush([600.0, 220.0, 200.0], &["feeder7", "feeder8"]);
}

#[test]
fn substations_below_wide_feeders_are_filled_up_to_their_own_capacity() {
    rush([600.0, 280.0, 320.0], &["s1", "s2", "s3"]);
}
