//! An operator drains a substation and readmits it.

mod commands;
mod fleet;
mod listed;
mod successors;

use serde_json::Value;
use switchyard_faults::{self as client, Answer, Connection};

use crate::{rig::Proxy, substations::Substations};

/// Gives a command: `NAME/drain` or `NAME/undrain`, and a query.
fn order(proxy: &Proxy, path: &str, body: &str) -> Answer {
    client::post(proxy.admin, &format!("/substations/{path}"), body)
}

/// What `/status` says of the drain of a substation.
fn drained(proxy: &Proxy, name: &str) -> Value {
    let status = proxy.status();
    let all = status["substations"].as_array().unwrap();
    let one = all.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(one["drain"] != Value::Null, one["state"] == "draining");
    one["drain"].clone()
}

#[test]
fn a_drained_substation_gets_no_new_sessions_and_its_own_are_still_reached() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut booked = proxy.charge(r#"{"power_kw": 11}"#);
    while booked.header("x-substation") != Some("s1") {
        booked = proxy.charge(r#"{"power_kw": 11}"#);
    }
    let answer = client::post(proxy.admin, "/substations/s1/drain", "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["name"], "s1");
    assert_eq!(answer.json()["state"], "draining");
    assert_eq!(answer.json()["health"]["can_charge"], false);
    let before = substations.started()[0];
    for _ in 0..10 {
        assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
    }
    let session = booked.json()["session_id"].as_str().unwrap().to_owned();
    let looked = client::get(proxy.charge, &format!("/sessions/{session}"));
    assert_eq!(looked.status, 200);
    let draining = "switchyard_substation_state{state=\"draining\",substation=\"s1\"}";
    assert_eq!(proxy.metric(draining), 1.0);

    assert_eq!(
        client::post(proxy.admin, "/substations/s2/drain", "").status,
        200
    );
    let answer = proxy.charge("");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_substation")
    );

    let answer = client::post(proxy.admin, "/substations/s1/undrain", "");
    assert_eq!(answer.json()["state"], "up");
    assert_eq!(proxy.charge("").header("x-substation"), Some("s1"));
    assert_eq!(substations.started()[0], before + 1);
    for logged in ["Substation is draining", "Substation is no longer draining"] {
        proxy.logged(logged);
    }
}

#[test]
fn a_drain_needs_a_known_substation_a_post_and_the_same_origin() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let answer = client::post(proxy.admin, "/substations/unknown/drain", "");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let answer = client::get(proxy.admin, "/substations/s1/drain");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    let mut connection = Connection::open(proxy.admin);
    for (origin, status) in [
        ("http://evil.example".to_owned(), 403),
        ("null".to_owned(), 403),
        ("http://localhost".to_owned(), 200),
    ] {
        let headers = format!("origin: {origin}\r\n");
        connection.send(client::request(
            "POST",
            "/substations/s1/undrain",
            &headers,
            "",
        ));
        let answer = connection.answer();
        assert_eq!(answer.status, status, "{origin}");
        if status == 403 {
            assert_eq!(answer.code(), "forbidden");
        }
    }
    assert_eq!(proxy.status()["substations"][0]["state"], "up");
    let counted = proxy.metric("switchyard_requests_rejected_total{reason=\"forbidden\"}");
    assert_eq!(counted, 2.0);
}
