//! A balancer in front that says in a PROXY header whose connection it forwards.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rustls::ClientConnection;
use switchyard_faults::{self as client, Connection, PATIENCE, Scripted};
use tokio::io::AsyncWriteExt;

use crate::{
    h2::{Client, runtime},
    rig::{Proxy, until},
    secure::{Certificate, Secure, name},
};

const ON: &str = "listen_proxy_protocol: true";

fn text(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 10.0.0.1 52000 8080\r\n").into()
}

/// A header of version 2: the bytes of its command and of its family, and what follows its length.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [
        b"\r\n\r\n\0\r\nQUIT\n",
        &[command, family][..],
        &length,
        rest,
    ]
    .concat()
}

/// A header of version 2 for this client.
fn ipv4(client: [u8; 4]) -> Vec<u8> {
    let addresses = [&client[..], &[10, 0, 0, 1, 0xcb, 0x20, 0x1f, 0x90]].concat();
    binary(0x21, 0x11, &addresses)
}

fn open(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn charge() -> String {
    client::request("POST", "/request_charge", "", "{}")
}

fn headers(proxy: &Proxy, result: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_proxy_headers_total{{result=\"{result}\"}}"
    ))
}

/// Who has sent each charge, as the substation was told.
fn clients(substation: &Scripted) -> Vec<String> {
    let of = |request: &String| {
        let field = request.split("x-forwarded-for: ").nth(1)?;
        Some(field.split("\r\n").next()?.to_owned())
    };
    substation.requests("POST").iter().filter_map(of).collect()
}

/// What comes back until the connection ends; a reset is an end too.
fn rest_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    rest
}

#[test]
fn the_client_is_who_the_header_names_and_else_who_sends_it() {
    let substation = Scripted::working("0");
    let proxy = Proxy::start(&[substation.address], ON);
    let ipv6 = [
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..],
        &[0; 20],
    ];
    let with_more = [
        &[192, 0, 2, 7, 10, 0, 0, 1, 0xcb, 0x20, 0x1f, 0x90][..],
        // A checksum, and the name of a certificate.
        &[3, 0, 4, 1, 2, 3, 4, 0x20, 0, 10, 1, 0, 0, 0, 0, 0x22, 0, 2],
        b"ab",
    ];
    let all = [
        (text("192.0.2.7"), "192.0.2.7"),
        (
            b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n".to_vec(),
            "2001:db8::7",
        ),
        (ipv4([192, 0, 2, 7]), "192.0.2.7"),
        (binary(0x21, 0x21, &ipv6.concat()), "2001:db8::7"),
        (binary(0x21, 0x11, &with_more.concat()), "192.0.2.7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (
            b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(),
            "127.0.0.1",
        ),
        (binary(0x20, 0, &[]), "127.0.0.1"),
        (binary(0x21, 0, &[]), "127.0.0.1"),
        (binary(0x21, 0x31, &[b'/'; 216]), "127.0.0.1"),
    ];
    let mut expected = Vec::new();
    for (header, name) in &all {
        let mut connection = Connection::over(open(proxy.charge));
        // At once, and the header only once a connection.
        connection.send([header, charge().as_bytes()].concat());
        assert_eq!(connection.answer().status, 200);
        connection.send(charge());
        assert_eq!(connection.answer().status, 200);
        expected.extend([*name, *name]);
        assert_eq!(clients(&substation), expected);
    }
    assert_eq!(
        headers(&proxy, "done"),
        f64::from(u8::try_from(all.len()).unwrap())
    );
}

#[test]
fn a_header_that_comes_byte_by_byte_is_read_and_one_cut_anywhere_ends_without_an_answer() {
    let substation = Scripted::working("0");
    let proxy = Proxy::start(&[substation.address], ON);
    let mut cut = 0;
    for header in [text("192.0.2.7"), ipv4([192, 0, 2, 7])] {
        let mut connection = Connection::over(open(proxy.charge));
        for byte in [&header, charge().as_bytes()].concat() {
            connection.send([byte]);
        }
        assert_eq!(connection.answer().status, 200);
        for length in 0..header.len() {
            let mut stream = open(proxy.charge);
            stream.write_all(&header[..length]).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(rest_of(&mut stream), b"");
            // A look whether the port is open is no fault.
            cut += u32::from(length > 0);
        }
        // What follows a split header is the request.
        for length in 1..header.len() {
            let mut connection = Connection::over(open(proxy.charge));
            connection.send(&header[..length]);
            connection.send([&header[length..], charge().as_bytes()].concat());
            assert_eq!(connection.answer().status, 200);
        }
    }
    assert_eq!(headers(&proxy, "malformed"), f64::from(cut));
    let clients = clients(&substation);
    assert!(clients.iter().all(|client| client == "192.0.2.7"));
}

#[test]
fn what_is_no_header_is_closed_without_an_answer_and_counted() {
    let substation = Scripted::working("0");
    let proxy = Proxy::start(&[substation.address], ON);
    let all = [
        charge().into_bytes(),
        b"\x16\x03\x01\x02\x00\x01".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        [b"PROXY ".to_vec(), vec![b'x'; 9_000]].concat(),
        b"PROXY TCP4 somewhere else 1 2\r\n".to_vec(),
        binary(0x31, 0x11, &[0; 12]),
        binary(0x21, 0x21, &[0; 12]),
        binary(0x21, 0x11, &[0; 5_000]),
        // Two headers: the second one is no request.
        [text("192.0.2.7"), binary(0x21, 0x11, &[0; 12])].concat(),
    ];
    let (second, none) = all.split_last().unwrap();
    for bytes in none {
        let mut stream = open(proxy.charge);
        let _ = stream.write_all(bytes);
        assert_eq!(rest_of(&mut stream), b"", "{bytes:?}");
    }
    let count = f64::from(u8::try_from(none.len()).unwrap());
    assert_eq!(headers(&proxy, "malformed"), count);
    let mut stream = open(proxy.charge);
    stream.write_all(second).unwrap();
    assert!(rest_of(&mut stream).starts_with(b"HTTP/1.1 400 "));
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
    // A proxy that expects none does not read one: to it this is a request that is none.
    let without = Proxy::start(&[substation.address], "");
    let mut stream = open(without.charge);
    stream.write_all(&text("192.0.2.7")).unwrap();
    assert!(rest_of(&mut stream).starts_with(b"HTTP/1.1 400 "));
    assert_eq!(headers(&without, "malformed"), 0.0);
}

#[test]
fn over_tls_and_over_http2_the_header_comes_first() {
    let substation = Scripted::working("0");
    let certificate = Certificate::new();
    let extra = format!("{ON}\n{}", certificate.yaml());
    let proxy = Proxy::start(&[substation.address], &extra);
    let config = certificate.client(&["http/1.1"]);
    let header = ipv4([192, 0, 2, 7]);
    // In one write with the first bytes of the handshake, whole or split.
    for length in [0, 1, 15, header.len()] {
        let mut stream = open(proxy.charge);
        stream.write_all(&header[..length]).unwrap();
        let mut tls = ClientConnection::new(config.clone(), name()).unwrap();
        let mut first = header[length..].to_vec();
        tls.write_tls(&mut first).unwrap();
        stream.write_all(&first).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).unwrap();
        }
    }
    let mut stream = open(proxy.charge);
    stream.write_all(&header).unwrap();
    let mut connection = Secure::over(stream, &config).unwrap();
    assert!(connection.ask(&charge()).0.starts_with("http/1.1 200"));
    let tls = "switchyard_tls_handshakes_total{result=\"done\"}";
    assert_eq!(proxy.metric(tls), 5.0);

    let cleartext = Proxy::start(
        &[substation.address],
        &format!("{ON}\nhttp2: {{cleartext: true}}"),
    );
    runtime().block_on(async {
        let mut stream = tokio::net::TcpStream::connect(cleartext.charge)
            .await
            .unwrap();
        stream.write_all(&header).await.unwrap();
        let client = Client::over(stream).await;
        assert_eq!(client.charge().await.status, 200);
    });
    assert_eq!(clients(&substation), ["192.0.2.7", "192.0.2.7"]);
}

#[test]
fn shares_and_trust_go_by_the_client_in_the_header() {
    let substation = Scripted::working("0");
    let extra = format!(
        "{ON}\nlimits: {{client: {{connections: 2}}}}\nforwarded: {{trust: [127.0.0.1, 192.0.2.9]}}"
    );
    let proxy = Proxy::start(&[substation.address], &extra);
    let connect = |client: &str| {
        let mut connection = Connection::over(open(proxy.charge));
        connection.send(text(client));
        connection
    };
    let ask = "x-forwarded-for: 198.51.100.4\r\n";
    let ask = client::request("POST", "/request_charge", ask, "{}");
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut connection = connect("192.0.2.7");
        connection.send(&ask);
        assert_eq!(connection.answer().status, 200);
        open.push(connection);
    }
    let refused = connect("192.0.2.7").answer();
    assert_eq!(
        (refused.status, refused.code()),
        (429, "rate_limited".into())
    );
    let message = refused.message();
    assert!(message.contains("2 connections of 192.0.2.7 "), "{message}");
    // Another client has its own share, and a trusted one has no limit.
    for client in ["192.0.2.8", "192.0.2.9", "192.0.2.9", "192.0.2.9"] {
        let mut connection = connect(client);
        connection.send(&ask);
        assert_eq!(connection.answer().status, 200);
        open.push(connection);
    }
    // The balancer's own address is trusted, and its clients are not for that.
    let trusted = "198.51.100.4, 192.0.2.9";
    assert_eq!(
        clients(&substation),
        [
            "192.0.2.7",
            "192.0.2.7",
            "192.0.2.8",
            trusted,
            trusted,
            trusted
        ]
    );
}

#[test]
fn a_header_that_does_not_come_in_time_ends_its_connection_and_delays_nobody() {
    let substation = Scripted::working("0");
    let extra = format!("{ON}\ntimeouts: {{client: 1s}}\nlimits: {{connections: 200}}");
    let proxy = Proxy::start(&[substation.address], &extra);
    let header = ipv4([192, 0, 2, 7]);
    let began = Instant::now();
    // Each stops at another byte, and from there on sends a byte too seldom.
    let mut slow: Vec<_> = (0..header.len())
        .map(|length| {
            let mut stream = open(proxy.charge);
            stream.write_all(&header[..length]).unwrap();
            stream
        })
        .collect();
    let mut dripped = 0;
    while headers(&proxy, "too_slow") < 28.0 {
        assert!(began.elapsed() < PATIENCE, "they stay");
        let mut connection = Connection::over(open(proxy.charge));
        let asked = Instant::now();
        connection.send([&header, charge().as_bytes()].concat());
        assert_eq!(connection.answer().status, 200);
        assert!(asked.elapsed() < Duration::from_millis(500), "others wait");
        if began.elapsed() > Duration::from_millis(400) && dripped == 0 {
            dripped = 1;
            for (length, stream) in slow.iter_mut().enumerate() {
                // The last of them has a whole header with it, and waits for a request.
                if length + 1 < header.len() {
                    let _ = stream.write_all(&header[length..=length]);
                }
            }
        }
        thread::yield_now();
    }
    assert_eq!(slow.len(), 28);
    for stream in &mut slow {
        assert_eq!(rest_of(stream), b"");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "bounded");
    until("all are gone", || {
        (proxy.metric("switchyard_connections") <= 1.0).then_some(())
    });
}
