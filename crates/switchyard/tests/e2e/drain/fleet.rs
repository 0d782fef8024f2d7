//! Drains that two proxies share in a real store.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use switchyard_faults::RedisServer;

use super::{drained, order};
use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// Every change is in force on all proxies within this time.
const SOON: Duration = Duration::from_secs(1);

fn start(substations: &[SocketAddr], store: &RedisServer) -> Proxy {
    Proxy::start(
        substations,
        &format!("fleet: {{store: \"{}\"}}", store.store()),
    )
}

fn store_is(proxy: &Proxy, state: &str) {
    until(state, || {
        (proxy.status()["fleet"] == json!({"store": state})).then_some(())
    });
}

/// Waits until it is, and asserts that this was within a second of `since`.
fn is_drained(proxy: &Proxy, name: &str, is_draining: bool, since: Instant) -> Value {
    let drain = until("the change", || {
        let drain = drained(proxy, name);
        ((drain != Value::Null) == is_draining).then_some(drain)
    });
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    drain
}

fn charged(proxy: &Proxy, name: &str) -> usize {
    let all = (0..20).map(|_| proxy.charge(""));
    all.filter(|answer| {
        assert_eq!(answer.status, 200);
        answer.header("x-substation") == Some(name)
    })
    .count()
}

#[test]
fn a_command_through_any_proxy_drains_for_all_and_survives_them() {
    let substations = Substations::start(&[1e6; 2]);
    let store = RedisServer::start();
    let both = || [(); 2].map(|()| start(&substations.addresses, &store));
    let [first, second] = both();
    for proxy in [&first, &second] {
        store_is(proxy, "up");
    }
    let begun = Instant::now();
    let answer = order(&first, "s1/drain", r#"{"reason": "new roof"}"#);
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(
        answer.json()["state"],
        "draining",
        "in force when it answers"
    );
    let drain = is_drained(&second, "s1", true, begun);
    assert_eq!(drain, answer.json()["drain"]);
    assert_eq!(
        (&drain["reason"], &drain["local"]),
        (&json!("new roof"), &json!(false))
    );
    let by = drain["by"].as_str().unwrap();
    assert!(by.starts_with("operator at 127.0.0.1 through "), "{by}");
    assert!(by.ends_with(&format!(":{}", first.admin.port())), "{by}");
    let line = second.logged("Substation is draining: it gets no new sessions");
    assert!(
        line.contains("new roof") && line.contains("through"),
        "{line}"
    );
    for proxy in [&first, &second] {
        assert_eq!(charged(proxy, "s1"), 0);
        assert_eq!(proxy.metric("switchyard_drains{source=\"fleet\"}"), 1.0);
    }
    // Who was first stays.
    for again in ["", r#"{"reason": "new roof"}"#] {
        assert_eq!(order(&second, "s1/drain", again).json()["drain"], drain);
    }
    let answer = order(&second, "s1/undrain?local=true", "");
    assert_eq!(answer.code(), "invalid_request");
    let message = answer.json()["error"]["message"].to_string();
    assert!(message.contains("in the whole fleet"), "{message}");

    drop((first, second));
    let [first, second] = both();
    for proxy in [&first, &second] {
        let begun = Instant::now();
        assert_eq!(is_drained(proxy, "s1", true, begun), drain);
        assert_eq!(charged(proxy, "s1"), 0);
    }
    let begun = Instant::now();
    let answer = order(&second, "s1/undrain", "");
    assert_eq!(answer.json()["state"], "up");
    is_drained(&first, "s1", false, begun);
    for proxy in [&first, &second] {
        assert!(charged(proxy, "s1") > 0);
    }
    first.logged("Substation is no longer draining");
}

#[test]
fn a_local_drain_stays_with_one_proxy_and_an_undrain_there_ends_both() {
    let substations = Substations::start(&[1e6; 2]);
    let store = RedisServer::start();
    let [first, second] = [(); 2].map(|()| start(&substations.addresses, &store));
    for proxy in [&first, &second] {
        store_is(proxy, "up");
    }
    let answer = order(&first, "s1/drain?local=true", "");
    assert_eq!(answer.json()["drain"]["local"], true);
    // What is sent after it arrives, and the other has heard nothing of s1.
    let begun = Instant::now();
    assert_eq!(order(&first, "s2/drain", "").status, 200);
    is_drained(&second, "s2", true, begun);
    assert_eq!(drained(&second, "s1"), Value::Null);
    assert_eq!(order(&second, "s2/undrain", "").status, 200);
    assert!(charged(&second, "s1") > 0 && charged(&second, "s2") > 0);
    is_drained(&first, "s2", false, Instant::now());
    assert_eq!(charged(&first, "s1"), 0);

    assert_eq!(order(&second, "s1/drain", "").status, 200);
    is_drained(&first, "s1", true, Instant::now());
    let answer = order(&first, "s1/undrain", "");
    assert_eq!(
        answer.json()["drain"],
        Value::Null,
        "its own and the fleet's"
    );
    is_drained(&second, "s1", false, Instant::now());
}

#[test]
fn without_its_store_a_fleet_keeps_its_drains_and_takes_local_commands_alone() {
    let substations = Substations::start(&[1e6; 3]);
    let mut store = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let proxy = start(&substations.addresses, &store);
    store_is(&proxy, "up");
    assert_eq!(
        order(&proxy, "s1/drain", r#"{"reason": "new roof"}"#).status,
        200
    );
    store.kill();
    store_is(&proxy, "down");
    assert_eq!(drained(&proxy, "s1")["reason"], "new roof");
    assert_eq!(charged(&proxy, "s1"), 0);
    for path in ["s2/drain", "s1/undrain", "s2/undrain"] {
        let before = proxy.status()["substations"].clone();
        let answer = order(&proxy, path, "");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "store_unavailable")
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains("?local=true"), "{message}");
        for (was, is) in before
            .as_array()
            .unwrap()
            .iter()
            .zip(proxy.status()["substations"].as_array().unwrap())
        {
            assert_eq!(was["drain"], is["drain"], "{path}");
        }
    }
    assert_eq!(order(&proxy, "s2/drain?local=true", "").status, 200);
    assert_eq!(charged(&proxy, "s3"), 20);
    // A proxy that starts now gets ready, and knows nothing of the fleet.
    let other = start(&substations.addresses, &store);
    store_is(&other, "down");
    assert_eq!(drained(&other, "s1"), Value::Null);
    store.start_again();
    for proxy in [&proxy, &other] {
        store_is(proxy, "up");
        is_drained(proxy, "s1", true, Instant::now());
    }
    assert_eq!(drained(&other, "s2"), Value::Null);
    assert_eq!(order(&proxy, "s2/undrain?local=true", "").status, 200);
    assert_eq!(order(&other, "s1/undrain", "").status, 200);
    is_drained(&proxy, "s1", false, Instant::now());
}

#[test]
fn what_others_write_to_the_store_drains_and_is_shown_as_one_line() {
    let substations = Substations::start(&[1e6; 2]);
    let store = RedisServer::start();
    let proxy = start(&substations.addresses, &store);
    store_is(&proxy, "up");
    for (value, by) in [
        ("garbage", "unknown"),
        (
            r#"{"by": "a\nb", "at": 7, "reason": "x\u001b[2J"}"#,
            "a\u{fffd}b",
        ),
    ] {
        store.ask(["hset", "switchyard:drains", "s1", value]);
        until("it is drained", || {
            (drained(&proxy, "s1")["by"] == by).then_some(())
        });
    }
    store.ask(["hset", "switchyard:drains", "not listed anywhere", "{}"]);
    proxy.logged("Drain ordered for a substation that is not listed here");
    assert_eq!(charged(&proxy, "s1"), 0);
    let gone = order(&proxy, "not%20listed%20anywhere/undrain", "");
    assert_eq!(
        gone.json(),
        json!({"name": "not listed anywhere", "drain": null})
    );
    assert_eq!(store.ask(["hlen", "switchyard:drains"]), "1");
}
