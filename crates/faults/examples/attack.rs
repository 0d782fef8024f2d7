//! Runs one attack against a running proxy and prints what it cost, as JSON. `make attack` starts it for each proxy.
//!
//! The argument is a JSON object with the fields of `Order`. Honest clients charge first without and then during the
//! attack; the difference of the two is the attack's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that can't go on has failed"
)]

use std::{env, net::SocketAddr, path::PathBuf, sync::Arc, thread, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde::Deserialize;
use serde_json::json;
use switchyard_faults::hostile::{
    Honest, Latencies, Swarm, Usage, Watch, attack, raise_file_limit,
};

/// How long memory may take to be given back, before it counts as kept.
const SETTLE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Order {
    /// The name of the attack.
    attack: String,
    /// Where it goes.
    target: SocketAddr,
    /// Where honest clients go.
    honest: SocketAddr,
    /// The certificate that honest clients expect, if they speak TLS.
    certificate: Option<PathBuf>,
    /// The proxy's process.
    process: u32,
    /// Hostile connections at once.
    connections: usize,
    /// From how many loopback addresses, 127.0.0.2 and the next ones. Honest clients come from 127.0.0.1.
    addresses: u8,
    /// The seconds until a connection that the proxy ended is opened again.
    pause: f64,
    /// How long each of the two measurements takes.
    seconds: f64,
    /// Honest charges a second.
    rate: f64,
}

fn milliseconds(waits: &Latencies, share: f64) -> Option<f64> {
    let wait = waits.quantile(share);
    (wait != Duration::MAX).then_some(wait.as_secs_f64() * 1e3)
}

fn told(waits: &Latencies) -> serde_json::Value {
    json!({
        "sent": waits.sent,
        "failed": waits.failed,
        "p50_ms": milliseconds(waits, 0.5),
        "p99_ms": milliseconds(waits, 0.99),
    })
}

fn main() {
    let order = env::args().nth(1).expect("an order, in JSON");
    let order: Order = serde_json::from_str(&order).unwrap();
    let _ = raise_file_limit();
    let duration = Duration::from_secs_f64(order.seconds);
    let config = order.certificate.as_ref().map(|file| {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(file).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    });
    let honest = |duration| {
        let honest = Honest::new(order.honest, order.rate, duration);
        match &config {
            None => honest.run(),
            Some(config) => honest.over(Arc::clone(config)).run(),
        }
    };
    let usage = || Usage::of_family(order.process);

    let _ = honest(SETTLE);
    let before = usage();
    let calm = honest(duration);
    let between = usage();
    let watch = Watch::start(order.process);
    let raid = Swarm::new(
        order.target,
        attack(&order.attack).expect("an attack of that name"),
        order.connections,
    )
    .from_addresses(2, order.addresses)
    .returning_after(Duration::from_secs_f64(order.pause))
    .at_most(2 * duration + Duration::from_secs(30))
    .start();
    let attacked = honest(duration);
    let (during, counts) = (usage(), raid.counts());
    drop(raid);
    thread::sleep(SETTLE);
    let after = usage();
    let answer = json!({
        "calm": told(&calm),
        "attacked": told(&attacked),
        "resident": {
            "before": between.resident,
            "most": watch.most(),
            "after": after.resident,
        },
        "descriptors": { "before": between.descriptors, "during": during.descriptors },
        "cpu_seconds": {
            "calm": between.cpu.saturating_sub(before.cpu).as_secs_f64(),
            "attacked": during.cpu.saturating_sub(between.cpu).as_secs_f64(),
        },
        "hostile": {
            "opened": counts.opened,
            "refused": counts.refused,
            "ended": counts.ended,
            "bytes": counts.bytes,
            "units": counts.units,
            "statuses": counts.statuses,
            "goaways": counts.goaways,
        },
    });
    println!("{answer}");
}
