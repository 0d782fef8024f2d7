//! Every way in knows routes.

use std::fs;

use http::Request;
use serde_json::{Value, json};
use switchyard_faults::{self as client, Collector, Connection, Taking};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{ask_with, lines, start, working};
use crate::{h2::runtime, rig::until};

const ROUTES: [&str; 2] = [
    "path: /v1/, methods: [POST, GET], buffer: true, load: {field: n}",
    "path: /request_charge, methods: [POST], upstream_path: /book, lasts: session",
];

/// Method, path and body, and the line that the substation gets, or the error.
const CASES: [(&str, &str, &str, &str); 6] = [
    (
        "POST",
        "/v1/chat?a=b",
        r#"{"n": 2}"#,
        "POST /v1/chat?a=b HTTP/1.1",
    ),
    ("GET", "/v1/models", "", "GET /v1/models HTTP/1.1"),
    ("POST", "/request_charge", "{}", "POST /book HTTP/1.1"),
    ("POST", "/assign_substation", "{}", "POST /charge HTTP/1.1"),
    ("DELETE", "/v1/chat", "", "method_not_allowed"),
    ("POST", "/v1/chat", "x", "invalid_request"),
];

#[test]
fn over_http1_the_first_request_and_later_ones() {
    let substation = working("0");
    let proxy = start(&[&substation], &ROUTES, "");
    let mut kept = Connection::open(proxy.charge);
    for (method, path, body, expected) in CASES {
        let first = ask_with(&proxy, (method, path), "", body);
        kept.send(client::request(method, path, "", body));
        let later = kept.answer();
        // In chunks.
        let chunk = if body.is_empty() {
            String::new()
        } else {
            format!("{:x}\r\n{body}\r\n", body.len())
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n");
        kept.send(format!("{head}\r\n{chunk}0\r\n\r\n"));
        for answer in [first, later, kept.answer()] {
            if expected.contains('/') {
                assert_eq!(answer.status, 200, "{path}: {}", answer.message());
                assert_eq!(lines(&substation).pop().unwrap(), expected);
            } else {
                assert_eq!(answer.code(), expected, "{path}");
            }
        }
    }
    let good = CASES.iter().filter(|(.., expected)| expected.contains('/'));
    assert_eq!(lines(&substation).len(), 3 * good.count());
}

#[test]
fn over_http2() {
    let substation = working("0");
    let proxy = start(&[&substation], &ROUTES, "http2: {cleartext: true}\n");
    runtime().block_on(async {
        let stream = TcpStream::connect(proxy.charge).await.unwrap();
        let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        for (method, path, body, expected) in CASES {
            let request = Request::builder()
                .method(method)
                .uri(format!("http://localhost{path}"));
            send = send.ready().await.unwrap();
            let request = request.body(()).unwrap();
            let (answer, mut stream) = send.send_request(request, body.is_empty()).unwrap();
            if !body.is_empty() {
                // What is not read is not sent either.
                let _ = stream.send_data(body.into(), true);
            }
            let answer = answer.await.unwrap();
            if expected.contains('/') {
                assert_eq!(answer.status(), 200, "{path}");
                assert_eq!(lines(&substation).pop().unwrap(), expected);
            } else {
                assert_eq!(answer.status().as_u16() / 100, 4, "{path}");
            }
        }
    });
}

#[test]
fn the_log_of_accesses_and_traces_tell_of_them() {
    let substation = working("0");
    let collector = Collector::start(Taking::All);
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("access.log");
    let extra = format!(
        "access_log: {{path: \"{}\"}}\ntracing: {{otlp: \"{}\", sample: 1}}\n",
        log.display(),
        collector.url()
    );
    let proxy = start(&[&substation], &ROUTES, &extra);
    let answer = ask_with(&proxy, ("POST", "/v1/chat"), "", r#"{"n": 2}"#);
    assert_eq!(answer.status, 200);
    let spans = collector.spans(|spans| spans.iter().any(|span| span.kind == 2));
    let request = spans.iter().find(|span| span.kind == 2).unwrap();
    assert_eq!(request.name, "POST /v1/");
    assert_eq!(request.get("http.route"), "/v1/");
    assert_eq!(request.get("url.path"), "/v1/chat");
    assert_eq!(request.get("switchyard.load"), "2");
    let line = until("a line", || {
        let text = fs::read_to_string(&log).ok()?;
        serde_json::from_str::<Value>(text.lines().next()?).ok()
    });
    assert_eq!(line["path"], "/v1/chat");
    assert_eq!(
        (&line["load"], &line["outcome"]),
        (&json!(2), &json!("booked"))
    );
    assert_eq!(line["substation"], "s1");
}
