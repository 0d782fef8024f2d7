//! Backends that stream for ever, never, or byte by byte; that end too early, or say what was not asked.

use std::time::{Duration, Instant};

use switchyard_faults::Step;

use super::{
    exchange::{Body, Cut, Exchange},
    rig::{Rig, Way, endless},
};
use crate::rig::until;

const SHORT: &str =
    "timeouts: {request: 400ms, stream_idle: 400ms, connect: 200ms}\nretry: {attempts: 1}";

#[test]
fn an_answer_without_end_ends_with_its_client() {
    let rig = Rig::start(endless(), "");
    for (at, way) in Way::ALL.into_iter().enumerate() {
        let mut exchange = rig.get(way);
        assert_eq!(exchange.head().unwrap().status, 200);
        let mut read = 0;
        while read < 1_000_000 {
            read += exchange.piece().unwrap().expect("no end").len();
        }
        drop(exchange);
        until("the backend sees it", || {
            (rig.backend.left() == at + 1).then_some(())
        });
    }
    rig.settles();
}

#[test]
fn a_backend_that_never_answers_is_504_in_time_and_its_connection_ends() {
    for (steps, body) in [
        (vec![Step::Hang], Body::None),
        (vec![Step::ReadBody, Step::Hang], Body::Whole(b"{}")),
        // It begins a head.
        (
            vec![Step::text("HTTP/1.1 200 OK\r\nx-a: "), Step::Hang],
            Body::None,
        ),
        // It says again and again that it goes on, and never does.
        (
            vec![Step::Forever(b"HTTP/1.1 102 Processing\r\n\r\n".to_vec())],
            Body::None,
        ),
    ] {
        let rig = Rig::start(steps.clone(), SHORT);
        for way in Way::ALL {
            let start = Instant::now();
            let method = if matches!(body, Body::None) {
                "GET"
            } else {
                "POST"
            };
            let mut exchange = rig.ask(way, method, "/v1/x", body);
            let refusal = exchange.refusal();
            assert_eq!(
                refusal,
                (504, "deadline_exceeded".to_owned()),
                "{way:?} {steps:?}"
            );
            assert!(start.elapsed() >= Duration::from_millis(400), "{way:?}");
        }
        rig.settles();
    }
}

#[test]
fn an_answer_that_stops_is_cut_once_it_has_been_idle_too_long() {
    let steps = vec![
        Step::events(),
        Step::event("one"),
        Step::Await,
        Step::event("two"),
        Step::Hang,
    ];
    let rig = Rig::start(steps, SHORT);
    for way in Way::ALL {
        let mut exchange = rig.get(way);
        assert_eq!(exchange.head().unwrap().status, 200);
        exchange.expect("data: one\n\n");
        rig.backend.release(1);
        exchange.expect("data: two\n\n");
        let start = Instant::now();
        assert_eq!(exchange.rest(), Err(Cut), "{way:?}");
        assert!(
            start.elapsed() >= Duration::from_millis(300),
            "{way:?}: {:?}",
            start.elapsed()
        );
    }
    rig.settles();
}

#[test]
fn a_slow_answer_that_goes_on_is_never_too_slow() {
    // A byte now and then, for longer than any timeout.
    const BYTES: usize = 12;
    let mut steps = vec![Step::head("200 OK", "content-length: 12\r\n")];
    for byte in b"twelve bytes" {
        steps.extend([Step::Await, Step::Write(vec![*byte])]);
    }
    let limits = "timeouts: {request: 1s, stream_idle: 1s}";
    let rig = Rig::start(steps, limits);
    for way in [Way::First, Way::Http2Tls] {
        let mut exchange = rig.get(way);
        assert_eq!(exchange.head().unwrap().status, 200);
        let start = Instant::now();
        let mut read = Vec::new();
        while read.len() < BYTES {
            // The pause is what is tested: shorter than the limit, and all together longer.
            std::thread::sleep(Duration::from_millis(120));
            rig.backend.release(1);
            read.extend(exchange.piece().unwrap().expect("a byte"));
        }
        assert!(start.elapsed() > Duration::from_millis(1_400));
        assert_eq!(read, b"twelve bytes");
        assert_eq!(exchange.rest(), Ok(Vec::new()), "{way:?}");
    }
    rig.settles();
}

#[test]
fn an_answer_that_is_cut_never_looks_whole() {
    let chunked = Step::head("200 OK", "transfer-encoding: chunked\r\n");
    let with_length = Step::head("200 OK", "content-length: 100\r\n");
    for steps in [
        vec![
            chunked.clone(),
            Step::Chunk(b"some".to_vec()),
            Step::Await,
            Step::Close,
        ],
        vec![
            chunked.clone(),
            Step::Chunk(b"some".to_vec()),
            Step::Await,
            Step::Reset,
        ],
        // In the size of a chunk, and in a chunk.
        vec![
            chunked.clone(),
            Step::Chunk(b"some".to_vec()),
            Step::Await,
            Step::text("ff"),
            Step::Close,
        ],
        vec![
            chunked.clone(),
            Step::Chunk(b"some".to_vec()),
            Step::Await,
            Step::text("ff\r\nx"),
            Step::Close,
        ],
        // What follows is no chunk.
        vec![
            chunked,
            Step::Chunk(b"some".to_vec()),
            Step::Await,
            Step::text("zz\r\nx"),
            Step::Hang,
        ],
        vec![
            with_length.clone(),
            Step::text("some"),
            Step::Await,
            Step::Close,
        ],
        vec![with_length, Step::text("some"), Step::Await, Step::Reset],
    ] {
        let rig = Rig::start(steps.clone(), SHORT);
        for way in Way::ALL {
            let mut exchange = rig.get(way);
            assert_eq!(exchange.head().unwrap().status, 200, "{way:?} {steps:?}");
            exchange.expect("some");
            rig.backend.release(1);
            assert_eq!(exchange.rest(), Err(Cut), "{way:?} {steps:?}");
        }
        rig.settles();
    }
}

#[test]
fn an_end_before_the_head_is_502_and_a_post_is_not_sent_twice() {
    for last in [Step::Close, Step::Reset] {
        let rig = Rig::start(vec![Step::ReadBody, last], "");
        for way in Way::ALL {
            let before = rig.backend.requests().len();
            let mut exchange = rig.post(way, Body::Whole(b"{}"));
            let (status, code) = exchange.refusal();
            assert_eq!(
                (status, code.as_str()),
                (502, "substation_failed"),
                "{way:?}"
            );
            let more = if way == Way::Later { 2 } else { 1 };
            assert_eq!(
                rig.backend.requests().len(),
                before + more,
                "{way:?}: sent once"
            );
        }
        rig.settles();
    }
}

#[test]
fn an_upgrade_that_was_not_asked_for_is_no_answer() {
    let steps = vec![
        Step::head(
            "101 Switching Protocols",
            "connection: upgrade\r\nupgrade: websocket\r\n",
        ),
        Step::text("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"),
        Step::Hang,
    ];
    let rig = Rig::start(steps, SHORT);
    for way in Way::ALL {
        for (method, body) in [("GET", Body::None), ("POST", Body::Whole(b"{}"))] {
            let mut exchange = rig.ask(way, method, "/v1/x", body);
            let (status, code) = exchange.refusal();
            assert_eq!(
                (status, code.as_str()),
                (502, "substation_failed"),
                "{way:?} {method}"
            );
        }
        let mut easy = rig.ask(way, "GET", super::rig::EASY, Body::None);
        assert_eq!(easy.head().unwrap().status, 200);
        assert_eq!(
            easy.rest().unwrap(),
            b"ok",
            "{way:?}: nothing is left of it"
        );
    }
    rig.settles();
}

#[test]
fn an_answer_to_a_body_that_still_comes_is_passed_on() {
    let steps = vec![
        Step::Read(10),
        Step::head("413 Content Too Large", "content-length: 4\r\n"),
        Step::text("much"),
        Step::Close,
    ];
    let rig = Rig::start(steps, SHORT);
    for way in Way::ALL {
        let mut exchange: Exchange = rig.post(way, Body::Announced(100_000));
        assert!(exchange.send(&[b'x'; 10]));
        assert_eq!(exchange.head().unwrap().status, 413, "{way:?}");
        assert_eq!(exchange.rest().unwrap(), b"much", "{way:?}");
    }
    rig.settles();
}
