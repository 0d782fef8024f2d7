//! No request hides within another, and no answer is another's.

use switchyard_faults::Step;

use super::{
    exchange::{Body, Exchange, Http1},
    rig::{Rig, Way},
};

/// What would be the hidden request.
const HIDDEN: &str = "GET /v1/hidden HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn rig() -> Rig {
    let steps = vec![
        Step::ReadBody,
        Step::head(
            "200 OK",
            "content-length: 2\r\ncache-control: public, max-age=600\r\n",
        ),
        Step::text("ok"),
    ];
    Rig::start(steps, "timeouts: {client: 2s}")
}

fn hidden(rig: &Rig) -> usize {
    let requests = rig.backend.requests();
    let hidden = requests
        .iter()
        .filter(|request| request.head.contains("/v1/hidden"));
    hidden.count()
}

/// CVE-2026-2835 among them: `Transfer-Encoding` of a message of HTTP/1.0.
#[test]
fn a_request_whose_end_is_in_doubt_is_refused_before_a_substation_sees_it() {
    let rig = rig();
    for way in [Way::First, Way::Tls] {
        for (line, headers) in [
            ("POST /v1/x HTTP/1.0", "transfer-encoding: chunked\r\n"),
            (
                "POST /v1/x HTTP/1.0",
                "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            ),
            (
                "POST /v1/x HTTP/1.0",
                "connection: keep-alive\r\ntransfer-encoding: identity, chunked\r\n",
            ),
            (
                "POST /v1/x HTTP/1.1",
                "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            ),
            (
                "POST /v1/x HTTP/1.1",
                "content-length: 5\r\ncontent-length: 6\r\n",
            ),
            ("POST /v1/x HTTP/1.1", "content-length: 5, 5\r\n"),
            ("POST /v1/x HTTP/1.1", "content-length: +5\r\n"),
            ("POST /v1/x HTTP/1.1", "transfer-encoding: xchunked\r\n"),
            (
                "POST /v1/x HTTP/1.1",
                "transfer-encoding: chunked, identity\r\n",
            ),
            (
                "POST /v1/x HTTP/1.1",
                "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            ),
            ("POST /v1/x HTTP/1.1", "transfer-encoding : chunked\r\n"),
            (
                "POST /v1/x HTTP/1.1",
                "x-a: b\r\n transfer-encoding: chunked\r\n",
            ),
            (
                "POST /v1/x HTTP/1.1",
                "x-a: b\ntransfer-encoding: chunked\r\n",
            ),
            (
                "GET /v1/x HTTP/1.1",
                "upgrade: websocket\r\nconnection: upgrade\r\ntransfer-encoding: gzip\r\n",
            ),
        ] {
            let mut exchange = Http1::connect(&rig, way);
            let bytes = format!("{line}\r\nhost: localhost\r\n{headers}\r\n0\r\n\r\n{HIDDEN}");
            assert!(exchange.raw(bytes.as_bytes()));
            let status = exchange.head().map(|head| head.status);
            assert!(
                matches!(status, Some(400 | 501)),
                "{way:?} {line} {headers:?}: {status:?}"
            );
        }
    }
    assert_eq!(rig.backend.requests().len(), 0);
    rig.settles();
}

#[test]
fn a_body_that_turns_out_to_be_malformed_ends_its_request_and_its_connection() {
    let rig = rig();
    for way in Way::HTTP1 {
        for body in [
            "5\r\nhello\r\nzz\r\n",
            "5\r\nhelloX\r\n0\r\n\r\n",
            "5\r\nhello\r\n-1\r\n",
            "5\r\nhello\r\nfffffffffffffffff\r\n",
            "5\nhello\r\n0\r\n\r\n",
        ] {
            let Exchange::Http1(mut exchange) = rig.post(way, Body::Pieces) else {
                unreachable!("it is HTTP/1.1")
            };
            assert!(exchange.raw(body.as_bytes()));
            // Perhaps it is closed already.
            exchange.raw(HIDDEN.as_bytes());
            let status = exchange.head().map(|head| head.status);
            assert!(
                matches!(status, Some(400) | None),
                "{way:?} {body:?}: {status:?}"
            );
            exchange.discard();
        }
    }
    assert_eq!(hidden(&rig), 0);
    assert!(
        rig.backend
            .requests()
            .iter()
            .all(|request| { request.head.contains(super::rig::EASY) || !request.is_whole })
    );
    rig.settles();
}

#[test]
fn what_is_behind_a_body_is_the_next_request_and_nothing_else() {
    let rig = rig();
    for way in Way::HTTP1 {
        let before = hidden(&rig);
        let mut exchange = Http1::connect(&rig, way);
        let first = "POST /v1/x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
        let second = "POST /v1/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\n\r\nabc";
        assert!(exchange.raw(format!("{first}{second}{HIDDEN}").as_bytes()));
        for _ in 0..3 {
            assert_eq!(exchange.head().unwrap().status, 200, "{way:?}");
            assert_eq!(exchange.rest(), b"ok");
        }
        assert_eq!(hidden(&rig), before + 1);
        let bodies: Vec<_> = rig
            .backend
            .requests()
            .into_iter()
            .map(|request| request.body)
            .collect();
        let last: Vec<_> = bodies.iter().rev().take(3).map(Vec::as_slice).collect();
        assert_eq!(last, [b"".as_slice(), b"abc", b"ab"]);
    }
    rig.settles();
}

/// CVE-2026-2836: answers were kept by their path alone, whatever the host.
#[test]
fn each_request_is_answered_by_a_substation_however_long_its_answer_may_be_kept() {
    let rig = rig();
    for way in Way::ALL {
        let before = rig.backend.requests().len();
        for host in ["one.example", "two.example", "one.example"] {
            let mut exchange = if way.is_http2() {
                rig.get(way)
            } else {
                let mut exchange = Http1::connect(&rig, way);
                let bytes = format!("GET /v1/x HTTP/1.1\r\nhost: {host}\r\n\r\n");
                assert!(exchange.raw(bytes.as_bytes()));
                Exchange::Http1(Box::new(exchange))
            };
            let head = exchange.head().unwrap();
            assert_eq!(head.status, 200);
            assert!(!head.headers.contains_key("age"));
            assert_eq!(exchange.rest().unwrap(), b"ok");
            if !way.is_http2() {
                assert_eq!(rig.backend.last().unwrap().header("host"), Some(host));
            }
        }
        assert_eq!(rig.backend.requests().len(), before + 3, "{way:?}");
    }
    rig.settles();
}

#[test]
fn a_header_of_the_connection_goes_no_further_and_takes_none_away_that_counts() {
    let rig = rig();
    for way in Way::HTTP1 {
        for counts in ["content-length", "host", "x-request-id"] {
            let before = rig.backend.requests().len();
            let mut exchange = Http1::connect(&rig, way);
            let nominates = [("connection", counts), ("x-request-id", "mine")];
            exchange.ask(("POST", "/v1/x"), &nominates, Body::Whole(b"abc"));
            assert_eq!(exchange.head().unwrap().status, 400, "{way:?} {counts}");
            assert_eq!(rig.backend.requests().len(), before);
        }
        let headers = [
            ("connection", "x-secret, x-other-secret"),
            ("x-secret", "1"),
            ("x-other", "2"),
            ("x-request-id", "mine"),
            ("te", "trailers"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic eA=="),
        ];
        let target = ("POST", "/v1/x");
        let mut exchange = Exchange::begin(&rig, way, target, &headers, Body::Whole(b"abc"));
        assert_eq!(exchange.head().unwrap().status, 200, "{way:?}");
        assert_eq!(exchange.rest().unwrap(), b"ok");
        let request = rig.backend.last().unwrap();
        for gone in ["x-secret", "te", "keep-alive", "proxy-authorization"] {
            assert_eq!(request.header(gone), None, "{way:?}: {gone}");
        }
        assert_eq!(request.header("content-length"), Some("3"));
        assert_eq!(request.header("host"), Some("localhost"));
        assert_eq!(request.header("x-other"), Some("2"));
        assert_eq!(request.header("x-request-id"), Some("mine"));
    }
    rig.settles();
}
