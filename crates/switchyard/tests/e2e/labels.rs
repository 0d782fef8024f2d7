//! Labels: a charge goes where it can, and rather where it would like to.

mod keys;
mod preferred;
mod refused;
mod waiting;
mod ways;

use std::net::SocketAddr;

use switchyard_faults::{self as client, Answer};

use crate::{rig::Proxy, substations::Substations};

/// What requests select by in these tests.
const SELECT: &str = "select:\n  connector: {field: connector_type}\n  zone: {header: x-zone}\n  power: {field: power_kw, at_least: true}\n";

/// The file of a proxy before substations with these labels.
fn file(substations: &[(SocketAddr, &str)], extra: &str) -> String {
    let listed: Vec<_> = (1..)
        .zip(substations)
        .map(|(at, (address, more))| {
            format!("  - {{name: s{at}, address: \"{address}\", {more}}}\n")
        })
        .collect();
    let listed = listed.concat();
    format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\nsubstations:\n{listed}{extra}\n"
    )
}

/// A proxy before these substations, once it has a sample of each.
fn start(substations: &Substations, labels: &[&str], extra: &str) -> Proxy {
    let addresses = substations.addresses.iter().copied();
    let listed: Vec<_> = addresses.zip(labels.iter().copied()).collect();
    Proxy::ready_from(&file(&listed, extra))
}

/// A charge with these headers, each with its line end.
fn charge(proxy: &Proxy, headers: &str, body: &str) -> Answer {
    charge_at(proxy.charge, headers, body)
}

fn charge_at(address: SocketAddr, headers: &str, body: &str) -> Answer {
    let headers = format!("{headers}connection: close\r\n");
    let request = client::request("POST", "/request_charge", &headers, body);
    client::raw(address, request)
}

/// The substation that booked.
fn booked_by(answer: &Answer) -> &str {
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    answer.header("x-substation").unwrap()
}

/// What an error says beside its message.
fn error(answer: &Answer) -> (u16, String, Option<String>, Option<String>) {
    let error = &answer.json()["error"];
    let text = |field: &str| error[field].as_str().map(str::to_owned);
    (answer.status, answer.code(), text("label"), text("value"))
}
