//! Streams among other requests of their connection.

use switchyard_faults::Step;

use super::{
    exchange::{Body, Exchange, Http1},
    rig::{EASY, Rig, Way},
};
use crate::rig::until;

#[test]
fn a_connection_goes_on_behind_a_stream() {
    let steps = vec![Step::events(), Step::event("x"), Step::Chunk(Vec::new())];
    let rig = Rig::start(steps, "");
    for way in Way::HTTP1 {
        let mut exchange = Http1::connect(&rig, way);
        for round in 0..3 {
            exchange.ask(("GET", "/v1/x"), &[], Body::None);
            assert_eq!(exchange.head().unwrap().status, 200, "{way:?} {round}");
            assert_eq!(exchange.rest(), b"data: x\n\n");
            exchange.ask(("GET", "/nowhere"), &[], Body::None);
            assert_eq!(exchange.head().unwrap().status, 404, "{way:?} {round}");
            exchange.rest();
        }
        exchange.ask(("GET", "/v1/x"), &[("connection", "close")], Body::None);
        assert_eq!(exchange.head().unwrap().headers["connection"], "close");
        assert_eq!(exchange.rest(), b"data: x\n\n");
        assert!(exchange.is_ended(), "{way:?}");
    }
    rig.settles();
}

#[test]
fn a_client_of_http_1_0_gets_the_end_of_its_connection_as_the_end() {
    let steps = vec![Step::events(), Step::event("x"), Step::Chunk(Vec::new())];
    let rig = Rig::start(steps, "");
    let mut exchange = Http1::connect(&rig, Way::First);
    assert!(exchange.raw(b"GET /v1/x HTTP/1.0\r\nhost: localhost\r\n\r\n"));
    let head = exchange.head().unwrap();
    assert_eq!(head.status, 200);
    assert!(!head.headers.contains_key("transfer-encoding"));
    assert_eq!(exchange.rest(), b"data: x\n\n");
    rig.settles();
}

#[test]
fn streams_count_as_in_flight_and_their_connection_as_busy() {
    let steps = vec![Step::events(), Step::Await, Step::Chunk(Vec::new())];
    let rig = Rig::start(steps, "timeouts: {idle: 300ms}");
    for way in Way::ALL {
        let mut exchange = rig.get(way);
        assert_eq!(exchange.head().unwrap().status, 200);
        let proxy = rig.proxy(way);
        assert_eq!(
            proxy.metric("switchyard_requests_in_flight"),
            1.0,
            "{way:?}"
        );
        assert_eq!(proxy.status()["substations"][0]["in_flight"], 1, "{way:?}");
        // Longer than a connection may be idle.
        std::thread::sleep(std::time::Duration::from_millis(600));
        rig.backend.release(1);
        assert_eq!(exchange.rest(), Ok(Vec::new()), "{way:?}");
    }
    rig.settles();
}

#[test]
fn without_room_a_stream_is_refused_and_sent_nowhere() {
    let steps = vec![Step::events(), Step::Await, Step::Chunk(Vec::new())];
    let rig = Rig::start(steps, "");
    rig.backend.show("5\nsubstation_capacity 5");
    for way in [Way::First, Way::Tls, Way::Http2, Way::Http2Tls] {
        let proxy = rig.proxy(way);
        until("it is full", || {
            (proxy.status()["substations"][0]["current_load"] == 5.0).then_some(())
        });
        let mut exchange = rig.post(way, Body::Announced(1_000_000));
        let (status, code) = exchange.refusal();
        assert_eq!((status, code.as_str()), (503, "no_capacity"), "{way:?}");
    }
    assert!(
        rig.backend
            .requests()
            .iter()
            .all(|request| request.head.contains(EASY))
    );
    // A gauge of 0 is that of a backend at rest.
    rig.backend.show("0");
    rig.settles();
}

#[test]
fn over_http2_many_streams_of_one_connection_go_side_by_side() {
    let rig = Rig::start(
        vec![Step::events(), Step::Await, Step::Chunk(Vec::new())],
        "",
    );
    let Exchange::Http2(first) = rig.get(Way::Http2) else {
        unreachable!("it is HTTP/2")
    };
    for at in 0..20 {
        let status = first.connection().status(("GET", EASY), Body::None);
        assert_eq!(status, 200, "{at}: beside one that goes on");
    }
    rig.backend.release(1);
    let mut first = Exchange::Http2(first);
    assert_eq!(first.head().unwrap().status, 200);
    assert_eq!(first.rest(), Ok(Vec::new()));
    rig.settles();
}
