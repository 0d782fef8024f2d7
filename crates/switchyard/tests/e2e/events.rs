//! The live page over HTTP: its files, and its stream of status snapshots.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use switchyard_faults::{self as client, Act, Connection, PATIENCE, Scripted, fault::booked};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// The most viewers at once.
const MOST_VIEWERS: usize = 32;

/// A viewer of the stream.
pub(crate) struct Viewer(BufReader<TcpStream>);

impl Viewer {
    pub(crate) fn open(admin: SocketAddr) -> Self {
        let mut connection = Connection::open(admin);
        connection.send(client::request("GET", "/events", "", ""));
        let mut lines = BufReader::new(connection.0);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line}");
        let mut head = String::new();
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
            head += &line.to_lowercase();
        }
        assert!(
            head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        assert!(head.contains("cache-control: no-store\r\n"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        Self(lines)
    }

    /// The next snapshot as sent, or `None` if the stream ends first.
    pub(crate) fn event(&mut self) -> Option<String> {
        let (mut event, mut blank) = (String::new(), String::new());
        self.0.read_line(&mut event).unwrap();
        self.0.read_line(&mut blank).unwrap();
        if event.is_empty() {
            return None;
        }
        assert_eq!(blank, "\n", "an event ends with an empty line");
        Some(event)
    }

    pub(crate) fn snapshot(&mut self) -> Value {
        let event = self.event().expect("a snapshot");
        serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()
    }
}

#[test]
fn the_page_is_served_whole_and_may_reach_nothing_else() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let page = proxy.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let html = String::from_utf8(page.body.clone()).unwrap();
    let links = html.split('"').filter(|word| word.starts_with("page/"));
    let links: Vec<_> = links.map(|link| format!("/{link}")).collect();
    assert!(links.len() >= 2, "{links:?}");
    for path in links {
        assert_eq!(proxy.get(&path).status, 200, "{path}");
    }
    let policy = page.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ] {
        assert!(
            policy.split("; ").any(|word| word == rule),
            "{rule}: {policy}"
        );
    }
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    for path in ["/", "/events", "/page/main.js"] {
        let answer = client::post(proxy.admin, path, "");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{path}"
        );
    }
    assert_eq!(proxy.get("/page/../admin.rs").status, 404);
}

#[test]
fn a_viewer_sees_the_grid_change_once_a_second() {
    let substations = Substations::start(&[100.0, 200.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let mut viewer = Viewer::open(proxy.admin);
    let opened = Instant::now();
    let first = viewer.snapshot();
    assert_eq!(first["verdict"]["sentence"], "Healthy: no problems found.");
    assert_eq!(
        first["traffic"]["per_second"],
        Value::Null,
        "one look makes no rate"
    );
    for _ in 0..10 {
        assert_eq!(proxy.charge(r#"{"power_kw": 22}"#).status, 200);
    }
    let booked = |snapshot: &Value| snapshot["traffic"]["total"] == 10;
    let mut snapshot = viewer.snapshot();
    let mut pictures = 2;
    while !booked(&snapshot) {
        snapshot = viewer.snapshot();
        pictures += 1;
    }
    assert!(opened.elapsed() > Duration::from_millis(800) * (pictures - 1));
    assert!(snapshot["traffic"]["per_second"].as_f64().unwrap() > 0.0);
    assert_eq!(snapshot["traffic"]["success"], 1.0);
    assert!(snapshot["traffic"]["p99_seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(snapshot["balance"]["load"], 220.0);
    assert_eq!(snapshot["balance"]["capacity"], 300.0);
    assert_eq!(snapshot["configuration"]["unit"], "kW");
    let one = &snapshot["substations"][1];
    assert_eq!(
        (one["name"].as_str(), one["state"].as_str()),
        (Some("s2"), Some("up"))
    );
    assert_eq!(one["capacity"], 200.0);
    let decision = &snapshot["decisions"][0];
    assert_eq!(decision["load"], 22.0);
    assert_eq!(decision["candidates"].as_array().unwrap().len(), 2);

    // A later viewer sees the same, at once.
    let mut second = Viewer::open(proxy.admin);
    second.event();
    let (mut ours, mut theirs) = (viewer.event(), second.event());
    // One viewer may have read one snapshot more than the other.
    while ours != theirs {
        let moment = |event: &Option<String>| {
            let json = event
                .as_ref()
                .unwrap()
                .strip_prefix("data: ")
                .unwrap()
                .to_owned();
            serde_json::from_str::<Value>(&json).unwrap()["unix_seconds"]
                .as_f64()
                .unwrap()
        };
        if moment(&ours) < moment(&theirs) {
            ours = viewer.event();
        } else {
            theirs = second.event();
        }
    }
}

#[test]
fn a_drained_and_a_lost_substation_are_described_in_words() {
    let substations = Substations::start(&[100.0; 2]);
    // A port that is bound and does not listen.
    let gone = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    gone.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let mut addresses = substations.addresses.clone();
    addresses.push(gone.local_addr().unwrap().as_socket().unwrap());
    let proxy = Proxy::start(&addresses, "");
    let mut viewer = Viewer::open(proxy.admin);
    assert_eq!(
        client::post(proxy.admin, "/substations/s1/drain", "").status,
        200
    );
    until("the snapshot says so", || {
        let verdict = viewer.snapshot()["verdict"].clone();
        let findings = verdict["findings"].as_array()?;
        let texts: Vec<_> = findings.iter().map(|finding| &finding["text"]).collect();
        let is_described = texts == ["s3 is unreachable.", "s1 is draining: no new sessions."];
        (is_described && verdict["level"] == "trouble").then_some(())
    });
}

#[test]
fn viewers_are_limited_and_a_place_becomes_free_again() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut viewers: Vec<_> = (0..MOST_VIEWERS)
        .map(|_| Viewer::open(proxy.admin))
        .collect();
    let refused = proxy.get("/events");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "overloaded")
    );
    assert!(
        refused.message().contains("32 viewers are connected"),
        "{}",
        refused.message()
    );
    viewers.pop();
    until("a place", || (events_status(&proxy) == 200).then_some(()));
    for viewer in &mut viewers {
        viewer.snapshot();
    }
}

#[test]
fn a_viewer_that_does_not_read_loses_its_place() {
    // Snapshots of many substations soon fill the system's buffers.
    let unreachable: Vec<_> = (0..4_000_u16)
        .map(|at| SocketAddr::from(([127, 9, 0, 1], 20_000 + at)))
        .collect();
    let proxy = Proxy::start_unready(&unreachable, "load: {interval: 60s, stale_after: 120s}");
    let deaf: Vec<_> = (0..MOST_VIEWERS)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_recv_buffer_size(4_096).unwrap();
            socket.connect(&proxy.admin.into()).unwrap();
            socket
                .send(client::request("GET", "/events", "", "").as_bytes())
                .unwrap();
            socket
        })
        .collect();
    until("all places are taken", || {
        (events_status(&proxy) == 503).then_some(())
    });
    let deadline = Instant::now() + 3 * PATIENCE;
    while events_status(&proxy) != 200 {
        assert!(Instant::now() < deadline, "they keep their places");
    }
    drop(deaf);
}

/// The status code for a further viewer.
fn events_status(proxy: &Proxy) -> u16 {
    let mut connection = Connection::open(proxy.admin);
    connection.send(client::request(
        "GET",
        "/events",
        "connection: close\r\n",
        "",
    ));
    let mut head = [0; 12];
    connection.0.read_exact(&mut head).unwrap();
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

/// Processor time that all threads of a process have used so far.
#[cfg(target_os = "linux")]
fn used(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds = threads.map(|thread| {
        let file = thread.unwrap().path().join("schedstat");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let first = text.split(' ').next().and_then(|first| first.parse().ok());
        first.unwrap_or(0_u64)
    });
    Duration::from_nanos(nanoseconds.sum())
}

#[test]
#[cfg(target_os = "linux")]
fn a_viewer_costs_less_than_half_a_percent_of_a_core() {
    let substations = Substations::start(&[1e6; 3]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 10s, stale_after: 20s}",
    );
    let over = |length: Duration, viewers: &mut [Viewer]| {
        let (before, end) = (used(proxy.id()), Instant::now() + length);
        while Instant::now() < end {
            if viewers.is_empty() {
                std::thread::sleep(Duration::from_millis(100));
            }
            for viewer in viewers.iter_mut() {
                viewer.snapshot();
            }
        }
        used(proxy.id()).saturating_sub(before)
    };
    let length = Duration::from_secs(4);
    let alone = over(length, &mut []);
    let mut viewers: Vec<_> = (0..4).map(|_| Viewer::open(proxy.admin)).collect();
    let watched = over(length, &mut viewers);
    let each = watched.saturating_sub(alone) / 4;
    println!("{alone:?} alone, {watched:?} watched by four: {each:?} each in {length:?}");
    assert!(each < length / 200, "{each:?} in {length:?}");
}

#[test]
fn a_viewer_sees_the_drain_and_does_not_hold_it_up() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let slow = Scripted::charging(move || {
        released.lock().unwrap().recv().unwrap();
        Act::Write(booked())
    });
    let mut proxy = Proxy::start(&[slow.address], "");
    let mut viewer = Viewer::open(proxy.admin);
    let mut busy = Connection::open(proxy.charge);
    busy.send(client::request("POST", "/request_charge", "", "{}"));
    until("the request is with the substation", || {
        (slow.charges().len() == 1).then_some(())
    });
    proxy.signal(Signal::SIGTERM);
    until("the snapshot says so", || {
        let sentence = viewer.snapshot()["verdict"]["sentence"].clone();
        let said = "The proxy is stopping and finishes 1 request in flight.";
        (sentence == said).then_some(())
    });
    release.send(()).unwrap();
    assert_eq!(busy.answer().status, 200);
    let answered = Instant::now();
    assert!(proxy.wait().success());
    assert!(
        answered.elapsed() < Duration::from_secs(1),
        "{:?}",
        answered.elapsed()
    );
    while viewer.event().is_some() {}
}
