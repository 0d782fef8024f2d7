//! What the admin port shows.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use switchyard_faults::{
    self as client, Act, Scripted,
    fault::{booked, page},
};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

#[test]
fn ready_is_more_than_live_and_waits_for_a_first_sample() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let substation = Scripted::start(move |head| {
        if !head.starts_with("GET") {
            Act::Write(booked())
        } else if gate.load(SeqCst) {
            Act::Write(page("substation_current_load 3\n"))
        } else {
            Act::Write(page("something_else 1\n"))
        }
    });
    let proxy = Proxy::start_unready(&[substation.address], "load: {interval: 20ms}");
    assert_eq!(proxy.get("/live").status, 200);
    until("a scrape without the gauge", || {
        let missing = "switchyard_load_polls_total{outcome=\"missing\",substation=\"s1\"}";
        (proxy.metric(missing) > 0.0).then_some(())
    });
    assert_eq!(proxy.get("/ready").status, 503);
    open.store(true, SeqCst);
    until("ready", || {
        (proxy.get("/ready").status == 200).then_some(())
    });
}

#[test]
fn a_hung_substation_delays_nobody_elses_samples() {
    let hung = Scripted::start(|_| Act::Hang);
    let works = Substations::start(&[1e6; 3]);
    let mut addresses = works.addresses.clone();
    addresses.push(hung.address);
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms, timeout: 2s}");
    let ok = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}";
    until("twenty rounds", || (proxy.metric(ok) >= 20.0).then_some(()));
    assert!(
        proxy.metric("switchyard_load_polls_total{outcome=\"timeout\",substation=\"s4\"}") <= 1.0
    );
}

#[test]
fn more_hung_substations_than_scrapes_at_once_still_leave_turns_for_the_rest() {
    // Connections to these are made by the system and never answered.
    let hung: Vec<_> = (0..140)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let works = Substations::start(&[1e6]);
    let mut addresses: Vec<_> = hung.iter().map(|h| h.local_addr().unwrap()).collect();
    addresses.extend(&works.addresses);
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms, timeout: 100ms}");
    let ok = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s141\"}";
    until("three turns", || (proxy.metric(ok) >= 3.0).then_some(()));
}

#[test]
fn status_has_every_field_of_the_contract() {
    let substations = Substations::start(&[100.0, 200.0]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 10s, stale_after: 20s}",
    );
    assert_eq!(proxy.charge(r#"{"power_kw": 22}"#).status, 200);
    for path in ["/status", "/get_current_load"] {
        let status = proxy.get(path).json();
        assert_eq!(status["policy"], "least_load");
        assert!(status["config_version"].is_u64());
        let chosen = &status["substations"][1];
        assert_eq!(chosen["name"], "s2");
        assert_eq!(chosen["address"], substations.addresses[1].to_string());
        assert_eq!(chosen["state"], "up");
        assert_eq!(chosen["current_load"], 0.0, "as last sampled");
        assert_eq!(chosen["capacity"], 200.0);
        assert!(chosen["sample_age_seconds"].as_f64().unwrap() < 10.0);
        assert_eq!(chosen["estimated_load"], 22.0);
        assert_eq!(chosen["unseen_load"], 22.0);
        assert_eq!(chosen["in_flight"], 0);
        assert_eq!(chosen["assigned_total"], 1);
    }
}

#[test]
fn config_shows_what_is_in_force() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 250ms}");
    let config = proxy.get("/config").json();
    assert_eq!(config["load"]["interval"], "250ms");
    assert_eq!(config["timeouts"]["request"], "5s", "defaults included");
    assert_eq!(
        config["substations"][0]["address"],
        substations.addresses[0].to_string()
    );
}

#[test]
fn metrics_agree_with_what_was_done() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 10s, stale_after: 20s}",
    );
    for _ in 0..10 {
        assert_eq!(
            proxy
                .charge(r#"{"power_kw": 10, "energy_kwh": 1000}"#)
                .status,
            200
        );
    }
    assert_eq!(proxy.charge("nonsense").status, 400);
    // A request is counted once its answer has left, so the client may look before.
    until("the last request is counted", || {
        (proxy.metric("switchyard_requests_rejected_total{reason=\"invalid_request\"}") == 1.0
            && proxy.metric("switchyard_requests_in_flight") == 0.0)
            .then_some(())
    });
    assert_eq!(
        proxy.metric("switchyard_requests_total{code=\"200\",result=\"booked\"}"),
        10.0
    );
    assert_eq!(
        proxy.metric("switchyard_requests_total{code=\"400\",result=\"invalid\"}"),
        1.0
    );
    assert_eq!(
        proxy.metric("switchyard_requests_rejected_total{reason=\"invalid_request\"}"),
        1.0
    );
    assert_eq!(
        proxy.metric("switchyard_request_duration_seconds_count{result=\"booked\"}"),
        10.0
    );
    for name in ["s1", "s2"] {
        let of =
            |metric: &str| proxy.metric(&format!("switchyard_{metric}substation=\"{name}\"}}"));
        assert_eq!(of("upstream_requests_total{outcome=\"ok\","), 5.0);
        assert_eq!(of("dispatch_decisions_total{reason=\"least_load\","), 5.0);
        assert_eq!(of("upstream_in_flight{"), 0.0);
        assert_eq!(of("substation_estimated_load{"), 50.0);
        assert_eq!(
            of("substation_observed_load{"),
            0.0,
            "as it was sampled at the start"
        );
        assert_eq!(of("substation_state{state=\"up\","), 1.0);
        assert_eq!(of("substation_state{state=\"ejected\","), 0.0);
        assert!(of("load_sample_timestamp_seconds{") > 1.7e9);
    }
    assert_eq!(proxy.metric("switchyard_requests_in_flight"), 0.0);
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

#[test]
fn other_paths_and_methods_are_told_what_there_is() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let answer = proxy.get("/nothing");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    assert!(answer.message().contains("/status"));
    let answer = client::post(proxy.admin, "/status", "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
}
