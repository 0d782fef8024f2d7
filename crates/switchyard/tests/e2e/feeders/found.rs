//! Substations whose feeder comes from discovery: files of targets, and an HTTP server.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use switchyard_faults::{Act, Scripted, fault::answer};

use super::{
    clients::Clients,
    held::{CLIENTS, CONFIG, only_refused},
    yard::{Yard, feeders, limits},
};
use crate::rig::{Proxy, replace, until};

fn targets(yard: &Yard, on: [&str; 3]) -> Value {
    let all = yard.addresses().into_iter().zip(on).enumerate();
    all.map(|(at, (address, feeder))| {
        json!({"targets": [address.to_string()], "labels": {"name": format!("s{}", at + 1), "feeder": feeder, "zone": "a"}})
    })
    .collect()
}

fn base(discovery: &str) -> String {
    let feeders = feeders(400.0, 220.0, 200.0);
    format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\ndiscovery: {discovery}\n{CONFIG}{feeders}"
    )
}

fn feeder_of(proxy: &Proxy, at: usize) -> Value {
    proxy.status()["substations"][at]["feeder"].clone()
}

/// Under traffic s2 moves to the other feeder and back by its label, and a label that names no feeder changes nothing.
fn moves(yard: &Yard, proxy: &Proxy, write: impl Fn(&Value), is_failed: impl Fn() -> bool) {
    proxy.wait_until_ready();
    until("all", || (feeder_of(proxy, 2) == "feeder8").then_some(()));
    let clients = Clients::start(CLIENTS, yard, &[proxy]);
    clients.book(200);
    let mut moved = limits(400.0, 220.0, 200.0);
    moved[1].1 = vec![0];
    moved[2].1 = vec![1, 2];
    for (feeder, limits) in [("feeder8", moved), ("feeder7", limits(400.0, 220.0, 200.0))] {
        yard.book().announce(limits);
        write(&targets(yard, ["feeder7", feeder, "feeder8"]));
        until("moved", || (feeder_of(proxy, 1) == feeder).then_some(()));
        yard.book().in_force();
        clients.book(150);
        yard.held();
    }
    write(&targets(yard, ["feeder7", "feeder99", "feeder8"]));
    until("refused", || is_failed().then_some(()));
    assert_eq!(
        feeder_of(proxy, 1),
        "feeder7",
        "the last good answer stands"
    );
    clients.book(50);
    only_refused(&clients.end());
    write(&targets(yard, ["feeder7", "feeder7", "feeder8"]));
    yard.fill(proxy, "trafo");
    yard.held();
    yard.agrees(proxy);
    assert_eq!(
        proxy.status()["substations"][0]["labels"],
        json!({"zone": "a"})
    );
}

fn failed(proxy: &Proxy, source: &str) -> bool {
    let series =
        format!("switchyard_discovery_refreshes_total{{outcome=\"failed\",source=\"{source}\"}}");
    proxy.metric(&series) > 0.0
}

#[test]
fn a_label_in_a_file_of_targets_puts_a_substation_on_a_feeder() {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let first = targets(&yard, ["feeder7", "feeder7", "feeder8"]);
    let proxy = Proxy::launch_beside(
        &base("{file_sd: [targets.json]}"),
        &[("targets.json", &first.to_string())],
    );
    let write = |value: &Value| {
        replace(proxy.files.path().join("targets.json"), value.to_string());
    };
    moves(&yard, &proxy, write, || {
        failed(&proxy, "file_sd:targets.json")
    });
}

#[test]
fn a_label_from_an_http_server_puts_a_substation_on_a_feeder() {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let now = Arc::new(Mutex::new(targets(
        &yard,
        ["feeder7", "feeder7", "feeder8"],
    )));
    let shown = Arc::clone(&now);
    let server =
        Scripted::start(move |_| Act::Write(answer("200 OK", &shown.lock().unwrap().to_string())));
    let url = format!("http://{}/targets", server.address);
    let discovery = format!("{{http_sd: [{{url: \"{url}\", refresh: 100ms}}]}}");
    let proxy = Proxy::start_from(&base(&discovery));
    let write = |value: &Value| *now.lock().unwrap() = value.clone();
    moves(&yard, &proxy, write, || {
        failed(&proxy, &format!("http_sd:{url}"))
    });
}
