//! Limits that come and go: a source sets one, renews it, falls silent, takes it away.

mod carried;
mod commands;
mod load;
mod times;

use std::time::{Duration, SystemTime};

use serde_json::Value;
use switchyard_faults::{self as client, Answer};

use crate::rig::{Proxy, until};

/// Asks the admin port, on a connection of its own.
fn ask(proxy: &Proxy, method: &str, path: &str, body: &str) -> Answer {
    let request = client::request(method, path, "connection: close\r\n", body);
    client::raw(proxy.admin, request)
}

/// Sets a limit, which must succeed.
fn put(proxy: &Proxy, name: &str, body: &str) -> Value {
    let answer = ask(proxy, "PUT", &format!("/limits/{name}"), body);
    let shown = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 200, "{body}: {shown}");
    answer.json()
}

/// The strictest limit in force of a name.
fn in_force(proxy: &Proxy, name: &str) -> Value {
    let answer = ask(proxy, "GET", &format!("/limits/{name}"), "");
    answer.json()["in_force"].clone()
}

/// The state of the only limit of a name.
fn state(proxy: &Proxy, name: &str) -> Option<String> {
    let answer = ask(proxy, "GET", &format!("/limits/{name}"), "");
    let limits = answer.json()["limits"].clone();
    Some(limits.get(0)?["state"].as_str()?.to_owned())
}

/// Waits until the only limit of a name is in this state, or gone.
fn comes(proxy: &Proxy, name: &str, wanted: Option<&str>) {
    until(&format!("{wanted:?}"), || {
        (state(proxy, name).as_deref() == wanted).then_some(())
    });
}

/// So long from now, as RFC 3339 writes it.
fn time(from_now: Duration) -> String {
    let time = SystemTime::now() + from_now;
    humantime::format_rfc3339_nanos(time).to_string()
}

/// One charge of a kilowatt that lasts: whether it is booked, or refused for want of room.
fn books(proxy: &Proxy) -> bool {
    let answer = proxy.charge(r#"{"power_kw": 1, "energy_kwh": 100}"#);
    match answer.status {
        200 => true,
        503 => {
            assert_eq!(answer.code(), "no_capacity");
            false
        }
        other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
    }
}
