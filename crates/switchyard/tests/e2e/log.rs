//! What a request logs.

use std::process::Command;

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, Act, Answer, Scripted, fault::no_capacity};

use crate::rig::{Proxy, yaml};

/// A charge with this request id, which every substation refuses.
fn refused(proxy: &Proxy, id: &str) -> Answer {
    let headers = format!("x-request-id: {id}\r\nconnection: close\r\n");
    let request = client::request("POST", "/request_charge", &headers, "{}");
    let answer = client::raw(proxy.charge, request);
    assert_eq!(answer.status, 503);
    answer
}

fn start(substations: &[Scripted], level: &str) -> Proxy {
    let addresses: Vec<_> = substations
        .iter()
        .map(|substation| substation.address)
        .collect();
    Proxy::launch(&yaml(&addresses, ""), |command: &mut Command| {
        command.env("RUST_LOG", level);
    })
}

#[test]
fn at_debug_each_line_of_a_request_carries_its_id_and_at_info_it_has_no_line() {
    let substations = [(); 2].map(|()| Scripted::charging(|| Act::Write(no_capacity())));
    let of_requests = |line: &str| line.contains("switchyard_proxy::dispatch");

    let mut proxy = start(&substations, "debug");
    let ids = ["first-1", "second-2"];
    for id in ids {
        refused(&proxy, id);
    }
    proxy.signal(Signal::SIGTERM);
    let log = proxy.logged_until("Proxy stopped");
    assert!(proxy.wait().success());
    let lines: Vec<_> = log.iter().filter(|line| of_requests(line)).collect();
    for line in &lines {
        let carried = ids
            .iter()
            .filter(|id| line.contains(&format!("request{{id=\"{id}\"}}")));
        assert_eq!(carried.count(), 1, "{line}");
    }
    // The first refusals are remembered, so the second request is refused without an attempt.
    let [first, second] = ids;
    for (id, message) in [
        (first, "Request not booked"),
        (first, "Request refused"),
        (second, "Request refused"),
    ] {
        let is_logged = lines
            .iter()
            .any(|line| line.contains(id) && line.contains(message));
        assert!(is_logged, "{message:?} of {id} is not in\n{lines:#?}");
    }

    let mut proxy = start(&substations, "info");
    refused(&proxy, "third-3");
    proxy.signal(Signal::SIGTERM);
    let log = proxy.logged_until("Proxy stopped");
    assert!(proxy.wait().success());
    assert!(
        !log.iter()
            .any(|line| of_requests(line) || line.contains("third-3")),
        "{log:#?}"
    );
}
