//! What a short message weighs, where it goes, and what becomes of it when a substation fails.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use switchyard_faults::{self as client, Act, Scripted, fault};

use super::{ask, ask_with, last_load, lines, start, working};
use crate::rig::until;

#[test]
fn a_request_goes_to_its_routes_path_with_its_method_query_and_body() {
    let substation = working("0");
    let proxy = start(
        &[&substation],
        &[
            "path: /allocate, upstream_path: /pods/allocate, lasts: session",
            "path: /v1/, upstream_path: /x/, buffer: true",
            "path: /v1/models, methods: [GET, HEAD], buffer: true, any: true",
        ],
        "",
    );
    for (method, path, line) in [
        ("POST", "/allocate", "POST /pods/allocate HTTP/1.1"),
        (
            "PUT",
            "/allocate?a=b&c",
            "PUT /pods/allocate?a=b&c HTTP/1.1",
        ),
        ("PATCH", "/v1/a/b%20c", "PATCH /x/a/b%20c HTTP/1.1"),
        ("DELETE", "/v1/", "DELETE /x/ HTTP/1.1"),
        ("GET", "/v1/models", "GET /v1/models HTTP/1.1"),
        ("POST", "/v1/models", "POST /x/models HTTP/1.1"),
        ("BREW", "/v1/pot", "BREW /x/pot HTTP/1.1"),
    ] {
        let answer = ask(&proxy, method, path, "no JSON");
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(answer.header("x-substation"), Some("s1"));
        assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
        assert_eq!(answer.body, b"{}", "{path}");
        let last = substation.requests(line).pop();
        let last = last.unwrap_or_else(|| panic!("{line} in {:?}", lines(&substation)));
        assert!(last.ends_with("\r\n\r\nno JSON"), "{last}");
        assert!(last.contains("\r\nvia: 1.1 switchyard\r\n"), "{last}");
    }
    let mut stream = TcpStream::connect(proxy.charge).unwrap();
    let head = client::request("HEAD", "/v1/models", "connection: close\r\n", "");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\ncontent-length: 2\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(lines(&substation).pop().unwrap(), "GET /v1/models HTTP/1.1");
    assert_eq!(ask(&proxy, "POST", "/request_charge", "").status, 200);
    assert_eq!(lines(&substation).pop().unwrap(), "POST /charge HTTP/1.1");
}

#[test]
fn a_request_weighs_what_its_route_says_or_its_body() {
    let substation = working("0");
    let proxy = start(
        &[&substation],
        &[
            "path: /one, buffer: true",
            "path: /half, buffer: true, load: 0.5",
            "path: /field, lasts: session, load: {field: max_tokens, default: 3, per: 1000}",
        ],
        "",
    );
    for (path, body, load) in [
        ("/one", "", 1.0),
        ("/one", r#"{"power_kw": 11}"#, 1.0),
        ("/half", "no JSON", 0.5),
        ("/field", "", 3.0),
        ("/field", "{}", 3.0),
        ("/field", r#"{"max_tokens": null}"#, 3.0),
        (
            "/field",
            r#"{"max_tokens": 256, "energy_kwh": "x", "vehicle_id": 7}"#,
            0.256,
        ),
        (
            "/field",
            r#"{"a": {"max_tokens": 1}, "max_tokens": 4e3}"#,
            4.0,
        ),
    ] {
        // Not each choice is recorded where they come fast.
        until(&format!("{load} of {path} {body}"), || {
            assert_eq!(ask(&proxy, "POST", path, body).status, 200, "{body}");
            (last_load(&proxy) == load).then_some(())
        });
    }
    let sent = lines(&substation).len();
    for (body, word) in [
        ("max_tokens=5", "looks like a form"),
        ("[]", "a JSON object"),
        (
            r#"{"max_tokens": "5"}"#,
            "\"max_tokens\" to be a positive number",
        ),
        (
            r#"{"max_tokens": 0}"#,
            "\"max_tokens\" to be a positive number",
        ),
        (r#"{"max_tokens": 1, "max_tokens": 1}"#, "given twice"),
        (r#"{"max_tokens": 1"#, r#"as in {"max_tokens": 1}"#),
    ] {
        let answer = ask(&proxy, "POST", "/field", body);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "invalid_request")
        );
        assert!(answer.message().contains(word), "{}", answer.message());
    }
    assert_eq!(lines(&substation).len(), sent, "nothing was sent");
}

/// Bears this of a capacity of 10.
fn bearing(load: u32) -> Scripted {
    let page = format!("substation_current_load {load}\nsubstation_capacity 10\n");
    Scripted::start(move |request| {
        let is_metrics = request.starts_with("GET /metrics ");
        let body = if is_metrics { page.as_str() } else { "{}" };
        Act::Write(fault::answer("200 OK", body))
    })
}

#[test]
fn a_load_ends_with_the_answer_or_outlives_it_as_its_route_says() {
    let substation = bearing(0);
    let proxy = start(
        &[&substation],
        &[
            "path: /answer, buffer: true, load: 5, lasts: answer",
            "path: /session, buffer: true, load: 5, lasts: session",
        ],
        // So long no sample comes that would say anything.
        "load: {interval: 1h, stale_after: 1h}\n",
    );
    for _ in 0..20 {
        assert_eq!(ask(&proxy, "GET", "/answer", "").status, 200);
    }
    for _ in 0..2 {
        assert_eq!(ask(&proxy, "GET", "/session", "").status, 200);
    }
    for path in ["/answer", "/session"] {
        let refused = ask(&proxy, "GET", path, "");
        assert_eq!(refused.code(), "no_capacity", "{path}");
        let left = "s1 has 0 of 10 left";
        assert!(refused.message().contains(left), "{}", refused.message());
    }
}

#[test]
fn any_substation_takes_what_needs_no_room() {
    let (full, other) = (bearing(50), bearing(50));
    let proxy = start(
        &[&full, &other],
        &[
            "path: /load, buffer: true, load: 1",
            "path: /none, buffer: true, load: 0",
            "path: /any, buffer: true, any: true",
        ],
        "",
    );
    let refused = ask(&proxy, "GET", "/load", "");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_capacity")
    );
    for path in ["/none", "/any"] {
        for _ in 0..50 {
            assert_eq!(ask(&proxy, "GET", path, "").status, 200, "{path}");
        }
    }
    for substation in [&full, &other] {
        let any = substation.requests("GET /any ").len();
        assert!((10..=40).contains(&any), "{any} of 50");
    }
}

/// Reads the first request other than a scrape and breaks its connection, and answers the others.
fn breaking() -> Scripted {
    let first = AtomicBool::new(true);
    Scripted::start(move |request| {
        if request.starts_with("GET /metrics ") {
            Act::Write(fault::gauge("0"))
        } else if first.swap(false, SeqCst) {
            fault::reset()
        } else {
            Act::Write(fault::answer("200 OK", "{}"))
        }
    })
}

#[test]
fn what_may_be_repeated_is_sent_elsewhere_and_nothing_else_is() {
    for (method, lasts, status, word) in [
        ("GET", "answer", 200, ""),
        ("PUT", "answer", 200, ""),
        ("POST", "answer", 502, "it may have been done there"),
        ("PUT", "session", 502, "the session may be booked there"),
    ] {
        let (one, other) = (breaking(), breaking());
        let route = format!("path: /a, buffer: true, lasts: {lasts}");
        // Another first one of the two may break too.
        let proxy = start(
            &[&one, &other],
            &[&route],
            "retry: {attempts: 3, budget: 1}\n",
        );
        let answer = ask(&proxy, method, "/a", "");
        let sent = lines(&one).len() + lines(&other).len();
        if status == 200 {
            assert_eq!(
                sent, 2,
                "each was asked once, and both broke: {}",
                answer.status
            );
            assert_eq!(answer.status, 502, "{}", answer.message());
            assert!(
                answer.message().ends_with("try again"),
                "{}",
                answer.message()
            );
            let again = ask(&proxy, method, "/a", "");
            assert_eq!(again.status, 200);
            continue;
        }
        assert_eq!((answer.status, sent), (status, 1), "{method} {lasts}");
        assert!(answer.message().contains(word), "{}", answer.message());
    }
}

#[test]
fn a_repeatable_request_that_broke_off_is_answered_by_another() {
    let (broken, good) = (
        Scripted::start(|request| {
            if request.starts_with("GET /metrics ") {
                Act::Write(fault::gauge("0"))
            } else {
                fault::reset()
            }
        }),
        // Fuller, so that it is asked second.
        working("5"),
    );
    let proxy = start(&[&broken, &good], &["path: /a, buffer: true"], "");
    let answer = ask(&proxy, "GET", "/a", "");
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(answer.header("x-substation"), Some("s2"));
    assert_eq!(lines(&broken).len(), 1);
}

#[test]
fn a_key_holds_a_request_at_its_substation_and_belongs_to_one_request() {
    let (one, other) = (working("0"), working("0"));
    let proxy = start(&[&one, &other], &["path: /a/, lasts: session"], "");
    let keyed = |path, body| ask_with(&proxy, ("POST", path), "idempotency-key: k1\r\n", body);
    let first = keyed("/a/x", "1");
    assert_eq!(first.status, 200);
    for _ in 0..10 {
        let again = keyed("/a/x", "1");
        assert_eq!(again.header("x-substation"), first.header("x-substation"));
    }
    for (path, body) in [("/a/x", "2"), ("/a/y", "1")] {
        let other = keyed(path, body);
        assert_eq!(other.code(), "idempotency_key_reused", "{path} {body}");
        assert!(
            other.message().contains("another request"),
            "{}",
            other.message()
        );
    }
}
