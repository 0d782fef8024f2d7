//! Substations that discovery knows by their addresses only, as DNS does: their sessions, and what clients see of them.

use std::net::SocketAddr;

use serde_json::json;
use substation::Config;
use switchyard_faults::{self as client, Act, Answer, ClosedPort, Scripted, fault};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// A proxy that finds substations at these addresses, without names.
fn unready(addresses: &[SocketAddr]) -> Proxy {
    let targets: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let targets = json!([{ "targets": targets }]).to_string();
    let yaml = "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nthreads: 1\n\
                load: {interval: 50ms}\ndiscovery: {file_sd: [targets.json]}\n";
    Proxy::launch_beside(yaml, &[("targets.json", &targets)])
}

fn start(addresses: &[SocketAddr]) -> Proxy {
    let proxy = unready(addresses);
    proxy.wait_until_ready();
    proxy
}

fn ask(proxy: &Proxy, method: &str, path: &str) -> Answer {
    let request = client::request(method, path, "connection: close\r\n", "");
    client::raw(proxy.charge, request)
}

#[test]
fn sessions_are_found_through_any_proxy_and_after_a_restart_and_no_address_is_shown() {
    let names = ["north-1", "north-1-b", "south"];
    let substations = Substations::of(names.map(|name| Config::new(name, 1e6)));
    let first = start(&substations.addresses);
    let second = start(&substations.addresses);
    let mut ids = Vec::new();
    for _ in 0..9 {
        let booked = first.charge(r#"{"power_kw": 11, "energy_kwh": 1000}"#);
        let body = booked.json();
        let own = body["substation"].as_str().unwrap();
        assert_eq!(booked.header("x-substation"), Some(own));
        ids.push((
            body["session_id"].as_str().unwrap().to_owned(),
            own.to_owned(),
        ));
    }
    assert!(
        names
            .iter()
            .all(|name| ids.iter().any(|(_, own)| own == name))
    );
    drop(first);
    let restarted = start(&substations.addresses);
    for (id, own) in &ids {
        let path = format!("/sessions/{id}");
        for proxy in [&second, &restarted] {
            let looked = ask(proxy, "GET", &path);
            assert_eq!(
                (looked.status, looked.header("x-substation")),
                (200, Some(&**own))
            );
        }
        assert_eq!(ask(&second, "DELETE", &path).json()["state"], "cancelled");
        assert_eq!(ask(&restarted, "DELETE", &path).status, 404);
    }
    assert_eq!(substations.loads().iter().sum::<f64>(), 0.0);

    // Operators see both names, and may use either; an address is escaped in a path or not.
    let status = restarted.status();
    let south = &status["substations"][2];
    assert_eq!(south["own_name"], "south");
    let address = south["name"].as_str().unwrap();
    assert_eq!(address, substations.addresses[2].to_string());
    for (name, word, state) in [
        ("south", "drain", "draining"),
        (address, "undrain", "up"),
        (&address.replace(':', "%3A"), "drain", "draining"),
        ("%73outh", "undrain", "up"),
    ] {
        let path = format!("/substations/{name}/{word}");
        let answer = client::post(restarted.admin, &path, "");
        assert_eq!(
            (answer.status, &answer.json()["state"]),
            (200, &json!(state)),
            "{path}"
        );
    }
    for name in ["south%2F", "%ff", "%", "s%outh", ""] {
        let path = format!("/substations/{name}/drain");
        assert_eq!(
            client::post(restarted.admin, &path, "").status,
            404,
            "{path}"
        );
    }
}

#[test]
fn a_substation_whose_page_says_no_name_is_known_by_its_answers() {
    let substation = Scripted::start(|request| {
        if request.starts_with("GET /metrics") {
            Act::Write(fault::gauge("0"))
        } else if request.contains("break") {
            fault::reset()
        } else if request.starts_with("POST") {
            let body = r#"{"session_id":"depot-7-00ff","substation":"depot-7","power_kw":11}"#;
            Act::Write(fault::answer("200 OK", body))
        } else {
            Act::Write(fault::answer("200 OK", "{}"))
        }
    });
    let proxy = start(&[substation.address]);
    let unknown = ask(&proxy, "GET", "/sessions/depot-7-00ff");
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "not_found")
    );
    let broken = proxy.charge(r#"{"why": "break"}"#);
    assert_eq!(
        (broken.status, broken.code().as_str()),
        (502, "substation_failed")
    );
    let address = substation.address.to_string();
    assert!(
        broken.message().starts_with("unnamed-"),
        "{}",
        broken.message()
    );
    assert!(!broken.message().contains(&address), "{}", broken.message());

    let booked = proxy.charge("");
    assert_eq!(booked.header("x-substation"), Some("depot-7"));
    let looked = ask(&proxy, "GET", "/sessions/depot-7-00ff");
    assert_eq!(
        (looked.status, looked.header("x-substation")),
        (200, Some("depot-7"))
    );
    assert_eq!(ask(&proxy, "DELETE", "/sessions/depot-7-00ff").status, 200);
    assert_eq!(
        substation.requests("DELETE /sessions/depot-7-00ff ").len(),
        1
    );
}

#[test]
fn before_a_substation_has_said_its_name_a_session_may_be_there() {
    let gone = ClosedPort::new();
    let address = gone.address;
    let proxy = unready(&[address]);
    until("the target is read", || {
        let read = !proxy.status()["substations"].as_array().unwrap().is_empty();
        read.then_some(())
    });
    let answer = ask(&proxy, "GET", "/sessions/depot-7-00ff");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_substation")
    );
    assert!(answer.header("retry-after").is_some());
    assert!(!answer.message().contains(&address.to_string()));
}
