//! The admin port over TLS: what its clients see, and what they say where one side speaks TLS and the other does not.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use switchyard_faults::{self as client, PATIENCE};

use crate::{
    rig::{Proxy, until, yaml},
    secure::{Certificate, Secure},
    substations::Substations,
};

const HTTP1: &[&str] = &["http/1.1"];

struct Rig {
    certificate: Certificate,
    proxy: Proxy,
    _substations: Substations,
}

impl Rig {
    /// A proxy whose admin port has a certificate, ready.
    fn start(extra: &str) -> Self {
        let substations = Substations::start(&[1e6]);
        let certificate = Certificate::new();
        let admin = format!("admin: {{listen: 127.0.0.1:0, {}}}", certificate.yaml());
        let proxy = Proxy::start_from(&yaml(&substations.addresses, &format!("{admin}\n{extra}")));
        let rig = Self {
            certificate,
            proxy,
            _substations: substations,
        };
        until("it is ready", || {
            rig.get("/ready").starts_with("http/1.1 200").then_some(())
        });
        rig
    }

    fn open(&self, alpn: &[&str]) -> Secure {
        Secure::open(self.proxy.admin, &self.certificate.client(alpn)).unwrap()
    }

    /// The head of the answer to a `GET`.
    fn get(&self, path: &str) -> String {
        let request = client::request("GET", path, "", "");
        self.open(HTTP1).ask(&request).0
    }

    /// The exit code of a command, and what it says.
    fn said(arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    }
}

#[test]
fn the_admin_port_speaks_http1_over_tls_and_a_new_certificate_is_shown_at_once() {
    let rig = Rig::start("");
    // A client that would rather have HTTP/2 gets HTTP/1.1.
    let mut old = rig.open(&["h2", "http/1.1"]);
    assert_eq!(old.protocol(), Some(b"http/1.1".as_slice()));
    let status = client::request("GET", "/status", "", "");
    let (head, body) = old.ask(&status);
    assert!(head.starts_with("http/1.1 200") && body.contains("\"substations\""));

    for (scheme, status) in [("http", "403"), ("https", "200")] {
        let from_a_page = format!("origin: {scheme}://localhost\r\n");
        let drain = client::request("POST", "/substations/s1/drain", &from_a_page, "");
        let (head, body) = rig.open(HTTP1).ask(&drain);
        assert!(
            head.starts_with(&format!("http/1.1 {status}")),
            "{scheme}: {head}\n{body}"
        );
    }

    let second = rig.certificate.renew();
    rig.proxy.signal(Signal::SIGHUP);
    rig.proxy.logged("Certificate of the admin port replaced");
    assert_eq!(rig.open(HTTP1).certificate(), second);
    assert!(old.ask(&status).0.starts_with("http/1.1 200"), "it goes on");
    let (_, page) = rig
        .open(HTTP1)
        .ask(&client::request("GET", "/metrics", "", ""));
    let expiry = "\nswitchyard_admin_tls_certificate_expiry_timestamp_seconds ";
    assert!(page.contains(expiry), "{page}");

    fs::write(rig.certificate.path("tls.crt"), "nothing").unwrap();
    rig.proxy.signal(Signal::SIGHUP);
    let fault = rig.proxy.logged("admin.tls.certificate");
    assert!(fault.contains("holds no certificate"), "{fault}");
    assert!(
        old.ask(&status).0.starts_with("http/1.1 200"),
        "the old one stays"
    );
}

#[test]
fn each_command_says_what_to_do_where_only_one_side_speaks_tls() {
    let rig = Rig::start("");
    let port = rig.proxy.admin.port();
    let ca = rig.certificate.path("tls.crt").display().to_string();
    let [secure, named, plain] = ["https://127.0.0.1", "https://localhost", "http://127.0.0.1"]
        .map(|url| format!("{url}:{port}/ready"));
    let health = |url: &str, ca: &str| Rig::said(&["healthcheck", "--url", url, "--ca", ca]);
    assert_eq!(health(&named, &ca), (Some(0), String::new()));
    for (told, words) in [
        (
            Rig::said(&["healthcheck", "--url", &plain]),
            "write https:// instead of http://",
        ),
        (
            health(&secure, &ca),
            "its certificate is not one for 127.0.0.1",
        ),
        (health(&named, "/nowhere"), "--ca /nowhere: cannot be read"),
        (
            health(
                &named,
                &Certificate::new().path("tls.crt").display().to_string(),
            ),
            "name the authority's file with --ca",
        ),
    ] {
        assert_eq!(told.0, Some(1), "{told:?}");
        assert!(told.1.contains(words), "{words} is not in {told:?}");
    }

    // The health check of a container has the configuration, and needs nothing else.
    let file = rig.certificate.path("beside.yaml");
    let admin = format!(
        "admin: {{listen: 127.0.0.1:{port}, {}}}",
        rig.certificate.yaml()
    );
    fs::write(&file, yaml(&["127.0.0.1:1".parse().unwrap()], &admin)).unwrap();
    let file = file.display().to_string();
    assert_eq!(
        Rig::said(&["healthcheck", "--config", &file]),
        (Some(0), String::new())
    );

    let substations = Substations::start(&[1e6]);
    let without = Proxy::start(&substations.addresses, "");
    let url = format!("https://localhost:{}/ready", without.admin.port());
    let (code, said) = health(&url, &ca);
    assert_eq!(code, Some(1));
    assert!(said.contains("write http:// instead of https://"), "{said}");
}

#[test]
fn handshakes_that_never_end_keep_nobody_from_the_admin_port() {
    let rig = Rig::start("timeouts: {client: 500ms}");
    let silent: Vec<_> = (0..100)
        .map(|at| {
            let mut stream = TcpStream::connect(rig.proxy.admin).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            if at % 2 == 0 {
                // The first bytes of a ClientHello.
                let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01");
            }
            stream
        })
        .collect();
    let begun = Instant::now();
    assert!(rig.get("/ready").starts_with("http/1.1 200"));
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0; 64]).unwrap_or(0), 0);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "bounded");

    let mut plain = TcpStream::connect(rig.proxy.admin).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = client::request("GET", "/status", "", "");
    plain.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(rig.get("/ready").starts_with("http/1.1 200"));
}
