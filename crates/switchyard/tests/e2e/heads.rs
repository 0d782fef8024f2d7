//! Heads, frames and connections of clients that mean harm: bounded, answered, and of no consequence for others.

use std::{io::Write, net::TcpStream};

use h2::Reason;
use switchyard_faults::{self as client, Act, Connection, Scripted, fault::booked};

use crate::{
    frames::{self, Raw},
    rig::{Proxy, until},
};

fn proxy(extra: &str) -> (Proxy, Scripted) {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let extra = format!("http2: {{cleartext: true}}\n{extra}");
    (Proxy::start(&[substation.address], &extra), substation)
}

/// A charge whose head has this many bytes and this many headers.
fn charge(size: usize, headers: usize) -> String {
    let many = "x: y\r\n".repeat(headers - 3);
    let of = |padding: usize| {
        let padding = format!("{many}pad: {}\r\n", "p".repeat(padding));
        client::request("POST", "/request_charge", &padding, "{}")
    };
    let empty = of(0).len() - "{}".len();
    of(size - empty)
}

#[test]
fn a_head_up_to_the_limit_is_passed_on_and_a_larger_one_is_431_on_every_way_in() {
    let (proxy, substation) = proxy("limits: {head: 2KiB}");
    let fits = [charge(2_048, 4), charge(2_048, 64)];
    let unfit = [charge(2_049, 4), charge(2_048, 65)];
    assert_eq!(fits[0].split("\r\n\r\n").next().unwrap().len(), 2_044);
    for request in &fits {
        // On the fast path, beside it, and in two reads.
        let mut connection = Connection::open(proxy.charge);
        for before in ["", "\r\n"] {
            connection.send(format!("{before}{request}"));
            assert_eq!(connection.answer().status, 200);
        }
        connection.send(&request[..1_500]);
        connection.send(&request[1_500..]);
        assert_eq!(connection.answer().status, 200);
    }
    assert_eq!(substation.charges().len(), 6);
    for request in &unfit {
        for before in ["", "\r\n"] {
            let answer = client::raw(proxy.charge, format!("{before}{request}"));
            assert_eq!((answer.status, &*answer.code()), (431, "head_too_large"));
        }
    }
    // The admin port has the same number of headers and a size of its own.
    let get = |size, headers| {
        let request = charge(size, headers).replace("POST /request_charge", "GET /live");
        client::raw(proxy.admin, request.replace("Host: a", "Host: localhost")).status
    };
    assert_eq!(get(10_000, 64), 200);
    assert_eq!(get(20_000, 4), 431);
    assert_eq!(get(2_048, 65), 431);
    assert_eq!(substation.charges().len(), 6, "nothing else was sent");
    assert_eq!(proxy.charge("").status, 200);
}

#[test]
fn a_head_that_is_small_until_it_is_unpacked_is_431_and_its_connection_goes_on() {
    let (proxy, substation) = proxy("");
    let mut raw = Raw::open(proxy.charge);
    // A header of 3,900 bytes, which stays in the table of the connection; later a byte stands for it.
    let large = frames::literal("x", &"y".repeat(3_900));
    raw.write(&frames::charge_with(1, &large)).unwrap();
    assert_eq!(raw.status(1), 200);
    raw.write(&frames::charge_with(3, &[frames::NEWEST; 14]))
        .unwrap();
    assert_eq!(raw.status(3), 431, "55 KB of headers from 90 bytes");
    raw.write(&frames::charge_with(5, &[frames::NEWEST; 4]))
        .unwrap();
    assert_eq!(raw.status(5), 200);
    let small = frames::literal("x", "y");
    raw.write(&frames::charge_with(7, &small)).unwrap();
    assert_eq!(raw.status(7), 200);
    raw.write(&frames::charge_with(9, &[frames::NEWEST; 65]))
        .unwrap();
    assert_eq!(raw.status(9), 431, "65 headers");
    raw.write(&frames::charge_with(11, &[frames::NEWEST; 63]))
        .unwrap();
    assert_eq!(raw.status(11), 200);
    // Several times the limit ends the connection.
    raw.write(&frames::charge_with(13, &large)).unwrap();
    assert_eq!(raw.status(13), 200);
    raw.write(&frames::charge_with(15, &[frames::NEWEST; 200]))
        .unwrap();
    assert_eq!(raw.until_end(), Some(Reason::ENHANCE_YOUR_CALM));
    assert_eq!(substation.charges().len(), 5);
}

#[test]
fn a_header_that_can_t_be_written_in_http_1_1_is_400_and_no_substations_fault() {
    let (proxy, substation) = proxy("");
    let mut raw = Raw::open(proxy.charge);
    let mut stream = 1;
    for _ in 0..10 {
        raw.write(&frames::charge_with(stream, &frames::literal("x\"y", "v")))
            .unwrap();
        assert_eq!(raw.status(stream), 400);
        stream += 2;
    }
    assert_eq!(substation.charges().len(), 0);
    let substation = &proxy.status()["substations"][0];
    assert_eq!(substation["health"]["failures_in_a_row"], 0, "{substation}");
    assert_eq!(substation["health"]["stage"], "in", "{substation}");
    assert_eq!(proxy.charge("").status, 200);
}

#[test]
fn a_flood_of_frames_that_ask_for_nothing_ends_its_connection() {
    let (proxy, _substation) = proxy("");
    for (what, frame) in [
        ("PING", frames::ping()),
        ("SETTINGS", frames::settings()),
        ("PRIORITY", frames::frame(2, 0, 3, &[0, 0, 0, 0, 1])),
        ("WINDOW_UPDATE", frames::frame(8, 0, 0, &[0, 0, 0, 1])),
        ("unknown", frames::frame(0x2a, 0, 0, &[])),
    ] {
        let mut raw = Raw::open(proxy.charge);
        raw.charge(1);
        assert_eq!(raw.status(1), 200);
        let flood = frame.repeat(20_000);
        // The proxy may close before all of it is written.
        let _ = raw.write(&flood);
        assert_eq!(raw.until_end(), Some(Reason::ENHANCE_YOUR_CALM), "{what}");
        assert_eq!(proxy.charge("").status, 200, "{what}");
    }
    // Continuations without end are bounded by their number and their size.
    for piece in [&b""[..], &[0x82; 16_000]] {
        let mut raw = Raw::open(proxy.charge);
        raw.write(&frames::frame(1, 0, 1, &[0x82])).unwrap();
        let _ = raw.write(&frames::frame(9, 0, 1, piece).repeat(1_000));
        assert!(raw.until_end().is_some(), "{} bytes", piece.len());
    }
    assert_eq!(proxy.charge("").status, 200);
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

#[test]
fn silent_connections_keep_nobody_from_the_admin_port() {
    let (proxy, _substation) = proxy("");
    let open = |count: usize| -> Vec<TcpStream> {
        (0..count)
            .map(|at| {
                let mut silent = TcpStream::connect(proxy.admin).unwrap();
                if at % 2 == 0 {
                    let _ = silent.write_all(b"GET /live HTTP/1.1\r\nHost: loc");
                }
                silent
            })
            .collect()
    };
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.extend(open(50));
        assert_eq!(proxy.get("/live").status, 200, "a client that asks gets in");
    }
    // 64 places, and a few files of the process itself.
    let open_files = || {
        std::fs::read_dir(format!("/proc/{}/fd", proxy.id()))
            .unwrap()
            .count()
    };
    until("the others are closed", || {
        (open_files() < 150).then_some(())
    });
}
