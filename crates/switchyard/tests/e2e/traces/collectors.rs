//! Collectors that are slow, gone or hanging, and the end of the process.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use nix::sys::signal::Signal;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use switchyard_faults::{Act, ClosedPort, Collector, Load, Scripted, Taking, fault::page};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{charge, configuration, headers, proxy, requests};
use crate::{
    h2,
    rig::{Proxy, until, yaml},
    secure::Certificate,
};

/// What a proxy that samples every request makes of a load: the slowest answer but one in a hundred.
fn slowest(proxy: &Proxy) -> Duration {
    let load = Load::new(proxy.charge, 1_000.0, Duration::from_secs(3));
    let mut records = load.run();
    let failed: Vec<_> = records
        .iter()
        .filter(|record| !matches!(record.told, switchyard_faults::Told::Booked(_)))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    records.sort_by_key(|record| record.took);
    records[records.len() * 99 / 100].took
}

fn lost(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_trace_spans_dropped_total{{reason=\"{reason}\"}}"
    ))
}

#[test]
fn a_collector_that_hangs_or_is_gone_costs_requests_nothing_and_is_counted() {
    let substation = Scripted::working("500");
    let taking = Collector::start(Taking::All);
    let usual = slowest(&proxy(&[&substation], &taking, 1.0, ""));
    let hanging = Collector::start(Taking::Hanging);
    let gone = ClosedPort::new();
    for url in [hanging.url(), format!("http://{}", gone.address)] {
        let proxy = Proxy::start(&[substation.address], &configuration(&url, 1.0, ""));
        let slow = slowest(&proxy);
        // A wait for the collector would take many seconds.
        assert!(slow < usual + Duration::from_secs(1), "{slow:?}, {usual:?}");
        // 3,000 traces, 2,048 of which find a place in the queue, and one batch is under way.
        assert!(lost(&proxy, "queue_full") > 0.0, "{url}");
        assert_eq!(proxy.metric("switchyard_trace_spans_exported_total"), 0.0);
    }
}

#[test]
fn what_a_collector_does_not_take_is_said_once_and_when_it_comes_back() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::Status(503));
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    let said = proxy.logged("Traces are not delivered");
    assert!(said.contains("503"), "{said}");
    collector.has_batches(2);
    collector.set(Taking::All);
    let lines = proxy.logged_until("Traces are delivered again");
    assert!(!lines.iter().any(|line| line.contains("not delivered")));
    assert_eq!(requests(&collector, 1).len(), 3);
    until("the spans count", || {
        (proxy.metric("switchyard_trace_spans_exported_total") == 3.0).then_some(())
    });
}

#[test]
fn the_end_of_the_process_sends_what_waits_and_waits_for_no_hanging_collector() {
    let substation = Scripted::working("500");
    let taking = Collector::start(Taking::All);
    let mut one = proxy(&[&substation], &taking, 0.0, "");
    for _ in 0..20 {
        assert_eq!(charge(&one, &headers("01")).status, 200);
    }
    one.signal(Signal::SIGTERM);
    assert!(one.wait().success());
    assert_eq!(taking.taken().len(), 60);

    let hanging = Collector::start(Taking::Hanging);
    let mut one = proxy(&[&substation], &hanging, 0.0, "");
    assert_eq!(charge(&one, &headers("01")).status, 200);
    hanging.has_batches(1);
    let before = std::time::Instant::now();
    one.signal(Signal::SIGTERM);
    one.logged("Traces are lost at the end");
    assert!(one.wait().success());
    assert!(before.elapsed() < Duration::from_secs(6));
}

#[test]
fn a_collector_with_tls_is_believed_only_with_a_certificate_of_its_name() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::All);
    let certificate = Certificate::new();
    let port = before_it(&certificate, &collector).port();
    let start = |host: &str| {
        let extra = configuration(&format!("https://{host}:{port}"), 0.0, "");
        let proxy = Proxy::launch(&yaml(&[substation.address], &extra), |command| {
            command.env("SSL_CERT_FILE", certificate.path("tls.crt"));
            command.env_remove("SSL_CERT_DIR");
        });
        proxy.wait_until_ready();
        assert_eq!(charge(&proxy, &headers("01")).status, 200);
        proxy
    };
    let said = start("127.0.0.1").logged("Traces are not delivered");
    assert!(said.contains("certificate"), "{said}");
    assert!(collector.taken().is_empty());
    let _proxy = start("localhost");
    assert_eq!(requests(&collector, 1).len(), 3);
}

/// A port with TLS that leads to this collector.
fn before_it(certificate: &Certificate, collector: &Collector) -> SocketAddr {
    let chain = CertificateDer::from_pem_file(certificate.path("tls.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificate.path("tls.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, collector) = (listener.local_addr().unwrap(), collector.address);
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        h2::runtime().block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(mut client) = acceptor.accept(client).await {
                    let mut server = TcpStream::connect(collector).await.unwrap();
                    tokio::spawn(async move {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    });
                }
            }
        });
    });
    address
}

#[test]
fn another_collector_is_used_without_a_restart() {
    let substation = Scripted::charging(|| Act::Write(page("{}")));
    let [first, second] = [(); 2].map(|()| Collector::start(Taking::All));
    let proxy = proxy(&[&substation], &first, 0.0, "");
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    let file = proxy.files.path().join("switchyard.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&first.url(), &second.url())).unwrap();
    until("the new configuration", || {
        (proxy.metric("switchyard_config_version") == 2.0).then_some(())
    });
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    assert_eq!(requests(&second, 1).len(), 3);
    assert_eq!(
        requests(&first, 1).len(),
        3,
        "the first one gets what waited"
    );
}
