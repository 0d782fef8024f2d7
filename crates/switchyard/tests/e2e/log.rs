//! What a request logs.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use switchyard_faults::{self as client, Act, Answer, Scripted, fault::no_capacity};
use tempfile::TempDir;

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

#[test]
fn as_json_each_line_is_an_object_and_the_level_changes_with_a_reload() {
    let substation = Scripted::charging(|| Act::Write(no_capacity()));
    let files = TempDir::new().unwrap();
    let file = files.path().join("switchyard.yaml");
    let config = |level: &str| {
        let extra = format!("log: {{format: json, level: {level}}}");
        fs::write(&file, yaml(&[substation.address], &extra)).unwrap();
    };
    config("info");
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["run", "--config"])
        .arg(&file)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = |message: &str| -> Value {
        loop {
            let line = lines.next().expect("a line").unwrap();
            let line: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if line["message"].as_str().unwrap().contains(message) {
                return line;
            }
        }
    };
    let address = |line: Value| line["fields"]["address"].as_str().unwrap().parse().unwrap();
    let charge: SocketAddr = address(next("Listening for charge requests"));
    let admin: SocketAddr = address(next("Listening on the admin port"));
    config("debug");
    assert_eq!(client::post(admin, "/reload", "").status, 200);
    let reloaded = next("Configuration reloaded");
    let changes = reloaded["fields"]["changes"].as_str().unwrap();
    assert!(changes.contains("log.level"), "{changes}");
    let process = reloaded["process"].as_str().unwrap();
    assert_eq!(process, format!("switchyard[{}]", child.id()));
    client::raw(
        charge,
        client::request("POST", "/request_charge", "x-request-id: it\r\n", "{}"),
    );
    let refused = next("Request refused");
    assert_eq!(refused["level"], "DEBUG");
    assert!(
        refused["spans"][0].as_str().unwrap().contains("it"),
        "{refused}"
    );
    kill(
        Pid::from_raw(child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    next("Proxy stopped");
    assert!(child.wait().unwrap().success());
}
