//! Feeders that the file lists and that a discovery names, each changed without the other.

use serde_json::{Value, json};
use switchyard_faults as client;

use crate::rig::{Proxy, replace, until};

const BASE: &str = "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nthreads: 1\n\
    load: {interval: 10m, stale_after: 1h, timeout: 1s}\ndiscovery: {file_sd: [targets.json]}\n";

fn config(feeders: &str) -> String {
    format!("{BASE}feeders: [{feeders}]\n")
}

fn target(feeder: &str) -> String {
    let labels = json!({"name": "n", "feeder": feeder});
    json!([{"targets": ["127.0.0.1:9"], "labels": labels}]).to_string()
}

fn start(feeders: &str, named: &str) -> Proxy {
    Proxy::launch_beside(&config(feeders), &[("targets.json", &target(named))])
}

fn start_with_one(feeder: &str, feeders: &str) -> Proxy {
    let proxy = start(feeders, feeder);
    until("the substation is there", || {
        let status = proxy.status();
        (status["substations"].as_array().unwrap().len() == 1).then_some(())
    });
    proxy
}

/// Replaces a file beside the configuration, or the configuration.
fn put(proxy: &Proxy, name: &str, text: &str) {
    replace(proxy.files.path().join(name), text);
}

fn reload(proxy: &Proxy) -> (u16, Value) {
    let answer = client::post(proxy.admin, "/reload", "");
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn failures(proxy: &Proxy) -> f64 {
    proxy.metric(
        "switchyard_discovery_refreshes_total{outcome=\"failed\",source=\"file_sd:targets.json\"}",
    )
}

#[test]
fn a_feeder_that_discovery_names_stays_until_discovery_names_another() {
    let proxy = start_with_one("f7", "{name: f7}, {name: f8}");
    put(&proxy, "switchyard.yaml", &config("{name: f8}"));
    let refused = "feeders: file_sd:targets.json: n names the feeder f7, which is not one of `feeders`: \
                   change it there first";
    let (status, told) = reload(&proxy);
    assert_eq!((status, &told["faults"]), (422, &json!([refused])));
    // Nothing else has to be said: the reload is applied once it can be.
    put(&proxy, "targets.json", &target("f8"));
    let line = proxy.logged("feeder f7 removed");
    assert!(line.contains("substation n: feeder f7 → f8"), "{line}");
    assert_eq!(reload(&proxy).0, 200);
}

#[test]
fn a_feeder_and_what_names_it_may_be_replaced_in_any_order() {
    for is_file_first in [true, false] {
        let proxy = start_with_one("f7", "{name: f7}");
        let file = config("{name: f9}");
        if is_file_first {
            put(&proxy, "switchyard.yaml", &file);
            assert_eq!(reload(&proxy).0, 422);
            put(&proxy, "targets.json", &target("f9"));
        } else {
            let before = failures(&proxy);
            put(&proxy, "targets.json", &target("f9"));
            until("refused", || (failures(&proxy) > before).then_some(()));
            put(&proxy, "switchyard.yaml", &file);
        }
        let line = proxy.logged("feeder f7 removed");
        for change in ["substation n: feeder f7 → f9", "feeder f9 added"] {
            assert!(line.contains(change), "{line}");
        }
        assert!(!line.contains("drained"), "{line}");
    }
}

#[test]
fn an_unknown_feeder_at_the_start_waits_for_the_file() {
    let proxy = start("{name: f7}", "f9");
    proxy.logged("n names the feeder f9, which is not one of `feeders`");
    proxy.logged("Feeders without a substation below them limit nothing feeders=\"f7\"");
    put(&proxy, "switchyard.yaml", &config("{name: f7}, {name: f9}"));
    proxy.logged("feeder f9 added");
    let line = proxy.logged("substation n (127.0.0.1:9) added");
    assert!(
        line.contains("Substations updated from discovery"),
        "{line}"
    );
}
