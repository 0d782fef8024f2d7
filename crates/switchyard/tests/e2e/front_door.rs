//! One verdict on the same bytes, whichever way in: each case is the first request of a connection, a later one, and
//! the first on the admin port.

mod http2;

use std::io::Write;

use switchyard_faults::{self as client, Act, Answer, Connection, Scripted, fault::booked};

use crate::rig::Proxy;

fn proxy(extra: &str) -> (Proxy, Scripted) {
    let substation = Scripted::charging(|| Act::Write(booked()));
    (Proxy::start(&[substation.address], extra), substation)
}

/// A charge whose request line and headers are as usual, with these further headers and this body.
fn charge(headers: &str, body: &str) -> String {
    format!("POST /request_charge HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}")
}

fn chunked(body: &str) -> String {
    charge("transfer-encoding: chunked\r\n", body)
}

fn lines(first: &str, headers: &str) -> String {
    format!("{first}\r\n{headers}\r\n")
}

/// What is refused: bytes, status, code, and a part of the message.
#[expect(clippy::too_many_lines, reason = "one table")]
fn refused() -> Vec<(String, u16, &'static str, &'static str)> {
    let long = "a".repeat(10_000);
    let many = "x: y\r\n".repeat(300);
    let large = format!("x: {}\r\n", "y".repeat(20_000));
    let hosts = [
        "",
        "a:80:81",
        "a:b",
        "a:65536",
        "[::1",
        "[::1]x",
        "::1",
        "<x>",
        "u@a",
        "u:p@a",
        "a/",
        "a/b",
        "a?b",
        "a#b",
        "a b",
        "a%20b",
        "%",
        "b\u{fc}cher",
        "a\\b",
        "a\"b",
        "a, b",
    ];
    let hosts = hosts.map(|host| {
        let bytes = lines(
            "POST /request_charge HTTP/1.1",
            &format!("Host: {host}\r\n"),
        );
        (bytes, 400, "invalid_request", "Host")
    });
    let line = |first: &str| lines(first, "host: a\r\n");
    let mut all = vec![
        // Chunks.
        (
            chunked("\r\n{\"vehicle_id\":\"v1\",\"power_kw\":7}\r\n0\r\n\r\n"),
            400,
            "invalid_request",
            "chunk size",
        ),
        (chunked(";a\r\n\r\n"), 400, "invalid_request", "chunk size"),
        (
            chunked("2\r\n{}\r\n\r\n0\r\n\r\n"),
            400,
            "invalid_request",
            "chunk size",
        ),
        (
            chunked("2 \r\n{}\r\n0\r\n\r\n"),
            400,
            "invalid_request",
            "chunk size",
        ),
        (
            chunked("0x2\r\n{}\r\n0\r\n\r\n"),
            400,
            "invalid_request",
            "chunk size",
        ),
        (
            chunked("2\n{}\n0\n\n"),
            400,
            "invalid_request",
            "bare line feed",
        ),
        (
            chunked("2\r\n{}}\r\n0\r\n\r\n"),
            400,
            "invalid_request",
            "chunk is longer",
        ),
        (
            chunked("2;\u{1}\r\n{}\r\n0\r\n\r\n"),
            400,
            "invalid_request",
            "extension",
        ),
        (
            chunked(&format!("2;{long}{long}\r\n{{}}\r\n0\r\n\r\n")),
            400,
            "invalid_request",
            "extensions",
        ),
        (
            chunked("2\r\n{}\r\n0\r\na b\r\n\r\n"),
            400,
            "invalid_request",
            "header name",
        ),
        (
            chunked(&format!("2\r\n{{}}\r\n0\r\na: {long}{long}\r\n\r\n")),
            431,
            "head_too_large",
            "trailers",
        ),
        // Transfer codings.
        (
            charge("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
            501,
            "not_implemented",
            "Transfer-Encoding",
        ),
        (
            charge("transfer-encoding: identity, chunked\r\n", "0\r\n\r\n"),
            501,
            "not_implemented",
            "Transfer-Encoding",
        ),
        (
            charge(
                "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            501,
            "not_implemented",
            "Transfer-Encoding",
        ),
        (
            charge("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n"),
            400,
            "invalid_request",
            "Transfer-Encoding",
        ),
        (
            charge(
                "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
                "0\r\n\r\n",
            ),
            400,
            "invalid_request",
            "Transfer-Encoding",
        ),
        (
            charge("transfer-encoding: chunked, gzip\r\n", "0\r\n\r\n"),
            400,
            "invalid_request",
            "Transfer-Encoding",
        ),
        (
            charge("transfer-encoding: identity\r\n", ""),
            400,
            "invalid_request",
            "Transfer-Encoding",
        ),
        (
            charge("transfer-encoding:\r\n", ""),
            400,
            "invalid_request",
            "Transfer-Encoding",
        ),
        (
            charge(
                "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
                "0\r\n\r\n",
            ),
            400,
            "invalid_request",
            "both",
        ),
        (
            charge("content-length: 2\r\ncontent-length: 2\r\n", "{}"),
            400,
            "invalid_request",
            "Content-Length",
        ),
        (
            charge("content-length: +2\r\n", "{}"),
            400,
            "invalid_request",
            "Content-Length",
        ),
        (
            lines(
                "POST /request_charge HTTP/1.0",
                "transfer-encoding: chunked\r\n",
            ) + "0\r\n\r\n",
            400,
            "invalid_request",
            "HTTP/1.0",
        ),
        (
            charge("content-length: 99999999999999999999\r\n", "{}"),
            413,
            "body_too_large",
            "larger",
        ),
        // The request line.
        (
            line(&format!("POST /{long} HTTP/1.1")),
            414,
            "target_too_long",
            "request line",
        ),
        (
            line("POST /request_charge HTTP/2.0"),
            505,
            "version_not_supported",
            "version",
        ),
        (
            line("POST /request_charge HTTP/0.9"),
            505,
            "version_not_supported",
            "version",
        ),
        (
            line("POST /request_charge HTTP/9.9"),
            505,
            "version_not_supported",
            "version",
        ),
        (
            line("POST /request_charge http/1.1"),
            400,
            "invalid_request",
            "version",
        ),
        (
            line("POST /request_charge#a HTTP/1.1"),
            400,
            "invalid_request",
            "fragment",
        ),
        (
            line("POST  /request_charge HTTP/1.1"),
            400,
            "invalid_request",
            "request line",
        ),
        (
            line("POST /request_charge  HTTP/1.1"),
            400,
            "invalid_request",
            "request line",
        ),
        (
            line("POST /request_charge HTTP/1.1 "),
            400,
            "invalid_request",
            "request line",
        ),
        (
            line("POST /request charge HTTP/1.1"),
            400,
            "invalid_request",
            "request line",
        ),
        (
            line("POST /request\tcharge HTTP/1.1"),
            400,
            "invalid_request",
            "percent-encoded",
        ),
        (
            line("POST request_charge HTTP/1.1"),
            400,
            "invalid_request",
            "target",
        ),
        (
            line("POST /\u{e9} HTTP/1.1"),
            400,
            "invalid_request",
            "percent-encoded",
        ),
        (
            line("CONNECT a:80 HTTP/1.1"),
            501,
            "not_implemented",
            "CONNECT",
        ),
        (
            "garbage\r\n\r\n".into(),
            400,
            "invalid_request",
            "request line",
        ),
        (
            "\u{16}\u{3}\u{1}".into(),
            400,
            "invalid_request",
            "request line",
        ),
        // Headers.
        (charge(&many, ""), 431, "head_too_large", "headers"),
        (charge(&large, ""), 431, "head_too_large", "headers"),
        (
            charge("a : b\r\n", ""),
            400,
            "invalid_request",
            "header name",
        ),
        (
            charge("a: b\r\n c\r\n", ""),
            400,
            "invalid_request",
            "folded",
        ),
        (
            charge("a: \u{1}\r\n", ""),
            400,
            "invalid_request",
            "header value",
        ),
        (
            lines("POST /request_charge HTTP/1.1", ""),
            400,
            "invalid_request",
            "Host",
        ),
        (charge("host: a\r\n", ""), 400, "invalid_request", "Host"),
        (
            lines("POST http://b/request_charge HTTP/1.1", "host: a\r\n"),
            400,
            "invalid_request",
            "Host",
        ),
        (
            lines("POST http://u@a/request_charge HTTP/1.1", "host: a\r\n"),
            400,
            "invalid_request",
            "host",
        ),
    ];
    all.extend(hosts);
    all
}

fn check(answer: &Answer, status: u16, code: &str, part: &str, case: &str) {
    let case = &case[..case.floor_char_boundary(200)];
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{case:?}: {}",
        answer.message()
    );
    let message = answer.message();
    assert!(message.contains(part), "{case:?}: {message}");
    for internal in ["InvalidHTTPHeader", "at line 1", "ident", "Token"] {
        assert!(!message.contains(internal), "{case:?}: {message}");
    }
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{case:?}"
    );
    let id = answer.json()["error"]["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!id.is_empty(), "{case:?}");
    assert_eq!(answer.header("x-request-id"), Some(&*id), "{case:?}");
}

#[test]
fn what_is_no_request_is_refused_alike_whichever_way_it_comes() {
    let (proxy, substation) = proxy("");
    let usual = client::request("POST", "/request_charge", "", "{}");
    let mut booked = 0;
    for (bytes, status, code, part) in refused() {
        let mut first = Connection::open(proxy.charge);
        // The proxy may answer and close before everything is written.
        let _ = first.0.write_all(bytes.as_bytes());
        check(&first.answer(), status, code, part, &bytes);
        assert!(first.is_ended(), "{bytes:?}");

        let mut later = Connection::open(proxy.charge);
        later.send(&usual);
        assert_eq!(later.answer().status, 200);
        booked += 1;
        let _ = later.0.write_all(bytes.as_bytes());
        check(&later.answer(), status, code, part, &bytes);
        assert!(later.is_ended(), "{bytes:?}");

        let mut admin = Connection::open(proxy.admin);
        let _ = admin.0.write_all(bytes.as_bytes());
        check(&admin.answer(), status, code, part, &bytes);
        assert!(admin.is_ended(), "{bytes:?}");
    }
    assert_eq!(substation.charges().len(), booked, "none of them is booked");
}

#[test]
fn what_is_a_request_is_answered_alike_whichever_way_it_comes() {
    let (proxy, substation) = proxy("");
    let body = r#"{"power_kw": 3.7}"#;
    let length = format!("content-length: {}\r\n", body.len());
    let to = |target: &str, host: &str| {
        format!("POST {target} HTTP/1.1\r\nhost: {host}\r\n{length}\r\n{body}")
    };
    let cases = [
        charge(&length, body),
        charge(&format!("connection: x-a\r\n{length}"), body),
        charge(
            "Transfer-Encoding: Chunked\r\n",
            &format!("{:x};a=b\r\n{body}\r\n00\r\nt: u\r\n\r\n", body.len()),
        ),
        to("http://a/request_charge", "a"),
        to("http://A/request_charge", "a:80"),
        to("https://a:443/request_charge", "A"),
        to("/request_charge", "[::1]:8080"),
        to("/request_charge", "A.b-c_d:"),
        "\r\n".to_owned() + &charge(&length, body),
        format!("POST /request_charge HTTP/1.0\r\nconnection: keep-alive\r\n{length}\r\n{body}"),
        charge(&format!("expect: 100-continue\r\n{length}"), body),
    ];
    for bytes in &cases {
        let mut connection = Connection::open(proxy.charge);
        for way in ["first", "later", "later still"] {
            connection.send(bytes);
            let answer = connection.any_answer().unwrap();
            assert_eq!(answer.status, 200, "{way}: {bytes:?}");
            assert_eq!(
                answer.header("connection"),
                Some("keep-alive"),
                "{way}: {bytes:?}"
            );
        }
    }
    let charges = substation.charges();
    assert_eq!(charges.len(), 3 * cases.len());
    assert!(
        charges.iter().all(|charge| charge.ends_with(body)),
        "{charges:?}"
    );
}

#[test]
fn every_connection_line_counts() {
    let (proxy, _substation) = proxy("");
    for (headers, closes) in [
        ("connection: x-a\r\nconnection: close\r\n", true),
        ("connection: keep-alive\r\nconnection: x-a, Close\r\n", true),
        ("connection: x-a\r\nconnection: x-b\r\n", false),
    ] {
        for is_later in [false, true] {
            let mut connection = Connection::open(proxy.charge);
            if is_later {
                connection.send(charge("", ""));
                assert_eq!(connection.answer().status, 200);
            }
            connection.send(charge(headers, ""));
            let answer = connection.answer();
            let shown = if closes { "close" } else { "keep-alive" };
            assert_eq!(
                (answer.status, answer.header("connection")),
                (200, Some(shown)),
                "{headers:?}"
            );
            if closes {
                assert!(connection.is_ended(), "{headers:?}");
            } else {
                connection.send(charge("", ""));
                assert_eq!(connection.answer().status, 200);
            }
        }
    }
}

#[test]
fn a_field_that_any_connection_line_of_an_answer_names_stays_here() {
    let substation = Scripted::charging(|| {
        let answer = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\nconnection: x-hop, x-other\r\nx-hop: 1\r\nx-other: 2\r\n\
                      x-end: 3\r\ncontent-length: 2\r\n\r\n{}";
        Act::Write(answer.into())
    });
    let proxy = Proxy::start(&[substation.address], "");
    let answer = proxy.charge("{}");
    assert_eq!(answer.header("x-end"), Some("3"));
    assert_eq!(
        (answer.header("x-hop"), answer.header("x-other")),
        (None, None)
    );
}

#[test]
fn an_expectation_costs_no_connection() {
    let (proxy, _substation) = proxy("");
    let mut connection = Connection::open(proxy.charge);
    for _ in 0..3 {
        connection.send(charge("expect: 100-Continue\r\ncontent-length: 2\r\n", ""));
        assert_eq!(connection.any_answer().unwrap().status, 100);
        connection.send("{}");
        assert_eq!(connection.any_answer().unwrap().status, 200);
        // Nothing is left to be sent.
        connection.send(charge("expect: 100-continue\r\n", ""));
        assert_eq!(connection.any_answer().unwrap().status, 200);
        connection.send(charge("expect: 200-ok\r\ncontent-length: 2\r\n", "{}"));
        let answer = connection.any_answer().unwrap();
        check(&answer, 417, "expectation_failed", "100-continue", "expect");
        // HTTP/1.0 has no expectations, so an interim answer would be taken for the final one.
        connection.send("POST /request_charge HTTP/1.0\r\nconnection: keep-alive\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
        connection.send("{}");
        assert_eq!(connection.any_answer().unwrap().status, 200);
    }
    // A client that waits for what never comes is told at once.
    connection.send(charge(
        "expect: 100-continue, x\r\ncontent-length: 2\r\n",
        "",
    ));
    assert_eq!(connection.any_answer().unwrap().status, 417);
    assert!(connection.is_ended());
}

#[test]
fn a_trusted_proxy_in_front_is_believed_and_the_query_reaches_the_substation() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let trust = "forwarded: {trust: [127.0.0.0/8]}";
    let proxy = Proxy::start(&[substation.address], trust);
    let mut connection = Connection::open(proxy.charge);
    // The second takes the fast path, but for its query.
    for target in ["/request_charge?a=b", "/request_charge"] {
        connection.send(format!(
            "POST {target} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\n\r\n"
        ));
        assert_eq!(connection.answer().status, 200);
    }
    let charges = substation.charges();
    assert!(
        charges[0].starts_with("POST /charge?a=b HTTP/1.1\r\n"),
        "{charges:?}"
    );
    assert!(
        charges[1].starts_with("POST /charge HTTP/1.1\r\n"),
        "{charges:?}"
    );
    for charge in charges {
        for line in [
            "via: 1.1 switchyard",
            "x-forwarded-for: 1.2.3.4, 127.0.0.1",
            "x-forwarded-proto: https",
        ] {
            assert_eq!(
                charge.lines().filter(|sent| *sent == line).count(),
                1,
                "{line}: {charge}"
            );
        }
    }
}

#[test]
fn head_is_get_without_the_body_on_both_ports() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "");
    for (address, path) in [
        (proxy.admin, "/status"),
        (proxy.admin, "/metrics"),
        (proxy.admin, "/"),
        (proxy.admin, "/live"),
        (proxy.admin, "/ready"),
        (proxy.admin, "/config"),
        (proxy.admin, "/decisions"),
        (proxy.admin, "/nothing"),
        (proxy.admin, "/reload"),
        (proxy.charge, "/nothing"),
        (proxy.charge, "/request_charge"),
        (proxy.charge, "/sessions/unknown-1"),
    ] {
        let get = client::get(address, path);
        let mut connection = Connection::open(address);
        connection.send(client::request("HEAD", path, "connection: close\r\n", ""));
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut connection.0, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {} ", get.status)),
            "{path}: {text}"
        );
        assert!(
            text.ends_with("\r\n\r\n") && text.matches("\r\n\r\n").count() == 1,
            "{path}: {text}"
        );
        assert!(text.contains("content-length: "), "{path}: {text}");
    }
}

#[test]
fn every_error_of_the_admin_port_is_the_contracts() {
    let (proxy, _substation) = proxy("");
    for (bytes, status, code) in [
        (client::request("GET", "/nothing", "", ""), 404, "not_found"),
        (
            client::request("PUT", "/status", "", ""),
            405,
            "method_not_allowed",
        ),
        (
            client::request("GET", "/reload", "", ""),
            405,
            "method_not_allowed",
        ),
        (
            client::request("GET", "/substations/s1/drain", "", ""),
            405,
            "method_not_allowed",
        ),
        (
            client::request("POST", "/substations/x/drain", "", ""),
            404,
            "not_found",
        ),
        (
            client::request("GET", "/decisions?limit=x", "", ""),
            400,
            "invalid_request",
        ),
        (
            client::request("POST", "/events", "", ""),
            405,
            "method_not_allowed",
        ),
        (
            client::request("POST", "/reload", "origin: http://evil.example\r\n", ""),
            403,
            "forbidden",
        ),
        (
            client::request("GET", "/status", "expect: x\r\n", ""),
            417,
            "expectation_failed",
        ),
        (
            client::request("GET", "/status", "", &"x".repeat(100_000)),
            413,
            "body_too_large",
        ),
    ] {
        let bytes = bytes.replacen(
            "host: localhost\r\n",
            "host: localhost\r\nx-request-id: mine\r\n",
            1,
        );
        let mut connection = Connection::open(proxy.admin);
        let _ = connection.0.write_all(bytes.as_bytes());
        let answer = connection.answer();
        check(&answer, status, code, "", &bytes);
        assert_eq!(answer.json()["error"]["request_id"], "mine");
    }
    let answer = proxy.get("/nothing");
    assert_eq!(
        answer.header("x-request-id").map(str::len),
        Some(32),
        "an id is made where none came"
    );
}
