//! The error table, row by row, with raw bytes from the client.

use std::io::Write;

use switchyard_faults::{self as client, Act, Connection, Scripted, fault::booked};

use crate::rig::Proxy;

fn proxy(extra: &str) -> (Proxy, Scripted) {
    let substation = Scripted::charging(|| Act::Write(booked()));
    (Proxy::start(&[substation.address], extra), substation)
}

#[test]
fn malformed_http_is_400_and_ends_the_connection() {
    let (proxy, substation) = proxy("");
    for bytes in [
        "garbage\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        "POST /request_charge HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut connection = Connection::open(proxy.charge);
        connection.send(bytes);
        let answer = connection.answer();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request"),
            "{bytes:?}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(connection.is_ended(), "{bytes:?}");
    }
    assert_eq!(substation.charges().len(), 0);
}

#[test]
fn an_invalid_charge_is_400_and_the_connection_stays_open() {
    let (proxy, substation) = proxy("");
    let mut connection = Connection::open(proxy.charge);
    for body in [
        "{",
        "[]",
        r#"{"power_kw": -1}"#,
        r#"{"power_kw": 0}"#,
        r#"{"power_kw": 1e999}"#,
        r#"{"power_kw": NaN}"#,
        r#"{"power_kw": "eleven"}"#,
        r#"{"energy_kwh": -2}"#,
        r#"{"vehicle_id": 3}"#,
        "\u{0}\u{1}",
    ] {
        connection.send(client::request(
            "POST",
            "/request_charge",
            "x-request-id: mine\r\n",
            body,
        ));
        let answer = connection.answer();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request"),
            "{body:?}"
        );
        assert_eq!(answer.json()["error"]["request_id"], "mine");
        assert_eq!(answer.header("x-request-id"), Some("mine"));
    }
    connection.send(client::request("POST", "/request_charge", "", "{}"));
    assert_eq!(connection.answer().status, 200);
    assert_eq!(substation.charges().len(), 1);
}

#[test]
fn unknown_paths_are_404_and_wrong_methods_405() {
    let (proxy, _substation) = proxy("");
    let mut connection = Connection::open(proxy.charge);
    connection.send(client::request("POST", "/charge", "", "{}"));
    let answer = connection.answer();
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    connection.send(client::request("POST", "/sessions/s1-0", "", ""));
    let answer = connection.answer();
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("GET, HEAD, DELETE"))
    );
    connection.send(client::request("GET", "/metrics", "", ""));
    assert_eq!(
        connection.answer().status,
        404,
        "the admin port's pages are not public"
    );
    for method in ["GET", "PUT", "DELETE"] {
        connection.send(client::request(method, "/request_charge", "", ""));
        let answer = connection.answer();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "method_not_allowed")
        );
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

#[test]
fn a_client_that_takes_too_long_gets_408() {
    let (proxy, substation) = proxy("timeouts: {client: 150ms}");
    for part in [
        "",
        "POST /request_charge HTT",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n{",
        "POST /request_charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ] {
        let mut connection = Connection::open(proxy.charge);
        connection.send(part);
        let answer = connection.answer();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "request_timeout"),
            "{part:?}"
        );
        assert!(connection.is_ended());
    }
    // The second request on a connection has the same deadline, from its first byte.
    let mut connection = Connection::open(proxy.charge);
    connection.send(client::request("POST", "/request_charge", "", "{}"));
    assert_eq!(connection.answer().status, 200);
    connection.send("P");
    assert_eq!(connection.answer().status, 408);
    assert_eq!(substation.charges().len(), 1);
}

#[test]
fn a_client_that_sends_byte_by_byte_does_not_stretch_the_deadline() {
    let (proxy, _substation) = proxy("timeouts: {client: 300ms}");
    let mut connection = Connection::open(proxy.charge);
    let request = client::request(
        "POST",
        "/request_charge",
        &format!("x: {}\r\n", "y".repeat(2_000)),
        "{}",
    );
    let mut drip = connection.0.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        for byte in request.into_bytes() {
            if drip.write_all(&[byte]).is_err() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    assert_eq!(connection.answer().status, 408);
    drop(connection);
    dripping.join().unwrap();
}

#[test]
fn a_body_over_the_limit_is_413_declared_or_not() {
    let (proxy, substation) = proxy("limits: {body: 100B}");
    let mut connection = Connection::open(proxy.charge);
    connection.send("POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 101\r\n\r\n");
    let answer = connection.answer();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large")
    );
    let chunk = format!("32\r\n{}\r\n", "x".repeat(50));
    let chunked = "POST /request_charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = client::raw(
        proxy.charge,
        format!("{chunked}{chunk}{chunk}{chunk}0\r\n\r\n"),
    );
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large")
    );
    assert_eq!(substation.charges().len(), 0);
    let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(92));
    assert_eq!(body.len(), 100);
    assert_eq!(
        proxy.charge(&body).status,
        200,
        "the limit itself is allowed"
    );
}

#[test]
fn a_connection_over_the_limit_is_answered_with_503_overloaded() {
    // Requests are not what it limits: the first may count for a moment after its answer.
    let limits = "limits: {connections: 2, requests: 8, client: {connections: 2, requests: 8}}";
    let (proxy, _substation) = proxy(limits);
    let mut held: Vec<_> = (0..2).map(|_| Connection::open(proxy.charge)).collect();
    for connection in &mut held {
        connection.send(client::request("POST", "/request_charge", "", "{}"));
        assert_eq!(connection.answer().status, 200);
    }
    for _ in 0..8 {
        let answer = Connection::open(proxy.charge).answer();
        assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    held.clear();
    crate::rig::until("a place", || {
        (proxy.charge("{}").status == 200).then_some(())
    });
}
