//! TLS to substations: what goes over it, what it costs in handshakes, and trust that changes while the proxy runs.

use std::{
    fs,
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ProducesTickets, ResolvesServerCert},
    sign::CertifiedKey,
};
use substation::{Config, Substation};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    rig::{Proxy, replace, until, yaml},
    secure::Certificate,
};

const CHARGE: &str = r#"{"power_kw": 11}"#;

/// How often clients connected, and how often a session was resumed then.
#[derive(Debug)]
struct Handshakes {
    all: AtomicUsize,
    resumed: AtomicUsize,
    certificates: Arc<dyn ResolvesServerCert>,
    tickets: Arc<dyn ProducesTickets>,
}

impl ResolvesServerCert for Handshakes {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.all.fetch_add(1, Relaxed);
        self.certificates.resolve(hello)
    }
}

impl ProducesTickets for Handshakes {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets.encrypt(plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let plain = self.tickets.decrypt(ticket);
        self.resumed
            .fetch_add(usize::from(plain.is_some()), Relaxed);
        plain
    }
}

/// A substation with TLS.
struct Site {
    substation: Substation,
    address: SocketAddr,
    handshakes: Arc<Handshakes>,
    certificate: Certificate,
    _runtime: Runtime,
}

impl Site {
    fn start() -> Self {
        let certificate = Certificate::new();
        let [crt, key] = ["tls.crt", "tls.key"].map(|name| certificate.path(name));
        let config = substation::tls(&crt, &key, None).unwrap();
        let handshakes = Arc::new(Handshakes {
            all: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            certificates: Arc::clone(&config.cert_resolver),
            tickets: Arc::clone(&config.ticketer),
        });
        let mut config = ServerConfig::clone(&config);
        config.cert_resolver = Arc::clone(&handshakes) as _;
        config.ticketer = Arc::clone(&handshakes) as _;
        let substation = Substation::new(Config::new("s1".to_owned(), 1e6)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let running = substation.clone();
        runtime.spawn(substation::run_tls(
            running,
            listener,
            Arc::new(config),
            std::future::pending(),
        ));
        Self {
            substation,
            address,
            handshakes,
            certificate,
            _runtime: runtime,
        }
    }

    fn tls(&self) -> String {
        let ca = self.certificate.path("tls.crt").display().to_string();
        format!("upstream: {{tls: {{ca: {ca}, server_name: localhost}}}}")
    }
}

fn refused(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_upstream_tls_errors_total{{reason=\"{reason}\",substation=\"s1\"}}"
    ))
}

#[test]
fn charges_sessions_scrapes_and_meters_go_over_tls_after_one_whole_handshake_each() {
    let (site, meter) = (Site::start(), Site::start());
    let extra = format!(
        "{}\nload: {{interval: 50ms}}\nfeeders: [{{name: f, load: {{address: \"{}\", tls: {{server_name: localhost}}}}}}]",
        site.tls(),
        meter.address
    );
    let text = yaml(&[site.address], &extra).replace("name: s1,", "name: s1, feeder: f,");
    // The meter's certificate is another one, and the proxy trusts both.
    let [one, other] = [&site, &meter].map(|site| site.certificate.path("tls.crt"));
    let both = fs::read_to_string(&one).unwrap() + &fs::read_to_string(other).unwrap();
    fs::write(one, both).unwrap();
    let proxy = Proxy::ready_from(&text);
    for _ in 0..100 {
        let booked = proxy.charge(CHARGE);
        assert_eq!(booked.status, 200, "{booked:?}");
    }
    assert_eq!(site.substation.sessions_started(), 100);
    let booked: serde_json::Value = serde_json::from_slice(&proxy.charge(CHARGE).body).unwrap();
    let path = format!("/sessions/{}", booked["session_id"].as_str().unwrap());
    assert_eq!(switchyard_faults::get(proxy.charge, &path).status, 200);

    let [all, resumed] = [&site.handshakes.all, &site.handshakes.resumed];
    let (all, resumed) = (all.load(Relaxed), resumed.load(Relaxed));
    // The scraper's, and one of each worker or so: the charges came one after the other.
    assert!((2..=8).contains(&all), "{all} connections");
    assert!(resumed + 2 >= all, "{resumed} of {all} are resumed");
    until("the meter is read", || {
        let state = "switchyard_feeder_polls_total{feeder=\"f\",outcome=\"ok\"}";
        (proxy.metric(state) > 0.0).then_some(())
    });
    for reason in ["unknown_ca", "wrong_name", "handshake", "no_tls"] {
        assert_eq!(refused(&proxy, reason), 0.0, "{reason}");
    }
}

#[test]
fn what_is_trusted_changes_while_the_proxy_runs_and_no_connection_of_before_serves_on() {
    let site = Site::start();
    let extra = format!("{}\nload: {{interval: 50ms}}", site.tls());
    let proxy = Proxy::start(&[site.address], &extra);
    assert_eq!(proxy.charge(CHARGE).status, 200);
    let ca = site.certificate.path("tls.crt");
    let ours = fs::read_to_string(&ca).unwrap();
    let theirs = fs::read_to_string(Certificate::new().path("tls.crt")).unwrap();

    replace(&ca, "no certificate");
    let refusal = proxy.logged("Reload refused");
    assert!(refusal.contains("upstream.tls.ca"), "{refusal}");
    assert_eq!(proxy.charge(CHARGE).status, 200);

    replace(&ca, theirs);
    let line = proxy.logged("No TLS connection to substation");
    assert!(line.contains("unknown_ca"), "{line}");
    assert!(refused(&proxy, "unknown_ca") > 0.0);
    // A connection that is kept serves until the worker looks at it.
    until("no charge is booked", || {
        let answer = proxy.charge(CHARGE);
        (answer.status == 503)
            .then(|| assert!(String::from_utf8_lossy(&answer.body).contains("no_substation")))
    });

    replace(&ca, ours);
    proxy.logged("TLS connections to substation work again");
    until("charges are booked again", || {
        (proxy.charge(CHARGE).status == 200).then_some(())
    });
}

#[test]
fn a_substation_changes_between_tls_and_plain_with_a_reload() {
    let site = Site::start();
    let extra = format!("{}\nload: {{interval: 50ms}}", site.tls());
    let proxy = Proxy::start(&[site.address], &extra);
    assert_eq!(proxy.charge(CHARGE).status, 200);
    let file = proxy.files.path().join("switchyard.yaml");
    let secured = fs::read_to_string(&file).unwrap();
    replace(&file, secured.replace("name: s1,", "name: s1, tls: false,"));
    proxy.logged("Configuration reloaded");
    assert_ne!(proxy.charge(CHARGE).status, 200);
    let started = site.substation.sessions_started();
    replace(&file, secured);
    proxy.logged("Configuration reloaded");
    until("charges are booked again", || {
        (proxy.charge(CHARGE).status == 200).then_some(())
    });
    assert_eq!(site.substation.sessions_started(), started + 1);
}

#[test]
fn files_that_can_t_be_used_are_faults_at_start_and_in_a_check() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("switchyard.yaml");
    let shown = |path: std::path::PathBuf| path.display().to_string();
    for (tls, fault) in [
        (
            format!("ca: {}", shown(certificate.path("tls.key"))),
            "upstream.tls.ca: ",
        ),
        (
            format!("ca: {}", shown(folder.path().join("none.pem"))),
            "cannot be read",
        ),
        (
            format!(
                "ca: {}, certificate: {}, key: {}",
                shown(certificate.path("tls.crt")),
                shown(certificate.path("tls.crt")),
                shown(other.path("tls.key"))
            ),
            "upstream.tls.key: ",
        ),
    ] {
        let extra = format!("upstream: {{tls: {{{tls}}}}}");
        fs::write(&file, yaml(&["127.0.0.1:1".parse().unwrap()], &extra)).unwrap();
        for command in ["run", "check"] {
            let mut run = Command::new(env!("CARGO_BIN_EXE_switchyard"));
            let output = run.args([command, "--config"]).arg(&file).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{stderr}");
            assert!(
                stderr.contains(fault),
                "{command}: {fault} is not in\n{stderr}"
            );
        }
    }
}
