//! What a stream brings reaches the client as it comes, whole and as it was meant.

use switchyard_faults::Step;

use super::{
    exchange::Body,
    rig::{Rig, Way},
};
use crate::rig::until;

/// An answer without a length, as it comes, and its end.
#[test]
fn each_event_reaches_the_client_when_it_is_sent_and_load_ends_with_the_last() {
    let steps = vec![
        Step::ReadBody,
        Step::events(),
        Step::event("one"),
        Step::Await,
        Step::event("two"),
        Step::Await,
        Step::Chunk(Vec::new()),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::ALL {
        let mut exchange = rig.post(way, Body::Whole(b"{\"stream\": true}"));
        let head = exchange.head().unwrap();
        assert_eq!(head.status, 200, "{way:?}");
        assert_eq!(head.headers["content-type"], "text/event-stream");
        assert_eq!(head.headers["x-substation"], "s1");
        assert!(head.headers.contains_key("x-request-id"));
        exchange.expect("data: one\n\n");
        assert_eq!(rig.load(way), 1.0, "{way:?}: it is under way");
        rig.backend.release(1);
        exchange.expect("data: two\n\n");
        rig.backend.release(1);
        assert_eq!(exchange.rest(), Ok(Vec::new()), "{way:?}: it ends whole");
        until("the load ends with the answer", || {
            (rig.load(way) == 0.0).then_some(())
        });
        let request = rig.backend.last().unwrap();
        assert_eq!(request.body, b"{\"stream\": true}");
        assert!(request.head.starts_with("POST /v1/x HTTP/1.1\r\n"));
        assert_eq!(request.header("host"), Some("localhost"), "{way:?}");
    }
    rig.settles();
}

#[test]
fn bodies_of_megabytes_pass_both_ways_whole() {
    const LENGTH: usize = 3_000_000;
    let body: Vec<u8> = (0..LENGTH)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect();
    let answer = body.clone();
    let head = format!("content-length: {LENGTH}\r\n");
    let steps = vec![
        Step::ReadBody,
        Step::head("200 OK", &head),
        Step::Write(answer),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::ALL {
        for with_length in [true, false] {
            let framing = if with_length {
                Body::Announced(LENGTH)
            } else {
                Body::Pieces
            };
            let mut exchange = rig.post(way, framing);
            for piece in body.chunks(100_000) {
                assert!(exchange.send(piece), "{way:?}");
            }
            exchange.end();
            let head = exchange.head().unwrap();
            assert_eq!(head.status, 200, "{way:?}");
            assert_eq!(head.headers["content-length"], LENGTH.to_string());
            assert!(exchange.rest().unwrap() == body, "{way:?}: the answer");
            let request = rig.backend.last().unwrap();
            assert!(
                request.is_whole && request.body == body,
                "{way:?}: the request"
            );
            let length = LENGTH.to_string();
            let expected = with_length.then_some(length.as_str());
            assert_eq!(request.header("content-length"), expected);
        }
    }
    rig.settles();
}

#[test]
fn answers_without_a_body_end_with_their_head() {
    let rig = Rig::scripted(
        |head| {
            let status = if head.contains("/v1/none") {
                "204 No Content"
            } else {
                "304 Not Modified"
            };
            if head.starts_with("HEAD") {
                vec![Step::head("200 OK", "content-length: 1000\r\n")]
            } else {
                vec![Step::head(status, "etag: \"a\"\r\n")]
            }
        },
        "",
    );
    for way in Way::ALL {
        for (method, path, status) in [
            ("HEAD", "/v1/x", 200),
            ("GET", "/v1/none", 204),
            ("GET", "/v1/same", 304),
            ("DELETE", "/v1/none", 204),
        ] {
            let mut exchange = rig.ask(way, method, path, Body::None);
            assert_eq!(
                exchange.head().unwrap().status,
                status,
                "{way:?} {method} {path}"
            );
            if method != "HEAD" {
                assert_eq!(exchange.rest(), Ok(Vec::new()));
            }
        }
    }
    rig.settles();
}

#[test]
fn interim_answers_and_trailers_harm_nothing() {
    let steps = vec![
        Step::head("102 Processing", ""),
        Step::head("103 Early Hints", "link: </a.css>\r\n"),
        Step::head("200 OK", "transfer-encoding: chunked\r\ntrailer: x-sum\r\n"),
        Step::Chunk(b"whole".to_vec()),
        Step::text("0\r\nx-sum: 7\r\ncontent-length: 3\r\nx-substation: elsewhere\r\n\r\n"),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::ALL {
        let mut exchange = rig.get(way);
        let head = exchange.head().unwrap();
        assert_eq!(
            (head.status, head.interim),
            (200, vec![102, 103]),
            "{way:?}"
        );
        assert_eq!(head.headers["x-substation"], "s1");
        assert_eq!(exchange.rest().unwrap(), b"whole", "{way:?}");
    }
    rig.settles();
}

#[test]
fn the_client_is_told_to_send_its_body_once_it_is_wanted() {
    let steps = vec![
        Step::ReadBody,
        Step::head("200 OK", "content-length: 2\r\n"),
        Step::text("ok"),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::ALL {
        let asks = [("expect", "100-continue")];
        let target = ("POST", "/v1/x");
        let mut exchange =
            super::exchange::Exchange::begin(&rig, way, target, &asks, Body::Announced(4));
        let interim = exchange.interim();
        assert_eq!(interim, 100, "{way:?}");
        assert!(exchange.send(b"body"));
        exchange.end();
        assert_eq!(exchange.head().unwrap().status, 200, "{way:?}");
        assert_eq!(exchange.rest().unwrap(), b"ok");
        let request = rig.backend.last().unwrap();
        assert_eq!(
            (request.body.as_slice(), request.header("expect")),
            (b"body".as_slice(), None)
        );
    }
    rig.settles();
}

#[test]
fn load_is_what_the_body_asks_for() {
    let steps = vec![
        Step::ReadBody,
        Step::head("200 OK", "content-length: 2\r\n"),
        Step::Await,
        Step::text("ok"),
    ];
    let rig = Rig::start(steps, "");
    for way in Way::ALL {
        for (body, load) in [
            (r#"{"max_tokens": 3500, "prompt": "x"}"#, 3.5),
            (r#"{"prompt": "x"}"#, 2.0),
            ("no JSON", 2.0),
        ] {
            for is_whole in [true, false] {
                let framing = if is_whole {
                    Body::Whole(body.as_bytes())
                } else {
                    Body::Pieces
                };
                let mut exchange = rig.ask(way, "POST", "/weighed", framing);
                if !is_whole {
                    for byte in body.bytes() {
                        assert!(exchange.send(&[byte]));
                    }
                    exchange.end();
                }
                assert_eq!(exchange.head().unwrap().status, 200);
                assert_eq!(rig.load(way), load, "{way:?} {body}");
                rig.backend.release(1);
                assert_eq!(exchange.rest().unwrap(), b"ok");
                let request = rig.backend.last().unwrap();
                assert_eq!(String::from_utf8_lossy(&request.body), body);
                until("its end", || (rig.load(way) == 0.0).then_some(()));
            }
        }
    }
    rig.settles();
}

#[test]
fn a_body_too_long_to_look_into_is_passed_on_whole() {
    const LENGTH: usize = 3 << 20;
    let steps = vec![
        Step::Await,
        Step::ReadBody,
        Step::head("200 OK", "content-length: 0\r\n"),
    ];
    let rig = Rig::start(steps, "");
    let body: Vec<u8> = (0..LENGTH)
        .map(|at| u8::try_from(at % 253).unwrap())
        .collect();
    for way in Way::ALL {
        rig.backend.release(1);
        let mut exchange = rig.ask(way, "POST", "/weighed", Body::Pieces);
        for piece in body.chunks(50_000) {
            assert!(exchange.send(piece), "{way:?}");
        }
        exchange.end();
        assert_eq!(exchange.head().unwrap().status, 200, "{way:?}");
        let request = rig.backend.last().unwrap();
        assert!(request.is_whole && request.body == body, "{way:?}");
    }
    rig.settles();
}
