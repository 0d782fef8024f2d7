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
fn ready_is_more_than_live_and_waits_until_every_substation_was_asked() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let slow = Scripted::start(move |head| {
        until("the gate", || {
            (!head.starts_with("GET") || gate.load(SeqCst)).then_some(())
        });
        Act::Write(page("something_else 1\n"))
    });
    let works = Scripted::working("3");
    let proxy = Proxy::start_unready(
        &[works.address, slow.address],
        "load: {interval: 20ms, timeout: 20s}",
    );
    assert_eq!(proxy.get("/live").status, 200);
    until("a sample of the other", || {
        let ok = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}";
        (proxy.metric(ok) > 0.0).then_some(())
    });
    let unready = proxy.get("/ready");
    assert_eq!(
        (unready.status, unready.code().as_str()),
        (503, "not_ready")
    );
    assert!(String::from_utf8_lossy(&unready.body).contains("asked"));
    open.store(true, SeqCst);
    proxy.wait_until_ready();
}

#[test]
fn ready_although_every_gauge_is_silent_and_charges_go_on() {
    type Gauge = fn() -> Act;
    let silent: [(&str, Gauge); 4] = [
        ("missing", || Act::Write(page("something_else 1\n"))),
        ("parse", || {
            Act::Write(page("substation_current_load NaN\n"))
        }),
        ("status", || {
            Act::Write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec())
        }),
        ("timeout", || Act::Hang),
    ];
    for (outcome, gauge) in silent {
        let all = [(); 2].map(|()| {
            Scripted::start(move |head| {
                if head.starts_with("GET") {
                    gauge()
                } else {
                    Act::Write(booked())
                }
            })
        });
        let addresses: Vec<_> = all.iter().map(|one| one.address).collect();
        let proxy = Proxy::start(&addresses, "load: {interval: 50ms, timeout: 50ms}");
        for name in ["s1", "s2"] {
            let polls = format!(
                "switchyard_load_polls_total{{outcome=\"{outcome}\",substation=\"{name}\"}}"
            );
            // Where the machine is slow, a round before it may have ended in another way.
            until(&polls, || (proxy.metric(&polls) > 0.0).then_some(()));
        }
        for _ in 0..10 {
            assert_eq!(proxy.charge("").status, 200, "{outcome}");
        }
        assert_eq!(
            all.map(|one| one.charges().len()),
            [5, 5],
            "{outcome}: evenly"
        );
    }
}

#[test]
fn without_a_token_only_names_of_this_machine_are_answered() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let port = proxy.admin.port();
    let ask = |method: &str, path: &str, host: &str| {
        // As the page of a site asks whose name leads to this machine: to a browser it is of the same origin.
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\nconnection: close\r\n\r\n"
        );
        client::raw(proxy.admin, request)
    };
    let commands = [
        ("POST", "/reload"),
        ("POST", "/substations/s1/drain"),
        ("POST", "/substations/s1/undrain"),
    ];
    let pages = [
        "/",
        "/page/main.js",
        "/events",
        "/status",
        "/metrics",
        "/config",
        "/decisions",
        "/history",
        "/live",
        "/ready",
        "/nowhere",
    ];
    let pages = pages.map(|path| ("GET", path));
    for host in [
        "evil.example",
        "evil.example:9901",
        "127.0.0.1.evil.example",
    ] {
        for (method, path) in commands.into_iter().chain(pages) {
            let answer = ask(method, path, host);
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "forbidden"),
                "{method} {path} of {host:?}"
            );
            assert!(answer.message().contains("admin.token_file"), "{host}");
        }
    }
    assert_eq!(
        proxy.status()["substations"][0]["state"],
        "up",
        "not drained"
    );
    let refused = "switchyard_requests_rejected_total{reason=\"forbidden\"}";
    assert_eq!(proxy.metric(refused), 3.0 * 14.0);
    let own = format!("127.0.0.1:{port}");
    for host in [own.as_str(), "localhost", "localhost:19901", "[::1]:9901"] {
        for (method, path) in commands {
            assert_eq!(
                ask(method, path, host).status,
                200,
                "{method} {path} of {host}"
            );
        }
        assert_eq!(ask("GET", "/status", host).status, 200, "{host}");
    }
    // The host of a target counts as Host does.
    let absolute = "GET http://evil.example/status HTTP/1.1\r\nhost: evil.example\r\n\r\n";
    assert_eq!(client::raw(proxy.admin, absolute).status, 403);
    // An older client names none, and no browser speaks so.
    assert_eq!(
        client::raw(proxy.admin, "GET /live HTTP/1.0\r\n\r\n").status,
        200
    );
}

#[test]
fn a_hung_substation_delays_no_other_substations_samples() {
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
    // The system accepts connections to these, and no request on them is answered.
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
    // A request is counted once its answer is sent, so the client may look too early.
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
        let chosen = ["least_load", "tie"]
            .map(|reason| of(&format!("dispatch_decisions_total{{reason=\"{reason}\",")));
        assert_eq!(chosen[0] + chosen[1], 5.0);
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
fn decisions_say_what_a_choice_was_made_from() {
    let substations = Substations::start(&[100.0, 400.0, 200.0]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 10s, stale_after: 20s}",
    );
    assert_eq!(proxy.charge(r#"{"power_kw": 20}"#).status, 200);
    let page = proxy.get("/decisions").json();
    assert_eq!(page["policy"], "least_load");
    let decision = &page["decisions"][0];
    assert_eq!(decision["substation"], "s2");
    assert_eq!(decision["reason"], "least_load");
    assert_eq!(decision["load"], 20.0);
    assert_eq!(decision["share"], 1.0);
    assert!((decision["margin"].as_f64().unwrap() - 0.05).abs() < 1e-9);
    assert!(decision["unix_seconds"].as_f64().unwrap() > 1.7e9);
    let candidates = decision["candidates"].as_array().unwrap();
    let names: Vec<_> = candidates
        .iter()
        .map(|c| c["substation"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["s2", "s3", "s1"], "the best one first");
    let best = &candidates[0];
    assert_eq!(best["sample"], 0.0);
    assert_eq!(best["capacity"], 400.0);
    assert_eq!(best["estimated_load"], 0.0, "as it stood before");
    assert_eq!(best["unseen_load"], 0.0);
    assert!((best["score"].as_f64().unwrap() - 0.05).abs() < 1e-9);
    assert!(best["sample_age_seconds"].as_f64().unwrap() < 10.0);
}

#[test]
fn decisions_are_as_many_as_asked_for_and_the_newest_come_first() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let kept = |path: &str| {
        proxy.get(path).json()["decisions"]
            .as_array()
            .unwrap()
            .clone()
    };
    // Of choices within a hundredth of a second, one is recorded.
    for power in 1..=30 {
        let before = kept("/decisions?limit=256").len();
        until("one more is kept", || {
            proxy.charge(&format!(r#"{{"power_kw": {power}}}"#));
            (kept("/decisions?limit=256").len() > before).then_some(())
        });
    }
    let loads = |path: &str| -> Vec<_> {
        kept(path)
            .iter()
            .map(|one| one["load"].as_f64().unwrap())
            .collect()
    };
    assert_eq!(loads("/decisions?limit=3"), [30.0, 29.0, 28.0]);
    assert_eq!(loads("/decisions").len(), 20);
    for wrong in ["/decisions?limit=many", "/decisions?last=3"] {
        let answer = proxy.get(wrong);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request")
        );
        assert!(answer.message().contains("limit=N"));
    }
}

#[test]
fn other_paths_and_methods_get_an_error_that_says_what_exists() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let answer = proxy.get("/nothing");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    assert!(answer.message().contains("/status"));
    let answer = client::post(proxy.admin, "/status", "");
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("GET, HEAD"))
    );
}
