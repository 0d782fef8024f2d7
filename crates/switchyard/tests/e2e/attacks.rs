//! Every known attack, for a second: honest clients are served meanwhile, and memory stays within what the limits allow.
//!
//! `make attack` runs the same for longer, with other proxies beside.

use std::{net::SocketAddr, time::Duration};

use switchyard_faults::hostile::{
    Counts, Honest, OVER_HTTP1, OVER_HTTP2, OVER_TLS, Swarm, Watch, attack, raise_file_limit,
};

use crate::{rig::Proxy, secure::Certificate, substations::Substations};

/// How long each attack runs.
const BRIEF: Duration = Duration::from_secs(1);
/// Honest charges a second.
const RATE: f64 = 40.0;
/// The most memory that an attack may take: `limits.buffered`, and as much for everything else.
const MOST_GROWTH: u64 = 128 << 20;
/// What an honest client may wait for an unoptimised proxy on a machine whose cores also run the attack and other tests.
/// Without the limits it waits until `timeouts.client` or for ever.
const SLOWEST: Duration = Duration::from_secs(3);

/// Connections that are enough to break what has no bound, and few enough for a second.
fn connections(name: &str) -> usize {
    match name {
        // Each frame is cheap to send.
        "settings" | "ping" | "ping-unread" | "priority" | "window-update" | "unknown"
        | "empty-data" | "continuation" | "hpack-bomb" | "rapid-reset" => 2,
        "many-fields" | "too-many-fields" | "tiny-chunks" | "tls-endless-hello" => 4,
        // A hundred requests each: more than all of `limits.requests`, if one client could hold them.
        "closed-window" | "unfinished-bodies" => 15,
        // A megabyte each.
        "slow-reader" | "unfinished-head" => 40,
        _ => 400,
    }
}

/// Runs an attack from one address; returns what it did.
fn withstands(name: &str, proxy: &Proxy, target: SocketAddr, honest: &Honest) -> Counts {
    let watch = Watch::start(proxy.id());
    let before = watch.most();
    let raid = Swarm::new(target, attack(name).unwrap(), connections(name))
        .from_addresses(2, 1)
        .returning()
        .start();
    raid.wait_until_begun();
    let waits = honest.clone().run();
    let counts = raid.end();
    let growth = watch.most() - before;
    assert_eq!(
        waits.failed, 0,
        "{name}: of {} honest charges: {counts:?}",
        waits.sent
    );
    let slowest = waits.quantile(0.99);
    assert!(
        slowest < SLOWEST,
        "{name}: {slowest:?} for an honest charge: {counts:?}"
    );
    assert!(
        growth < MOST_GROWTH,
        "{name}: {growth} bytes more: {counts:?}"
    );
    counts
}

fn proxy(extra: &str) -> (Substations, Proxy) {
    let _ = raise_file_limit();
    let substations = Substations::start(&[1e6, 1e6, 1e6]);
    let proxy = Proxy::start(&substations.addresses, extra);
    (substations, proxy)
}

/// Nothing that a client did is booked against a substation, and nothing panicked.
fn nobody_innocent_is_blamed(name: &str, proxy: &Proxy) {
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0, "{name}");
    for substation in proxy.status()["substations"].as_array().unwrap() {
        assert_eq!(substation["state"], "up", "{name}: {substation}");
    }
}

#[test]
fn over_http1_no_attack_takes_much_memory_or_stops_honest_clients() {
    for name in OVER_HTTP1 {
        let (_substations, proxy) = proxy("");
        let honest = Honest::new(proxy.charge, RATE, BRIEF);
        let counts = withstands(name, &proxy, proxy.charge, &honest);
        nobody_innocent_is_blamed(name, &proxy);
        match name {
            // What is too large is answered, and the connection ends.
            "unfinished-head" | "too-many-fields" => {
                assert!(counts.statuses.contains_key(&431), "{name}: {counts:?}");
            }
            "many-fields" => assert!(counts.statuses.contains_key(&200), "{name}: {counts:?}"),
            _ => {}
        }
    }
}

#[test]
fn over_http2_no_attack_takes_much_memory_or_stops_honest_clients() {
    /// The code of `ENHANCE_YOUR_CALM`.
    const CALM: u32 = 11;
    for name in OVER_HTTP2 {
        let (_substations, proxy) = proxy("http2: {cleartext: true}\nlimits: {requests: 1000}");
        let honest = Honest::new(proxy.charge, RATE, BRIEF);
        let counts = withstands(name, &proxy, proxy.charge, &honest);
        nobody_innocent_is_blamed(name, &proxy);
        let is_flood = [
            "settings",
            "ping",
            "priority",
            "window-update",
            "unknown",
            "empty-data",
        ];
        if is_flood.contains(&name) {
            assert!(counts.goaways.contains_key(&CALM), "{name}: {counts:?}");
        }
    }
}

#[test]
fn over_tls_no_attack_takes_much_memory_or_stops_honest_clients() {
    for name in OVER_TLS {
        let certificate = Certificate::new();
        let (_substations, proxy) = proxy(&certificate.yaml());
        let honest = Honest::new(proxy.charge, RATE, BRIEF).over(certificate.client(&[]));
        withstands(name, &proxy, proxy.charge, &honest);
        nobody_innocent_is_blamed(name, &proxy);
    }
}

#[test]
fn at_the_admin_port_no_attack_takes_much_memory_or_stops_honest_clients() {
    for name in [
        "idle",
        "unfinished-head",
        "slow-head",
        "unfinished-body",
        "slow-reader",
    ] {
        let (_substations, proxy) = proxy("");
        let honest = Honest::new(proxy.charge, RATE, BRIEF);
        withstands(name, &proxy, proxy.admin, &honest);
        nobody_innocent_is_blamed(name, &proxy);
    }
}
