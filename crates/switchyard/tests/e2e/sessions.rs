//! `GET` and `DELETE /sessions/{id}` through the proxy.

use std::{io::Read, net::TcpListener, thread};

use switchyard_faults::{
    self as client, Act, Answer, ClosedPort, Scripted, fault,
    fault::{answer, gauge},
};

use crate::{rig::Proxy, substations::Substations};

fn ask(proxy: &Proxy, method: &str, path: &str) -> Answer {
    client::raw(
        proxy.charge,
        client::request(method, path, "connection: close\r\n", ""),
    )
}

#[test]
fn a_session_is_found_and_unplugged_where_it_is() {
    let substations = Substations::start(&[1e6; 3]);
    let proxy = Proxy::start(&substations.addresses, "");
    for _ in 0..6 {
        let booked = proxy.charge(r#"{"power_kw": 11}"#);
        let id = booked.json()["session_id"].as_str().unwrap().to_owned();
        let path = format!("/sessions/{id}");
        let looked = ask(&proxy, "GET", &path);
        assert_eq!(looked.status, 200);
        assert_eq!(looked.json()["session_id"], id);
        assert_eq!(looked.json()["state"], "charging");
        assert_eq!(looked.header("x-substation"), booked.header("x-substation"));
        let unplugged = ask(&proxy, "DELETE", &path);
        assert_eq!(unplugged.json()["state"], "cancelled");
        let over = ask(&proxy, "DELETE", &path);
        assert_eq!((over.status, over.code().as_str()), (404, "not_found"));
        assert!(over.header("x-substation").is_some(), "it is theirs to say");
    }
    assert_eq!(substations.loads().iter().sum::<f64>(), 0.0);
    let booked = "switchyard_requests_total{code=\"200\",result=\"booked\"}";
    assert_eq!(proxy.metric(booked), 6.0, "looks are no bookings");
}

#[test]
fn a_malformed_or_unknown_session_id_reaches_no_substation() {
    let substation = Scripted::charging(|| Act::Write(answer("200 OK", "{}")));
    let proxy = Proxy::start(&[substation.address], "");
    for (id, status, code) in [
        ("", 400, "invalid_request"),
        ("s1-a/../b", 400, "invalid_request"),
        ("s1-%2e%2e", 400, "invalid_request"),
        (&"s".repeat(500), 400, "invalid_request"),
        ("s2-0011", 404, "not_found"),
        ("s1", 404, "not_found"),
    ] {
        let answer = ask(&proxy, "GET", &format!("/sessions/{id}"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{id}"
        );
    }
    assert_eq!(substation.requests("GET /sessions").len(), 0);
}

/// Breaks the connection at the first request for a session, and answers the others.
fn breaking() -> Scripted {
    let first = std::sync::atomic::AtomicBool::new(true);
    Scripted::start(move |request| {
        if request.starts_with("GET /metrics") {
            Act::Write(gauge("0"))
        } else if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            fault::reset()
        } else {
            Act::Write(answer("200 OK", "{}"))
        }
    })
}

#[test]
fn a_get_that_broke_off_is_retried_and_a_delete_that_broke_off_is_reported() {
    let substation = breaking();
    let proxy = Proxy::start(&[substation.address], "");
    assert_eq!(ask(&proxy, "GET", "/sessions/s1-00").status, 200);
    assert_eq!(substation.requests("GET /sessions/s1-00 HTTP/1.1").len(), 2);

    let substation = breaking();
    let proxy = Proxy::start(&[substation.address], "");
    let broken = ask(&proxy, "DELETE", "/sessions/s1-00");
    assert_eq!(
        (broken.status, broken.code().as_str()),
        (502, "substation_failed")
    );
    assert!(broken.message().contains("may or may not be unplugged"));
    assert_eq!(substation.requests("DELETE").len(), 1);
    assert_eq!(ask(&proxy, "DELETE", "/sessions/s1-00").status, 200);
}

#[test]
fn a_session_of_a_substation_that_is_down_can_be_asked_for_later() {
    let gone = ClosedPort::new();
    let proxy = Proxy::start_unready(&[gone.address], "");
    let answer = ask(&proxy, "DELETE", "/sessions/s1-00");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_substation")
    );
    assert!(answer.message().contains("nothing was unplugged"));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_look_that_broke_off_and_then_finds_the_substation_gone_says_that_it_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start_unready(&[listener.local_addr().unwrap()], "");
    let substation = thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            if request[..length].starts_with(b"GET /sessions/") {
                // Before the connection breaks, so that the next one is refused.
                drop(listener);
                return;
            }
        }
    });
    let answer = ask(&proxy, "GET", "/sessions/s1-00");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_substation")
    );
    substation.join().unwrap();
}
