//! Drains by the configuration and by labels of discovery, and what reloads do to drains by command.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{drained, order};
use crate::{
    rig::{Proxy, replace, until, yaml},
    substations::Substations,
};

/// The configuration with these substations, each as it is listed.
fn listed(substations: &[String]) -> String {
    let all: Vec<_> = substations
        .iter()
        .map(|one| format!("  - {{{one}}}\n"))
        .collect();
    let all = all.concat();
    yaml(&[], "").replace("substations:\n", &format!("substations:\n{all}"))
}

fn one(name: &str, address: SocketAddr, rest: &str) -> String {
    format!("name: {name}, address: \"{address}\"{rest}")
}

fn reload(proxy: &Proxy, text: &str) -> Value {
    replace(proxy.files.path().join("switchyard.yaml"), text);
    let answer = switchyard_faults::post(proxy.admin, "/reload", "");
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// No new session goes to `name`: all of several charges go elsewhere.
fn is_out(proxy: &Proxy, name: &str) {
    for _ in 0..10 {
        let answer = proxy.charge("");
        assert_eq!(answer.status, 200);
        assert_ne!(answer.header("x-substation"), Some(name));
    }
}

fn comes_in(proxy: &Proxy, name: &str) {
    until("a charge for it", || {
        (proxy.charge("").header("x-substation") == Some(name)).then_some(())
    });
}

#[test]
fn what_the_configuration_drains_ends_with_its_key_and_with_no_command() {
    let substations = Substations::start(&[1e6; 2]);
    let [a, b] = substations.addresses[..] else {
        panic!()
    };
    let drain = listed(&[
        one("s1", a, ", drain: true"),
        one("s2", b, ", drain: false"),
    ]);
    let plain = listed(&[one("s1", a, ""), one("s2", b, "")]);
    let proxy = Proxy::ready_from(&drain);
    let drain_of = |name| drained(&proxy, name);
    assert_eq!(drain_of("s1")["by"], "configuration");
    assert_eq!(drain_of("s1")["local"], false);
    assert_eq!(drain_of("s2"), Value::Null);
    is_out(&proxy, "s1");
    for path in ["s1/undrain", "s1/undrain?local=true"] {
        let answer = order(&proxy, path, "");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request")
        );
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains("substations[].drain"), "{message}");
    }
    // A command beside it counts once the key is gone, and the key is what is shown until then.
    let both = order(&proxy, "s1/drain", r#"{"reason": "new roof"}"#);
    assert_eq!(both.json()["drain"]["by"], "configuration");
    let since = drain_of("s1")["at"].clone();
    reload(&proxy, &(drain.clone() + "policy: random\n"));
    assert_eq!(drain_of("s1")["at"], since);
    let report = reload(&proxy, &plain);
    if report["changes"] != json!([]) {
        assert!(
            report["changes"]
                .to_string()
                .contains("substation s1: no longer drained")
        );
    }
    assert_eq!(drain_of("s1")["reason"], "new roof");
    is_out(&proxy, "s1");
    assert_eq!(order(&proxy, "s1/undrain", "").json()["state"], "up");
    comes_in(&proxy, "s1");
    // And without a command.
    reload(&proxy, &drain);
    is_out(&proxy, "s1");
    assert_eq!(
        proxy.metric("switchyard_drains{source=\"configuration\"}"),
        1.0
    );
    reload(&proxy, &plain);
    assert_eq!(drain_of("s1"), Value::Null);
    comes_in(&proxy, "s1");
    proxy.logged("Substation is no longer draining");
}

#[test]
fn a_label_of_discovery_drains_and_a_wrong_one_changes_nothing() {
    let substations = Substations::start(&[1e6; 2]);
    let targets = |drain: Value| {
        let [a, b] = substations.addresses[..] else {
            panic!()
        };
        let mut first = json!({"name": "s1"});
        if drain != Value::Null {
            first["drain"] = drain;
        }
        let first = json!({"targets": [a.to_string()], "labels": first});
        json!([first, {"targets": [b.to_string()], "labels": {"name": "s2"}}]).to_string()
    };
    let text = "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nthreads: 1\ndiscovery: {file_sd: [targets.json]}\n";
    let proxy = Proxy::launch_beside(text, &[("targets.json", &targets(json!("true")))]);
    proxy.wait_until_ready();
    let write = |drain: Value| {
        replace(proxy.files.path().join("targets.json"), targets(drain));
    };
    assert_eq!(drained(&proxy, "s1")["by"], "discovery");
    is_out(&proxy, "s1");
    let answer = order(&proxy, "s1/undrain", "");
    let message = answer.json()["error"]["message"].to_string();
    assert!(
        message.contains("by the label drain of its target"),
        "{message}"
    );
    write(Value::Null);
    until("it is undrained", || {
        (drained(&proxy, "s1") == Value::Null).then_some(())
    });
    comes_in(&proxy, "s1");
    for (wrong, right) in [("yes", "true"), ("", "true"), ("nonsense", "false")] {
        write(json!(wrong));
        if !wrong.is_empty() {
            let line = proxy.logged("Discovery source failed");
            assert!(line.contains("must be true or false"), "{line}");
        }
        write(json!(right));
        until("what it says now", || {
            ((drained(&proxy, "s1") != Value::Null) == (right == "true")).then_some(())
        });
    }
}

#[test]
fn a_drain_stays_with_the_name_through_absence_and_a_move() {
    let substations = Substations::start(&[1e6; 3]);
    let [a, b, c] = substations.addresses[..] else {
        panic!()
    };
    let with = |others: &[String]| {
        let mut all = vec![one("s2", b, "")];
        all.extend_from_slice(others);
        listed(&all)
    };
    let proxy = Proxy::ready_from(&with(&[one("s1", a, "")]));
    order(&proxy, "s1/drain", r#"{"reason": "new roof"}"#);
    reload(&proxy, &with(&[one("s1", c, "")]));
    assert_eq!(drained(&proxy, "s1")["reason"], "new roof", "it has moved");
    is_out(&proxy, "s1");
    reload(&proxy, &with(&[]));
    let answer = order(&proxy, "s1/drain", "");
    assert_eq!(answer.code(), "not_found", "it is not listed");
    reload(&proxy, &with(&[one("s1", a, "")]));
    assert_eq!(drained(&proxy, "s1")["reason"], "new roof", "it is back");
    reload(&proxy, &with(&[]));
    let answer = order(&proxy, "s1/undrain", "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"name": "s1", "drain": null}));
    assert_eq!(order(&proxy, "s1/undrain", "").code(), "not_found");
    reload(&proxy, &with(&[one("s1", a, "")]));
    assert_eq!(drained(&proxy, "s1"), Value::Null);
    comes_in(&proxy, "s1");
}
