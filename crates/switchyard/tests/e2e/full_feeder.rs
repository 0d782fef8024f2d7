//! A feeder that is full while others have room: what its clients hear, and that no header leads past its limit.

use std::net::SocketAddr;

use switchyard_faults::{self as client, Answer, Scripted, fault};

use substation::Config;

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// A proxy before substations s1, s2, … with these keys besides, once it has a sample of each.
fn start(addresses: &[SocketAddr], keys: &[&str], extra: &str) -> Proxy {
    let listed: Vec<_> = (1..)
        .zip(addresses.iter().zip(keys))
        .map(|(at, (address, keys))| {
            format!("  - {{name: s{at}, address: \"{address}\", {keys}}}\n")
        })
        .collect();
    let listed = listed.concat();
    Proxy::ready_from(&format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\nsubstations:\n{listed}{extra}\n"
    ))
}

fn charge(proxy: &Proxy, headers: &str, body: &str) -> Answer {
    let headers = format!("{headers}connection: close\r\n");
    let request = client::request("POST", "/request_charge", &headers, body);
    client::raw(proxy.charge, request)
}

const TREE: &str = "feeders: [{name: trafo, capacity: 1000}, {name: feeder7, parent: trafo, capacity: 30}, {name: feeder8, parent: trafo}]\n";

#[test]
fn a_full_feeder_under_a_half_empty_grid_is_named_and_promises_when_its_own_session_ends() {
    // An hour of charging takes 40 s.
    let substations = Substations::of((1..=3).map(|at| Config {
        time_scale: 90.0,
        ..Config::new(format!("s{at}"), 500.0)
    }));
    let keys = [
        "feeder: feeder7, labels: {zone: near}",
        "feeder: feeder7, labels: {zone: near}",
        "feeder: feeder8, labels: {zone: far}",
    ];
    let select = format!("{TREE}select: {{zone: {{header: x-zone}}}}\n");
    let proxy = start(&substations.addresses, &keys, &select);
    let zone = |zone: &str, hours: f64| {
        let body = format!(r#"{{"power_kw": 11, "energy_kwh": {}}}"#, 11.0 * hours);
        charge(&proxy, &format!("x-zone: {zone}\r\n"), &body)
    };
    // Sessions elsewhere end at once and in 10 s, those under the feeder in 40 s and 80 s.
    for (name, hours) in [("far", 0.025), ("far", 0.25), ("near", 1.0), ("near", 2.0)] {
        assert_eq!(zone(name, hours).status, 200);
    }
    let hints = [1.0, 1.25, 1.5].map(|hours| {
        let full = zone("near", hours);
        assert_eq!((full.status, full.code().as_str()), (503, "no_capacity"));
        assert_eq!(full.json()["error"]["limit"], "feeder7");
        let message = full.message();
        assert!(message.contains("feeder7 has 8 of 30 kW left"), "{message}");
        full.header("retry-after").unwrap().parse::<u64>().unwrap()
    });
    assert!((35..=43).contains(&hints[0]), "{hints:?}");
    assert!(
        (75..=84).contains(&hints[1]),
        "the room after the first: {hints:?}"
    );
    assert!(hints[2] > hints[0], "{hints:?}");
    assert_eq!(zone("far", 1.0).status, 200);
    assert_eq!(charge(&proxy, "", "").header("x-substation"), Some("s3"));
    // More than the feeder can ever bear.
    let large = charge(&proxy, "x-zone: near\r\n", r#"{"power_kw": 31}"#);
    assert_eq!(
        (large.status, large.code().as_str()),
        (422, "too_large_load")
    );
    assert_eq!(large.json()["error"]["limit"], "feeder7");
    assert!(
        large
            .message()
            .contains("the largest capacity is 30, that of feeder7"),
        "{}",
        large.message()
    );
    // Each candidate's level that binds is named; not every choice is recorded.
    let bindings = until("a choice under the feeder", || {
        let small = charge(&proxy, "x-zone: near\r\n", r#"{"power_kw": 0.001}"#);
        assert_eq!(small.status, 200);
        let decisions = proxy.get("/decisions").json();
        let decisions = decisions["decisions"].as_array().unwrap();
        let candidates = decisions
            .iter()
            .flat_map(|one| one["candidates"].as_array().unwrap());
        let names = candidates.map(|one| one["binding"].as_str().unwrap().to_owned());
        let names: Vec<_> = names.collect();
        names.iter().any(|name| name == "feeder7").then_some(names)
    });
    let levels = ["feeder7", "trafo", "s3"];
    assert!(
        bindings.iter().all(|name| levels.contains(&name.as_str())),
        "{bindings:?}"
    );
}

#[test]
fn no_possible_holder_of_a_key_leads_past_a_feeders_limit() {
    let breaks = Scripted::charging(fault::reset);
    let proxy = start(&[breaks.address], &[""], "");
    let unsure = charge(&proxy, "idempotency-key: k\r\n", "");
    let sign = unsure.header("x-possible-holder").unwrap().to_owned();

    let substations = Substations::start(&[1e6, 1e6]);
    for queue in ["", "admission: {queue: 10, timeout: 300ms}\n"] {
        let extra = format!("feeders: [{{name: feeder7, capacity: 30}}]\n{queue}");
        let proxy = start(
            &substations.addresses,
            &["feeder: feeder7", "capacity: 1e6"],
            &extra,
        );
        let before = substations.started();
        let named = |key: u64| {
            let headers = format!("idempotency-key: k{key}\r\nx-possible-holder: {sign}\r\n");
            charge(&proxy, &headers, r#"{"power_kw": 11, "energy_kwh": 50}"#)
        };
        // Room under the feeder is for what is there already, and for the rest of 30 kW.
        let left = 2 - before[0];
        for key in 0..left {
            assert_eq!(named(key).header("x-substation"), Some("s1"));
        }
        for key in 100..110 {
            let full = named(key);
            assert_eq!(
                (full.status, full.code().as_str()),
                (503, "no_capacity"),
                "{queue}"
            );
            assert_eq!(full.json()["error"]["limit"], "feeder7");
            assert_eq!(full.header("x-possible-holder"), Some(sign.as_str()));
        }
        assert_eq!(substations.started(), [2, 0], "and no other is asked");
    }
}
