//! Each way in has its line, and nothing that a client sends breaks one.

use serde_json::{Value, json};
use switchyard_faults::{self as client, Act, Connection, Scripted, fault::no_capacity};

use super::{Logged, of};
use crate::{
    h2::{Client, runtime, whole},
    rig::until,
    secure::Certificate,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A request with this id; each of `headers` ends its own line.
fn request(method: &str, path: &str, id: &str, headers: &str, body: &str) -> String {
    let headers = format!("x-request-id: {id}\r\n{headers}");
    client::request(method, path, &headers, body)
}

fn charge(id: &str, headers: &str) -> String {
    request(
        "POST",
        "/request_charge",
        id,
        headers,
        r#"{"power_kw": 7.5}"#,
    )
}

/// These fields of a line.
fn shown(line: &Value, fields: &[&str]) -> Value {
    let fields = fields
        .iter()
        .map(|field| ((*field).to_owned(), line[*field].clone()));
    Value::Object(fields.collect())
}

/// Asks in every way in. Returns the lines, and the length of the first answer's body.
fn asked_in_every_way(logged: &Logged) -> (Vec<Value>, usize) {
    let proxy = &logged.proxy;
    let mut connection = Connection::open(proxy.charge);
    // The first and a later request on the fast path, and one beside it.
    connection.send(charge("first", "idempotency-key: k1\r\n"));
    let body = connection.answer().body.len();
    connection.send(charge(
        "later",
        &format!("traceparent: 00-{TRACE}-00f067aa00c902d7-00\r\n"),
    ));
    assert_eq!(connection.answer().status, 200);
    connection.send(format!("\r\n{}", charge("beside", "")));
    assert_eq!(connection.answer().status, 200);
    let large = "x".repeat(200);
    let refused = [
        (request("HEAD", "/request_charge", "head", "", ""), 405),
        (
            request("GET", "/sessions/s1-9?secret=1", "session", "", ""),
            200,
        ),
        (request("GET", "/nothing", "nothing", "", ""), 404),
        (request("POST", "/request_charge", "no-json", "", "{"), 400),
        (request("POST", "/request_charge", "large", "", &large), 413),
        (charge("expects", "expect: miracles\r\n"), 417),
        (format!("GET / HTTP/3.0\r\nx: {large}\r\n\r\n"), 505),
        ("garbage\r\n\r\n".to_owned(), 400),
        (charge("fat", &format!("x: {}\r\n", "y".repeat(3_000))), 431),
        (
            charge("coded", "").replace("content-length: 17", "transfer-encoding: gzip, chunked"),
            501,
        ),
    ];
    let count = refused.len();
    for (bytes, status) in refused {
        // The answer to a HEAD announces a body that does not come.
        let mut connection = Connection::open(proxy.charge);
        connection.send(&bytes);
        if bytes.starts_with("HEAD") {
            drop(connection);
            continue;
        }
        assert_eq!(connection.answer().status, status, "{bytes}");
    }
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        let answer = client.try_begin("POST", "/request_charge", "{}").await;
        assert_eq!(whole(answer.unwrap()).await.unwrap().status, 200);
    });
    assert_eq!(
        proxy.get("/status").status,
        200,
        "the admin port has no line"
    );
    (logged.so_many(3 + count + 1), body)
}

#[test]
fn every_way_in_has_one_line() {
    let substation = Scripted::working("0");
    let logged = Logged::start(
        &[substation.address],
        "",
        "http2: {cleartext: true}\nlimits: {body: 100B, head: 2KiB}\n",
    );
    let (lines, body) = asked_in_every_way(&logged);
    let first = of(&lines, "first");
    let fields = [
        "method",
        "path",
        "status",
        "code",
        "outcome",
        "substation",
        "limit",
        "load",
        "attempts",
        "idempotency_key",
        "bytes_in",
        "bytes_out",
        "protocol",
        "tls",
        "client",
        "remote",
        "trace_id",
        "queue_seconds",
    ];
    assert_eq!(
        shown(first, &fields),
        json!({
            "method": "POST", "path": "/request_charge", "status": 200, "code": null,
            "outcome": "booked", "substation": "s1", "limit": null, "load": 7.5, "attempts": 1,
            "idempotency_key": true, "bytes_in": 17, "bytes_out": body, "protocol": "HTTP/1.1",
            "tls": false, "client": null, "remote": "127.0.0.1", "trace_id": null,
            "queue_seconds": 0.0,
        })
    );
    let [took, upstream] = ["seconds", "upstream_seconds"].map(|key| first[key].as_f64().unwrap());
    assert!(took >= upstream && upstream > 0.0, "{first}");
    for id in ["later", "beside"] {
        assert_eq!(of(&lines, id)["idempotency_key"], false);
        assert_eq!(of(&lines, id)["load"], 7.5);
    }
    assert_eq!(of(&lines, "later")["trace_id"], TRACE, "also unsampled");
    for (id, status, code) in [
        ("head", 405, json!("method_not_allowed")),
        ("session", 200, Value::Null),
        ("nothing", 404, json!("not_found")),
        ("no-json", 400, json!("invalid_request")),
        ("large", 413, json!("body_too_large")),
        ("expects", 417, json!("expectation_failed")),
    ] {
        let line = of(&lines, id);
        assert_eq!(
            (&line["status"], &line["code"]),
            (&json!(status), &code),
            "{id}"
        );
        assert_eq!(line["load"], Value::Null, "{id}");
    }
    assert_eq!(of(&lines, "head")["bytes_out"], 0);
    assert_eq!(
        of(&lines, "session")["path"],
        "/sessions/s1-9",
        "without the query"
    );
    assert_eq!(of(&lines, "session")["attempts"], 1);
    // What could not be read is null; the rest is there.
    let unread: Vec<_> = lines
        .iter()
        .filter(|line| line["method"].is_null())
        .collect();
    let mut codes: Vec<_> = unread
        .iter()
        .map(|line| line["status"].as_u64().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [400, 431, 501, 505]);
    for line in unread {
        assert!(line["path"].is_null() && line["idempotency_key"].is_null());
        assert_eq!(line["remote"], "127.0.0.1");
        assert_eq!(line["outcome"], "invalid");
    }
    let over_http2 = of(&lines, "r1");
    assert_eq!(over_http2["protocol"], "HTTP/2.0");
    assert_eq!(
        (&over_http2["status"], &over_http2["bytes_in"]),
        (&json!(200), &json!(2))
    );
}

#[test]
fn a_request_that_does_not_come_in_time_has_a_line_and_so_has_one_over_tls() {
    let substation = Scripted::working("0");
    let certificate = Certificate::new();
    let extra = format!("timeouts: {{client: 100ms}}\n{}", certificate.yaml());
    let logged = Logged::start(&[substation.address], "", &extra);
    let proxy = &logged.proxy;
    let client = certificate.client(&["http/1.1"]);
    let mut stream = crate::secure::Secure::open(proxy.charge, &client).unwrap();
    let (head, _) = stream.ask(&charge("tls", ""));
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut late = crate::secure::Secure::open(proxy.charge, &client).unwrap();
    let (head, _) = late.ask("POST /request");
    assert!(head.starts_with("http/1.1 408"), "{head}");
    let lines = logged.so_many(2);
    assert_eq!(of(&lines, "tls")["tls"], true);
    let late = lines.iter().find(|line| line["status"] == 408).unwrap();
    assert_eq!(late["code"], "request_timeout");
    assert!(late["method"].is_null() && late["seconds"].as_f64().unwrap() >= 0.1);
}

#[test]
fn a_line_tells_of_all_attempts_of_the_wait_and_of_the_limit() {
    let full = Scripted::charging(|| Act::Write(no_capacity()));
    let free = Scripted::working("0");
    let logged = Logged::start(&[full.address, free.address], "", "policy: round_robin\n");
    let proxy = &logged.proxy;
    for at in 0..2 {
        let answer = client::raw(proxy.charge, charge(&format!("c{at}"), ""));
        assert_eq!(answer.status, 200);
    }
    let lines = logged.so_many(2);
    let mut attempts: Vec<_> = lines
        .iter()
        .map(|line| line["attempts"].as_u64().unwrap())
        .collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 2]);
    assert!(lines.iter().all(|line| line["substation"] == "s2"));

    // One that waits in vain, and one whose client leaves meanwhile.
    let logged = Logged::start(
        &[full.address],
        "",
        "admission: {queue: 10, timeout: 300ms}\n",
    );
    let proxy = &logged.proxy;
    let answer = client::raw(proxy.charge, charge("waits", ""));
    assert_eq!(answer.status, 503);
    let mut leaves = Connection::open(proxy.charge);
    leaves.send(charge("leaves", "x-request-timeout: 10s\r\n"));
    until("it waits", || {
        (proxy.metric("switchyard_admission_waiting") > 0.0).then_some(())
    });
    drop(leaves);
    let lines = logged.so_many(2);
    let waits = of(&lines, "waits");
    assert_eq!(waits["code"], "no_capacity");
    assert_eq!(waits["limit"], "s1");
    assert!(waits["queue_seconds"].as_f64().unwrap() > 0.1, "{waits}");
    let leaves = of(&lines, "leaves");
    assert_eq!(leaves["code"], "no_capacity");
    assert!(leaves["queue_seconds"].as_f64().unwrap() > 0.0, "{leaves}");
}

#[test]
fn nothing_that_a_client_sends_ends_a_line_or_forges_one() {
    let substation = Scripted::working("0");
    let logged = Logged::start(&[substation.address], "", "");
    let proxy = &logged.proxy;
    let forged = r#"x","status":200},{"a":"#;
    let long = format!("/{}", "a".repeat(7_000));
    let paths = [
        "/%0a%0d\"}".to_owned(),
        format!("/{forged}"),
        "/\u{e9}\u{202e}".to_owned(),
        long,
    ];
    for (at, path) in paths.iter().enumerate() {
        let bytes = request("GET", path, &format!("p{at}"), "", "");
        let answer = client::raw(proxy.charge, bytes);
        assert!((400..500).contains(&answer.status));
    }
    let answer = client::raw(proxy.charge, charge(&forged.replace(' ', ""), ""));
    assert_eq!(answer.status, 200);
    let lines = logged.so_many(paths.len() + 1);
    let text = std::fs::read(logged.path()).unwrap();
    assert!(
        text.iter()
            .all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\n')
    );
    assert!(
        text.split(|byte| *byte == b'\n')
            .all(|line| line.len() < 4_096)
    );
    assert_eq!(of(&lines, forged)["status"], 200);
    assert_eq!(of(&lines, "p0")["path"], "/%0a%0d\"}");
}

#[test]
fn the_combined_format_is_read_by_what_reads_apaches() {
    let substation = Scripted::working("0");
    let logged = Logged::start(
        &[substation.address],
        ", format: combined",
        "forwarded: {trust: [127.0.0.0/8]}\n",
    );
    let proxy = &logged.proxy;
    let headers = "x-forwarded-for: 6.6.6.6, 203.0.113.7\r\nuser-agent: a \"b\" \\\t\r\nreferer: x\" 200 1 \"\r\n";
    let answer = client::raw(proxy.charge, charge("c", headers));
    assert_eq!(answer.status, 200);
    let path = logged.path();
    let line = until("a line", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.ends_with('\n').then_some(text)
    });
    let (begin, rest) = line.split_once(" [").unwrap();
    assert_eq!(
        begin, "203.0.113.7 - -",
        "the client behind the trusted proxy"
    );
    let (_, rest) = rest.split_once("] ").unwrap();
    let length = answer.body.len();
    let expected = format!(
        "\"POST /request_charge HTTP/1.1\" 200 {length} \"x\\\" 200 1 \\\"\" \"a \\\"b\\\" \\\\\"\n"
    );
    assert_eq!(rest, expected);
}

#[test]
fn a_sample_takes_a_part_of_the_requests_and_errors_alike() {
    let substation = Scripted::working("0");
    let logged = Logged::start(&[substation.address], ", sample: 0.5", "");
    let proxy = &logged.proxy;
    let mut connection = Connection::open(proxy.charge);
    for at in 0..400 {
        let request = if at % 2 == 0 {
            charge("ok", "")
        } else {
            request("GET", "/nothing", "bad", "", "")
        };
        connection.send(request);
        connection.answer();
    }
    drop(connection);
    let path = logged.path();
    let [ok, bad] = until("the last line", || {
        let lines = super::lines(&path);
        let count = |id: &str| lines.iter().filter(|line| line["request_id"] == id).count();
        let counts = [count("ok"), count("bad")];
        counts.iter().all(|count| *count > 60).then_some(counts)
    });
    assert!(
        (60..140).contains(&ok) && (60..140).contains(&bad),
        "{ok} and {bad}"
    );
}
