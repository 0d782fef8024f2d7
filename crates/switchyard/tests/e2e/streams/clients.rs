//! Clients that leave, read nothing, or send nothing.

use std::time::{Duration, Instant};

use switchyard_faults::Step;

use super::{
    exchange::{Body, Exchange},
    rig::{EASY, Rig, Way, endless},
};
use crate::rig::until;

/// Waits until the backend has seen that so many clients left.
fn seen(rig: &Rig, clients: usize, what: &str) {
    until(what, || (rig.backend.left() == clients).then_some(()));
}

#[test]
fn a_client_that_leaves_ends_its_stream_at_once() {
    // No timeout of this test would end it.
    let events = || vec![Step::events(), Step::event("one"), Step::Hang];
    for (steps, has_head) in [(vec![Step::Hang], false), (events(), true)] {
        let rig = Rig::start(steps, "timeouts: {request: 1h, stream_idle: 1h}");
        for (at, way) in Way::ALL.into_iter().enumerate() {
            let mut exchange = rig.get(way);
            if has_head {
                assert_eq!(exchange.head().unwrap().status, 200);
                exchange.expect("data: one\n\n");
            }
            until("it is at work", || {
                (rig.backend.at_work() == 1).then_some(())
            });
            drop(exchange);
            seen(&rig, at + 1, &format!("{way:?}: the backend sees it"));
        }
        rig.settles();
    }
}

#[test]
fn a_client_that_leaves_within_its_body_ends_its_stream_at_once() {
    let steps = vec![
        Step::ReadBody,
        Step::head("200 OK", "content-length: 0\r\n"),
    ];
    let rig = Rig::start(steps, "timeouts: {request: 1h, stream_idle: 1h}");
    for (at, way) in Way::ALL.into_iter().enumerate() {
        for (more, body) in [Body::Pieces, Body::Announced(1_000_000)]
            .into_iter()
            .enumerate()
        {
            let mut exchange = rig.post(way, body);
            assert!(exchange.send(b"some of it"));
            until("it comes", || {
                let last = rig.backend.last()?;
                let is_this = rig.backend.at_work() == 1 && last.body == b"some of it";
                is_this.then_some(())
            });
            drop(exchange);
            seen(
                &rig,
                2 * at + more + 1,
                &format!("{way:?}: the backend sees it"),
            );
        }
    }
    assert!(
        rig.backend
            .requests()
            .iter()
            .all(|request| !request.is_whole || request.head.contains(EASY))
    );
    rig.settles();
}

/// The proxy reads no more of a body than the substation takes, so it must notice otherwise.
#[test]
fn a_client_that_leaves_while_nothing_takes_its_body_ends_its_stream_at_once() {
    let steps = vec![Step::Await, Step::ReadBody];
    let rig = Rig::start(steps, "timeouts: {request: 1h, stream_idle: 1h}");
    for (at, way) in [Way::Http2, Way::Http2Tls].into_iter().enumerate() {
        let Exchange::Http2(mut exchange) = rig.post(way, Body::Pieces) else {
            unreachable!("it is HTTP/2")
        };
        // More than the sockets take.
        while exchange.pour(1 << 20) == 1 << 20 {}
        assert_eq!(rig.load(way), 1.0, "{way:?}");
        let connection = exchange.reset();
        until("the load ends", || (rig.load(way) == 0.0).then_some(()));
        assert_eq!(connection.status(("GET", EASY), Body::None), 200);
        // What is in the sockets is before the end of the connection.
        rig.backend.release(1);
        seen(&rig, at + 1, &format!("{way:?}: the backend sees it"));
    }
    assert!(
        rig.backend
            .requests()
            .iter()
            .all(|request| !request.is_whole)
    );
    rig.settles();
}

#[test]
fn a_client_that_reads_nothing_is_cut_and_takes_no_more_than_buffers() {
    let rig = Rig::start(endless(), "timeouts: {request: 10s, stream_idle: 500ms}");
    for (at, way) in Way::ALL.into_iter().enumerate() {
        let start = Instant::now();
        let mut exchange = rig.get(way);
        assert_eq!(exchange.head().unwrap().status, 200);
        // The wait of the backend for this client is as long as the proxy lets it be.
        seen(&rig, at + 1, &format!("{way:?}: it is cut"));
        assert!(start.elapsed() >= Duration::from_millis(450), "{way:?}");
        assert!(exchange.rest().is_err(), "{way:?}: it never looks whole");
    }
    rig.settles();
}

#[test]
fn a_client_that_stops_within_its_body_is_cut_off() {
    let rig = Rig::start(
        vec![
            Step::ReadBody,
            Step::head("200 OK", "content-length: 0\r\n"),
        ],
        "timeouts: {request: 500ms, stream_idle: 500ms}",
    );
    for way in Way::ALL {
        let mut exchange = rig.post(way, Body::Announced(100));
        assert!(exchange.send(b"some of it"));
        if let Some(head) = exchange.head() {
            assert!(matches!(head.status, 408 | 504), "{way:?}: {}", head.status);
        }
        until("the backend is at rest", || {
            (rig.backend.at_work() == 0).then_some(())
        });
    }
    rig.settles();
}

#[test]
fn over_http2_one_stream_that_is_reset_or_stuck_holds_up_no_other() {
    let rig = Rig::scripted(
        |head| {
            if head.contains("/v1/deaf") {
                vec![Step::Await, Step::ReadBody]
            } else {
                vec![
                    Step::ReadBody,
                    Step::head("200 OK", "content-length: 2\r\n"),
                    Step::text("ok"),
                ]
            }
        },
        "timeouts: {request: 1h, stream_idle: 1h}",
    );
    for way in [Way::Http2, Way::Http2Tls] {
        // It fills its window, which is as large as that of a connection by default.
        let Exchange::Http2(mut deaf) = rig.ask(way, "POST", "/v1/deaf", Body::Pieces) else {
            unreachable!("it is HTTP/2")
        };
        while deaf.pour(1 << 20) == 1 << 20 {}
        let large = vec![b'x'; 60_000];
        for _ in 0..3 {
            let status = deaf
                .connection()
                .status(("POST", "/v1/x"), Body::Whole(&large));
            assert_eq!(status, 200, "{way:?}: beside the stuck one");
        }
        let connection = deaf.reset();
        let status = connection.status(("POST", "/v1/x"), Body::Whole(&large));
        assert_eq!(status, 200, "{way:?}: behind the reset");
        rig.backend.release(1);
    }
    rig.settles();
}

#[test]
fn over_http2_small_pieces_for_long_are_no_flood() {
    let steps = vec![
        Step::head("200 OK", "transfer-encoding: chunked\r\n"),
        Step::ReadBody,
        Step::Chunk(b"done".to_vec()),
        Step::Chunk(Vec::new()),
    ];
    let rig = Rig::start(steps, "");
    let mut exchange = rig.post(Way::Http2, Body::Pieces);
    assert_eq!(exchange.head().unwrap().status, 200);
    // Far beyond what frames that ask for nothing may be; few at once, since many that are not read yet are a flood.
    for round in 1..=80 {
        for _ in 0..50 {
            assert!(exchange.send(b"x"), "{round}");
        }
        until("they come", || {
            (rig.backend.last()?.body.len() == 50 * round).then_some(())
        });
    }
    exchange.end();
    assert_eq!(exchange.rest().unwrap(), b"done");
    rig.settles();
}
