//! Connections that change their protocol, as WebSocket does: only where a request asks for it and its substation agrees.

use switchyard_faults::Step;

use super::{
    exchange::{Body, Exchange, Http1},
    rig::{EASY, Rig, Way},
};
use crate::rig::until;

const ASKS: [(&str, &str); 3] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn agrees() -> Step {
    let headers = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n";
    Step::head("101 Switching Protocols", headers)
}

/// A request for another protocol.
fn ask(rig: &Rig, way: Way, body: Body<'_>) -> Http1 {
    match Exchange::begin(rig, way, ("GET", "/ws"), &ASKS, body) {
        Exchange::Http1(exchange) => *exchange,
        Exchange::Http2(_) => unreachable!("it is HTTP/1.1"),
    }
}

#[test]
fn what_both_say_passes_and_the_load_lasts_as_long_as_the_connection() {
    let rig = Rig::start(
        vec![agrees(), Step::Echo],
        "timeouts: {request: 1s, stream_idle: 1h}",
    );
    for way in Way::HTTP1 {
        for ends_first in ["client", "client leaves"] {
            let mut exchange = ask(&rig, way, Body::None);
            let head = exchange.head().unwrap();
            assert_eq!(head.status, 101, "{way:?}");
            assert_eq!(head.headers["upgrade"], "websocket");
            assert_eq!(head.headers["connection"].to_lowercase(), "upgrade");
            assert_eq!(head.headers["x-substation"], "s1");
            for round in 0..3 {
                let text = format!("round {round}");
                assert!(exchange.raw(text.as_bytes()));
                exchange.expect(&text);
            }
            assert_eq!(rig.load(way), 1.0, "{way:?}");
            let request = rig.backend.last().unwrap();
            assert_eq!(request.header("upgrade"), Some("websocket"));
            if ends_first == "client" {
                exchange.shut();
                assert!(exchange.is_ended(), "{way:?}");
            }
            drop(exchange);
            until("the load ends with the connection", || {
                (rig.load(way) == 0.0 && rig.backend.at_work() == 0).then_some(())
            });
        }
    }
    rig.settles();
}

#[test]
fn the_end_of_the_substation_ends_the_connection() {
    for last in [Step::Close, Step::Reset] {
        let rig = Rig::start(vec![agrees(), Step::text("hello"), Step::Await, last], "");
        for way in Way::HTTP1 {
            let mut exchange = ask(&rig, way, Body::None);
            assert_eq!(exchange.head().unwrap().status, 101);
            exchange.expect("hello");
            rig.backend.release(1);
            assert!(exchange.is_ended(), "{way:?}");
        }
        rig.settles();
    }
}

#[test]
fn without_a_word_for_long_the_connection_ends() {
    let rig = Rig::start(vec![agrees(), Step::Echo], "timeouts: {stream_idle: 300ms}");
    for way in Way::HTTP1 {
        let mut exchange = ask(&rig, way, Body::None);
        assert_eq!(exchange.head().unwrap().status, 101);
        assert!(exchange.is_ended(), "{way:?}");
    }
    rig.settles();
}

/// CVE-2026-2833: what follows a request for an upgrade is not the other protocol before the substation has agreed.
#[test]
fn what_follows_a_request_for_an_upgrade_reaches_no_substation_unread() {
    let steps = vec![
        Step::Await,
        Step::head("200 OK", "content-length: 2\r\n"),
        Step::text("no"),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::HTTP1 {
        let mut exchange = Http1::connect(&rig, way);
        exchange.ask(("GET", "/ws"), &ASKS, Body::None);
        let smuggled = "GET /internal HTTP/1.1\r\nhost: localhost\r\n\r\n";
        assert!(exchange.raw(smuggled.as_bytes()));
        until("it has come", || (rig.backend.at_work() == 1).then_some(()));
        rig.backend.release(1);
        assert_eq!(exchange.head().unwrap().status, 200, "{way:?}");
        assert_eq!(exchange.rest(), b"no");
        // The next request is the proxy's to answer.
        assert_eq!(exchange.head().unwrap().status, 404, "{way:?}");
        exchange.rest();
        exchange.ask(("GET", EASY), &[], Body::None);
        assert_eq!(
            exchange.head().unwrap().status,
            200,
            "{way:?}: the connection goes on"
        );
        exchange.rest();
    }
    let requests = rig.backend.requests();
    assert!(
        requests
            .iter()
            .all(|request| !request.head.contains("/internal"))
    );
    rig.settles();
}

#[test]
fn a_request_for_an_upgrade_with_a_body_is_a_request_like_any_other() {
    let steps = vec![
        Step::ReadBody,
        Step::head("200 OK", "content-length: 2\r\n"),
        Step::text("ok"),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::HTTP1 {
        let mut exchange = ask(&rig, way, Body::Whole(b"hello"));
        assert_eq!(exchange.head().unwrap().status, 200, "{way:?}");
        assert_eq!(exchange.rest(), b"ok");
        let request = rig.backend.last().unwrap();
        assert_eq!(request.body, b"hello");
        assert_eq!(request.header("upgrade"), None, "{way:?}");
    }
    rig.settles();
}

#[test]
fn an_upgrade_to_another_protocol_than_was_asked_for_is_no_answer() {
    let other = "connection: Upgrade\r\nupgrade: h2c\r\n";
    let steps = vec![Step::head("101 Switching Protocols", other), Step::Echo];
    let rig = Rig::start(steps, "timeouts: {request: 1s, stream_idle: 1s}");
    for way in Way::HTTP1 {
        let mut exchange = ask(&rig, way, Body::None);
        assert_eq!(exchange.head().unwrap().status, 502, "{way:?}");
    }
    rig.settles();
}
