//! HTTPS: what clients see, and a certificate that changes while they are connected.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, Act, PATIENCE, Scripted, fault::booked};

use crate::{
    rig::{Proxy, until, yaml},
    secure::{Certificate, Secure},
    substations::Substations,
};

const HTTP1: &[&str] = &["http/1.1"];

fn charge() -> String {
    client::request("POST", "/request_charge", "", r#"{"power_kw": 11}"#)
}

fn handshakes(proxy: &Proxy, result: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_tls_handshakes_total{{result=\"{result}\"}}"
    ))
}

#[test]
fn charges_are_booked_over_tls_one_after_another_on_one_connection() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    // A client that offers no protocol gets HTTP/1.1 too.
    for (alpn, chosen) in [(HTTP1, Some(b"http/1.1".as_slice())), (&[], None)] {
        let mut connection = Secure::open(proxy.charge, &certificate.client(alpn)).unwrap();
        assert_eq!(connection.protocol(), chosen);
        for _ in 0..3 {
            let (head, body) = connection.ask(&charge());
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert!(head.contains("x-substation: s1"), "{head}");
            assert!(body.contains("session_id"), "{body}");
        }
        let (head, body) = connection.ask(&client::request("GET", "/nowhere", "", ""));
        assert!(head.starts_with("http/1.1 404"), "{head}");
        assert!(body.contains("not_found"), "{body}");
    }
    assert_eq!(substations.started(), [6]);
    assert_eq!(handshakes(&proxy, "done"), 2.0);
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

#[test]
fn a_returning_client_resumes_its_tls_session_on_any_thread() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    let client = certificate.client(HTTP1);
    let mut resumed = 0;
    for _ in 0..8 {
        let mut connection = Secure::open(proxy.charge, &client).unwrap();
        connection.ask(&charge());
        resumed += u32::from(connection.is_resumed());
    }
    assert_eq!(
        resumed, 7,
        "all but the first, though there are two threads"
    );
}

#[test]
fn a_client_without_tls_is_closed_at_once_and_costs_the_others_nothing() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    for bytes in [charge().as_bytes(), b"\x16\x03\x01\xff\xff\x00", b"\0"] {
        let mut stream = TcpStream::connect(proxy.charge).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        if bytes.len() < 10 {
            // Too few bytes to judge: the connection ends once the client closes its side.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let mut answer = Vec::new();
        // A reset counts as an end too.
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    until("they are counted", || {
        (handshakes(&proxy, "failed") == 3.0).then_some(())
    });
    let foreign = Certificate::new();
    assert!(Secure::open(proxy.charge, &foreign.client(HTTP1)).is_err());
    assert!(Secure::open(proxy.charge, &certificate.client(&["spdy/3"])).is_err());
    let mut connection = Secure::open(proxy.charge, &certificate.client(HTTP1)).unwrap();
    assert!(connection.ask(&charge()).0.starts_with("http/1.1 200"));
}

#[test]
fn a_client_that_closes_at_any_byte_of_its_hello_costs_the_others_nothing() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    let config = certificate.client(HTTP1);
    let mut hello = Vec::new();
    let mut client = rustls::ClientConnection::new(config, crate::secure::name()).unwrap();
    client.write_tls(&mut hello).unwrap();
    let mut honest = Secure::open(proxy.charge, &certificate.client(HTTP1)).unwrap();
    for cut in 1..hello.len() {
        let mut stream = TcpStream::connect(proxy.charge).unwrap();
        stream.write_all(&hello[..cut]).unwrap();
        if cut % 16 == 0 {
            assert!(honest.ask(&charge()).0.starts_with("http/1.1 200"));
        }
    }
    until("each is counted", || {
        let cuts = u32::try_from(hello.len() - 1).unwrap();
        (handshakes(&proxy, "failed") >= f64::from(cuts)).then_some(())
    });
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
    assert!(honest.ask(&charge()).0.starts_with("http/1.1 200"));
}

#[test]
fn a_handshake_that_is_never_finished_ends_in_time_and_counts_as_a_connection() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let extra = format!(
        "{}\ntimeouts: {{client: 500ms}}\nlimits: {{connections: 2, client: {{connections: 2}}}}",
        certificate.yaml()
    );
    let proxy = Proxy::start(&substations.addresses, &extra);
    let silent: Vec<_> = (0..2)
        .map(|_| {
            let stream = TcpStream::connect(proxy.charge).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
        })
        .collect();
    let connected = Instant::now();
    // The third connection is over the limit, and is closed without a handshake.
    until("both count", || {
        let third = Secure::open(proxy.charge, &certificate.client(HTTP1));
        (third.is_err() && proxy.metric("switchyard_connections") == 2.0).then_some(())
    });
    assert!(proxy.metric("switchyard_connections_refused_total") >= 1.0);
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    assert!(connected.elapsed() < Duration::from_secs(5), "bounded");
    // The connection closes before it is counted.
    until("both are counted", || {
        (handshakes(&proxy, "too_slow") == 2.0).then_some(())
    });
    let mut connection = until("there is room again", || {
        Secure::open(proxy.charge, &certificate.client(HTTP1)).ok()
    });
    assert!(connection.ask(&charge()).0.starts_with("http/1.1 200"));
}

#[test]
fn a_new_certificate_is_shown_to_new_connections_while_old_ones_go_on() {
    let substations = Substations::start(&[1e6]);
    let certificate = Certificate::new();
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    let before = certificate.client(HTTP1);
    let mut old = Secure::open(proxy.charge, &before).unwrap();
    let first = old.certificate();
    old.ask(&charge());

    let second = certificate.renew();
    assert_ne!(first, second);
    proxy.signal(Signal::SIGHUP);
    proxy.logged("Certificate replaced");
    let new = Secure::open(proxy.charge, &certificate.client(HTTP1)).unwrap();
    assert_eq!(new.certificate(), second);
    assert!(
        old.ask(&charge()).0.starts_with("http/1.1 200"),
        "it goes on"
    );

    // An invalid certificate changes nothing and is logged.
    fs::write(certificate.path("tls.key"), "no key").unwrap();
    proxy.signal(Signal::SIGHUP);
    let refused = proxy.logged("Reload refused");
    assert!(refused.contains("ERROR"), "{refused}");
    proxy.logged("tls.key");
    let new = Secure::open(proxy.charge, &certificate.client(HTTP1)).unwrap();
    assert_eq!(new.certificate(), second);
    assert!(old.ask(&charge()).0.starts_with("http/1.1 200"));
    assert_eq!(substations.started(), [3]);

    let expiry = proxy.metric("switchyard_tls_certificate_expiry_timestamp_seconds");
    assert!(expiry > 2e9, "{expiry}");
}

#[test]
fn a_request_in_flight_over_tls_is_answered_at_the_end_of_the_process() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let slow = Scripted::charging(move || {
        released.lock().unwrap().recv().unwrap();
        Act::Write(booked())
    });
    let certificate = Certificate::new();
    let mut proxy = Proxy::start(&[slow.address], &certificate.yaml());
    let mut connection = Secure::open(proxy.charge, &certificate.client(HTTP1)).unwrap();
    let asking = std::thread::spawn(move || connection.ask(&charge()));
    until("it is with the substation", || {
        (slow.charges().len() == 1).then_some(())
    });
    proxy.signal(Signal::SIGTERM);
    until("it is on its way out", || {
        (proxy.get("/ready").status == 503).then_some(())
    });
    release.send(()).unwrap();
    let (head, _) = asking.join().unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert!(proxy.wait().success());
}

#[test]
fn wrong_files_are_faults_of_the_configuration_before_anything_is_bound() {
    let certificate = Certificate::new();
    fs::write(certificate.path("tls.key"), "").unwrap();
    fs::write(certificate.path("token"), "short").unwrap();
    let file = certificate.path("switchyard.yaml");
    let token = certificate.path("token");
    let extra = format!(
        "{}\nadmin: {{listen: 127.0.0.1:0, token_file: {}}}",
        certificate.yaml(),
        token.display()
    );
    fs::write(&file, yaml(&["127.0.0.1:1".parse().unwrap()], &extra)).unwrap();
    for command in ["run", "check"] {
        let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args([command, "--config"])
            .arg(&file)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{stderr}");
        for part in [
            ": 2 faults\n",
            "  line 5: tls.key: ",
            "holds no private key",
            "  line 6: admin.token_file: ",
            "holds 5 characters",
        ] {
            assert!(
                stderr.contains(part),
                "{command}: {part} is not in\n{stderr}"
            );
        }
        assert!(!stderr.contains("Listening for charge requests"));
    }
}
