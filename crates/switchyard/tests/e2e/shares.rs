//! One client address gets its share of the limits, and the others go on undisturbed.

use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};
use switchyard_faults::{self as client, Connection, PATIENCE};

use crate::{
    frames::{self, Raw},
    rig::{Proxy, until},
    substations::Substations,
};

/// An address may have ten requests and twenty connections.
const LIMITS: &str = "limits: {requests: 40, connections: 80}\nhttp2: {cleartext: true}";

/// A connection from another address of this machine.
fn from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
    socket.bind(&address.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

/// A hundred charges of another client, each on a connection of its own. Each is booked, and in time.
fn others_go_on(proxy: &Proxy) {
    for _ in 0..100 {
        let begun = Instant::now();
        let mut stream = from(2, proxy.charge);
        let request = client::request("POST", "/request_charge", "connection: close\r\n", "{}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}

fn limited(proxy: &Proxy, limit: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_clients_limited_total{{limit=\"{limit}\"}}"
    ))
}

fn at_work(proxy: &Proxy) -> f64 {
    proxy.metric("switchyard_requests_in_flight")
}

#[test]
fn answers_that_a_client_does_not_read_hold_no_requests_of_others() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, LIMITS);
    let hostile: Vec<_> = (0..20)
        .map(|_| {
            let mut connection = Raw::open(proxy.charge);
            connection.write(&frames::no_window()).unwrap();
            for stream in 0..10 {
                let stream = 2 * stream + 1;
                // Malformed ones are answered too.
                let request = if stream % 3 == 0 {
                    frames::nameless(stream)
                } else {
                    frames::charge(stream, true)
                };
                connection.write(&request).unwrap();
            }
            connection
        })
        .collect();
    until("all are answered", || {
        let over = limited(&proxy, "requests");
        (over == 190.0 && at_work(&proxy) == 0.0).then_some(())
    });
    others_go_on(&proxy);
    // What an address has is given back when its connections end.
    drop(hostile);
    until("it may ask again", || {
        (proxy.charge("{}").status == 200).then_some(())
    });
}

#[test]
fn unfinished_requests_hold_no_requests_of_others() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, LIMITS);
    // Over HTTP/2, and over HTTP/1.1 the first and a later request of a connection.
    let mut over_http2 = Raw::open(proxy.charge);
    for stream in 0..5 {
        over_http2
            .write(&frames::charge(2 * stream + 1, false))
            .unwrap();
    }
    over_http2.ping().unwrap();
    let begun = "POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{";
    let mut over_http1: Vec<_> = (0..18).map(|_| Connection::open(proxy.charge)).collect();
    let mut told = 0;
    for (number, connection) in over_http1.iter_mut().enumerate() {
        if number < 3 {
            connection.send(client::request("POST", "/request_charge", "", "{}"));
            assert_eq!(connection.answer().status, 200);
        }
        connection.send(begun);
        if number >= 5 {
            let refused = connection.answer();
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (429, "rate_limited")
            );
            assert!(refused.message().contains("10 requests of 127.0.0.1 "));
            assert_eq!(refused.header("retry-after"), Some("1"));
            told += 1;
        } else {
            until("it waits", || (at_work(&proxy) == 0.0).then_some(()));
        }
    }
    assert_eq!(told, 13);
    assert_eq!(limited(&proxy, "requests"), 13.0);
    others_go_on(&proxy);
    // They are served once they are whole.
    over_http1[0].send("}        ");
    assert_eq!(over_http1[0].answer().status, 200);
}

#[test]
fn an_address_has_its_share_of_the_connections() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, LIMITS);
    let mut open: Vec<_> = (0..20).map(|_| from(3, proxy.charge)).collect();
    until("they are open", || {
        (proxy.metric("switchyard_connections") == 20.0).then_some(())
    });
    let refuses = || {
        let mut answer = String::new();
        let mut stream = from(3, proxy.charge);
        // It is closed unasked.
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        let has = |text| answer.contains(text);
        assert!(
            has("HTTP/1.1 429 ") && has("retry-after: 1\r\n"),
            "{answer}"
        );
        assert!(has("\"rate_limited\"") && has("20 connections of 127.0.0.3 "));
    };
    refuses();
    refuses();
    assert_eq!(limited(&proxy, "connections"), 2.0);
    assert_eq!(proxy.metric("switchyard_connections_refused_total"), 0.0);
    others_go_on(&proxy);
    open.pop();
    until("one is free", || {
        (proxy.metric("switchyard_connections") == 19.0).then_some(())
    });
    open.push(from(3, proxy.charge));
    until("it is open", || {
        (proxy.metric("switchyard_connections") == 20.0).then_some(())
    });
    refuses();
}

#[test]
fn a_proxy_in_front_may_use_all() {
    let substations = Substations::start(&[1e6]);
    let extra = "limits: {requests: 4, connections: 40}\nforwarded: {trust: [127.0.0.3]}";
    let proxy = Proxy::start(&substations.addresses, extra);
    let open: Vec<_> = (0..30).map(|_| from(3, proxy.charge)).collect();
    until("they are open", || {
        (proxy.metric("switchyard_connections") == 30.0).then_some(())
    });
    let begun = b"POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n";
    for mut stream in &open[..3] {
        stream.write_all(begun).unwrap();
    }
    let mut last = &open[29];
    let request = client::request("POST", "/request_charge", "connection: close\r\n", "{}");
    last.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut last, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(limited(&proxy, "requests"), 0.0);
}

#[test]
fn an_address_has_its_share_of_the_connections_over_http2() {
    let substations = Substations::start(&[1e6]);
    let extra = "http2: {cleartext: true, connections: 8}";
    let proxy = Proxy::start(&substations.addresses, extra);
    let mut open = [(); 2].map(|()| Raw::open(proxy.charge));
    for connection in &mut open {
        connection.ping().unwrap();
    }
    let mut third = Raw::open(proxy.charge);
    assert_eq!(third.until_end(), Some(h2::Reason::ENHANCE_YOUR_CALM));
    assert_eq!(limited(&proxy, "connections"), 1.0);
    // HTTP/1.1 has room.
    assert_eq!(proxy.charge("{}").status, 200);
}
