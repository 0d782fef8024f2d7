//! What a real proxy shows of its feeders.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use serde_json::json;
use switchyard_faults::{self as client, Act, Scripted};

use crate::{
    events::Viewer,
    rig::{Proxy, until, yaml},
    substations::Substations,
};

/// A meter that shows 40 of 120 kW until it falls silent.
fn meter() -> (Scripted, Arc<AtomicBool>) {
    let is_silent = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_silent);
    let meter = Scripted::start(move |_| {
        if told.load(Relaxed) {
            return Act::Hang;
        }
        let body = "feeder_power_kw 40\nfeeder_limit_kw 120\n";
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        Act::Write(format!("{head}{body}").into_bytes())
    });
    (meter, is_silent)
}

/// Two substations on feeder7, of 60 kW, and a third on feeder8, which has the meter.
fn town(meter: SocketAddr, substations: &Substations) -> Proxy {
    let feeders = format!(
        "load: {{interval: 100ms, timeout: 90ms, stale_after: 1s}}\n\
         feeders:\n  - {{name: trafo2, capacity: 630}}\n  - {{name: feeder7, parent: trafo2, capacity: 60}}\n  \
         - {{name: feeder8, parent: trafo2, load: {{address: \"{meter}\", metric: feeder_power_kw, capacity_metric: feeder_limit_kw}}}}\n"
    );
    let mut text = yaml(&substations.addresses, &feeders);
    for (name, feeder) in [("s1", "feeder7"), ("s2", "feeder7"), ("s3", "feeder8")] {
        let more = format!("{{name: {name}, feeder: {feeder}, labels: {{zone: {feeder}-zone}}, ");
        text = text.replacen(&format!("{{name: {name}, "), &more, 1);
    }
    Proxy::ready_from(&text)
}

#[test]
fn status_events_and_metrics_show_each_feeder_and_what_binds() {
    let (meter, is_silent) = meter();
    let substations = Substations::start(&[100.0; 3]);
    let proxy = town(meter.address, &substations);
    let feeder = |at: usize| proxy.status()["feeders"][at].clone();
    until("the meter and the gauges are read", || {
        let is_read = feeder(2)["state"] == "up" && feeder(1)["current_load"] == 0.0;
        is_read.then_some(())
    });
    assert_eq!(
        feeder(1),
        json!({
            "name": "feeder7", "parent": "trafo2", "state": "up", "current_load": 0.0, "capacity": 60.0,
            "estimated_load": 0.0, "sample_age_seconds": null, "limit": null,
        })
    );
    assert_eq!(feeder(0)["parent"], json!(null));
    let metered = feeder(2);
    assert_eq!(metered["current_load"], 40.0);
    assert_eq!(metered["capacity"], 120.0);
    assert!(metered["sample_age_seconds"].as_f64().unwrap() < 1.0);
    let first = proxy.status()["substations"][0].clone();
    assert_eq!(first["feeder"], "feeder7");
    assert_eq!(first["labels"], json!({"zone": "feeder7-zone"}));
    assert_eq!(first["limit"], json!(null));

    // 50 of 60 kW on feeder7: there the next 22 kW fit neither of its substations, although both are half empty.
    for (power, feeder) in [(50, "feeder7"), (11, "feeder8")] {
        let body = format!("{{\"power_kw\": {power}, \"energy_kwh\": 100}}");
        until(feeder, || {
            let booked = proxy.charge(&body);
            assert_eq!(booked.status, 200);
            let at = booked.header("x-substation").unwrap().to_owned();
            let is_there = (at == "s3") == (feeder == "feeder8");
            is_there.then_some(())
        });
    }
    let mut viewer = Viewer::open(proxy.admin);
    let snapshot = until("the loads are sampled", || {
        let snapshot = viewer.snapshot();
        (snapshot["feeders"][1]["load"].as_f64()? >= 50.0).then_some(snapshot)
    });
    assert_eq!(snapshot["feeders"].as_array().unwrap().len(), 3);
    assert_eq!(snapshot["substations"][0]["binding"], "feeder7");
    assert_eq!(snapshot["substations"][2]["feeder"], "feeder8");
    assert_eq!(snapshot["feeders"][0].get("limit"), None);
    assert!(proxy.metric("switchyard_feeder_load{feeder=\"feeder7\"}") >= 50.0);
    let decided: serde_json::Value = serde_json::from_slice(&proxy.get("/decisions").body).unwrap();
    let named = |name: &str| {
        decided
            .to_string()
            .contains(&format!("\"binding\":\"{name}\""))
    };
    assert!(named("feeder7"), "{decided}");

    is_silent.store(true, Relaxed);
    until("the meter is silent", || {
        (feeder(2)["state"] != "up").then_some(())
    });
    let said = until("the verdict says so", || {
        let verdict = viewer.snapshot()["verdict"].to_string();
        verdict.contains("silent").then_some(verdict)
    });
    assert!(said.contains("The meter of feeder8 is silent"), "{said}");
    assert!((proxy.metric("switchyard_feeder_up{feeder=\"feeder8\"}")).abs() < 0.1);
}

#[test]
fn without_feeders_status_says_so_and_events_are_as_they_were() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let status = proxy.status();
    assert_eq!(status["feeders"], json!([]));
    let one = &status["substations"][0];
    for (key, value) in [
        ("feeder", json!(null)),
        ("labels", json!({})),
        ("limit", json!(null)),
    ] {
        assert_eq!(one[key], value, "{key}");
    }
    let event = Viewer::open(proxy.admin).event().unwrap();
    for key in ["feeder", "binding", "limit\""] {
        assert!(!event.contains(key), "{key}: {event}");
    }
    let page = String::from_utf8(proxy.get("/metrics").body).unwrap();
    assert!(!page.contains("switchyard_feeder_"));
}

#[test]
fn a_limit_in_force_is_shown_with_its_source_and_its_end() {
    let (meter, _) = meter();
    let substations = Substations::start(&[100.0; 3]);
    let proxy = town(meter.address, &substations);
    let put = |name: &str, body: &str| {
        let request = client::request("PUT", &format!("/limits/{name}"), "", body);
        let answer = client::raw(proxy.admin, request);
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    put(
        "feeder7",
        r#"{"value": 0, "source": "dso", "until": "2126-11-29T18:00:00Z"}"#,
    );
    put("feeder7", r#"{"value": 30, "source": "ems"}"#);
    put("s3", r#"{"value": 80.5, "source": "ems"}"#);
    let status = proxy.status();
    assert_eq!(
        status["feeders"][1]["limit"],
        json!({"value": 0.0, "source": "dso", "until": "2126-11-29T18:00:00Z", "fallback_in_force": false})
    );
    assert_eq!(status["feeders"][1]["capacity"], 60.0);
    assert_eq!(
        status["substations"][2]["limit"],
        json!({"value": 80.5, "source": "ems", "until": null, "fallback_in_force": false})
    );
    assert_eq!(status["substations"][0]["limit"], json!(null));
    let mut viewer = Viewer::open(proxy.admin);
    let snapshot = viewer.snapshot();
    assert_eq!(snapshot["feeders"][1]["limit"]["source"], "dso");
    assert_eq!(snapshot["substations"][2]["limit"]["value"], 80.5);
    let verdict = snapshot["verdict"].to_string();
    assert!(verdict.contains("feeder7 is full"), "{verdict}");
    let drained = client::post(proxy.admin, "/substations/s3/drain", "").json();
    assert_eq!(drained["limit"]["value"], 80.5);

    put(
        "feeder8",
        r#"{"value": 90, "source": "dso", "fallback": 50, "heartbeat": "1s"}"#,
    );
    until("its source is silent", || {
        let limit = proxy.status()["feeders"][2]["limit"].clone();
        (limit["fallback_in_force"] == true).then(|| assert_eq!(limit["value"], 50.0))
    });
    until("the verdict says so", || {
        let verdict = viewer.snapshot()["verdict"].to_string();
        verdict
            .contains("The fallback of feeder8 is in force: dso is silent")
            .then_some(())
    });
}
