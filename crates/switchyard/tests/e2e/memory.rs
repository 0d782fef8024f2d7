//! Ten thousand slow clients of every kind fit into the memory of the Kubernetes manifest, and others notice nothing; an idle
//! client takes little.
//!
//! What counts is resident memory, which is what a container is killed for. Latency is that of the best of some rounds:
//! attackers, honest clients and other tests share the cores with the proxy, and what the proxy itself does to a charge,
//! it does in every round.

use std::time::Duration;

use switchyard_faults::hostile::{
    Attack, Honest, Raid, Swarm, Watch, http1,
    http2::{self, kind},
    raise_file_limit, tls,
};

use switchyard_faults::{Connection, request};

use crate::{
    rig::{Proxy, until},
    secure::Certificate,
    substations::Substations,
};

/// What the proxy may hold, in bytes: `resources.limits.memory` of `deploy/kubernetes/base/proxy.yaml`.
const MOST_MEMORY: u64 = 256 << 20;
/// What 99 of 100 honest charges wait at most.
const MOST_WAIT: Duration = Duration::from_millis(50);
/// How long they are sent in a round, and how many rounds there are: together less than `timeouts.client`, which ends the
/// attackers.
const MEANWHILE: Duration = Duration::from_secs(1);
const ROUNDS: usize = 4;
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Runs so many connections of each attack at once, against the public port (true) or the admin port, and checks memory and
/// latency. All come from many addresses, so that no share of one address is what bounds them.
fn holds(proxy: &Proxy, honest: &Honest, attacks: Vec<(bool, usize, Attack)>) {
    let watch = Watch::start(proxy.id());
    let raids: Vec<_> = attacks
        .into_iter()
        .map(|(is_public, connections, attack)| {
            let port = if is_public { proxy.charge } else { proxy.admin };
            Swarm::new(port, attack, connections)
                .from_addresses(2, 40)
                .start()
        })
        .collect();
    for raid in &raids {
        raid.wait_until_begun();
    }
    // A debug build takes seconds to accept and read them all.
    let open = || proxy.metric("switchyard_connections");
    until("all have arrived", || {
        let before = open();
        std::thread::sleep(Duration::from_millis(100));
        (before > 1_000.0 && open() <= before).then_some(())
    });
    let rounds: Vec<_> = (0..ROUNDS).map(|_| honest.clone().run()).collect();
    let most = watch.most();
    let failed: usize = rounds.iter().map(|waits| waits.failed).sum();
    let wait = rounds.iter().map(|waits| waits.quantile(0.99)).min();
    let wait = wait.expect("there are rounds");
    assert_eq!(proxy.get("/live").status, 200);
    let counts: Vec<_> = raids.into_iter().map(Raid::end).collect();
    eprintln!(
        "{} connections, {} MiB at most, p99 {wait:?}, {failed} charges failed",
        counts.iter().map(|counts| counts.opened).sum::<usize>(),
        most >> 20,
    );
    assert!(most < MOST_MEMORY, "{most} bytes");
    assert_eq!(failed, 0, "{rounds:?}");
    assert!(wait < MOST_WAIT, "{wait:?}");
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
    until("all of it is given back", || {
        (proxy.metric("switchyard_requests_in_flight") == 0.0).then_some(())
    });
}

#[test]
fn ten_thousand_slow_clients_of_every_kind_fit_into_256_mib() {
    raise_file_limit();
    let substations = Substations::start(&[1e9, 1e9]);
    let proxy = Proxy::start(&substations.addresses, "http2: {cleartext: true}");
    let half_frame = {
        // Of 16,384 bytes, all but the last.
        let mut frame = http2::frame(kind::DATA, 0, 1, &[0; 16_384]);
        frame.pop();
        let open = http2::frame(kind::HEADERS, http2::END_HEADERS, 1, &http2::block(&[]));
        Attack::new([http2::hello(), open, frame].concat())
    };
    let half_block = {
        let first = http2::frame(kind::HEADERS, 0, 1, &http2::block(&[0; 1_000]));
        let next = http2::frame(kind::CONTINUATION, 0, 1, &[0x82; 16_000]);
        Attack::new([http2::hello(), first, next].concat())
    };
    let public = [
        (2_000, http1::unfinished_head(16_200)),
        (500, http1::unfinished_fields(16_200)),
        (500, http1::slow_head(HALF_A_SECOND)),
        (500, http1::endless_head(HALF_A_SECOND)),
        (1_500, http1::unfinished_body(64 * 1024)),
        (500, http1::slow_body(64 * 1024, HALF_A_SECOND)),
        (500, http1::tiny_chunks(HALF_A_SECOND)),
        (1_300, http1::idle()),
        (500, Attack::new(http2::PREFACE)),
        (300, Attack::new(http2::hello())),
        (100, http2::unfinished_bodies(50)),
        (100, http2::closed_window(10)),
        (400, half_frame),
        (300, half_block),
    ];
    let attacks = public
        .into_iter()
        .map(|(count, attack)| (true, count, attack))
        .chain([
            (false, 500, http1::unfinished_head(16_000)),
            (false, 500, http1::idle()),
        ]);
    holds(
        &proxy,
        &Honest::new(proxy.charge, 100.0, MEANWHILE),
        attacks.collect(),
    );
}

#[test]
fn handshakes_that_never_end_fit_into_256_mib() {
    raise_file_limit();
    let certificate = Certificate::new();
    let substations = Substations::start(&[1e9, 1e9]);
    let proxy = Proxy::start(&substations.addresses, &certificate.yaml());
    let attacks = [
        (500, tls::hello_only()),
        (1_500, tls::half_hello()),
        (500, tls::slow_hello(HALF_A_SECOND)),
        (1_500, tls::endless_hello(HALF_A_SECOND)),
        (1_300, http1::idle()),
    ];
    let honest = Honest::new(proxy.charge, 50.0, MEANWHILE).over(certificate.client(&["http/1.1"]));
    let attacks = attacks.map(|(count, attack)| (true, count, attack));
    holds(&proxy, &honest, attacks.into());
}

/// What an idle client may take at most, in bytes. In a debug build it takes 1,600: its futures are larger than those of a
/// release.
const MOST_IDLE: f64 = 2_048.0;
const IDLE_CLIENTS: usize = 4_000;
/// The memory that the first clients take includes what the proxy makes once.
const FIRST_CLIENTS: usize = 500;

/// A client that is idle takes a socket, a small task and a registration, whether it has sent nothing yet or has had its
/// answer: no buffer, and no room for a request.
#[test]
fn an_idle_client_keeps_no_buffer_and_no_request() {
    raise_file_limit();
    let substations = Substations::start(&[1e9]);
    let wire = request("POST", "/request_charge", "", r#"{"power_kw": 1.0}"#);
    for asks in [false, true] {
        // A slow machine takes longer for all of them than a client may usually be silent.
        let extra = "limits: {client: {connections: 9000}}\ntimeouts: {client: 5m, idle: 5m}";
        let proxy = Proxy::start(&substations.addresses, extra);
        let mut clients = Vec::new();
        let mut connect = |count: usize| {
            for _ in 0..count {
                let mut client = Connection::open(proxy.charge);
                if asks {
                    client.send(&wire);
                    assert_eq!(client.answer().status, 200);
                }
                clients.push(client);
            }
            until("all have arrived", || {
                let open = proxy.metric("switchyard_connections");
                (open >= count_of(clients.len())).then_some(())
            });
            proxy.metric("process_resident_memory_bytes")
        };
        let before = connect(FIRST_CLIENTS);
        let after = connect(IDLE_CLIENTS);
        let each = (after - before) / count_of(IDLE_CLIENTS);
        eprintln!("{each:.0} bytes for an idle client (asks: {asks})");
        assert!(each < MOST_IDLE, "{each} bytes, asks: {asks}");
    }
}

/// A count, to be compared with a metric.
#[expect(clippy::cast_precision_loss, reason = "thousands of clients")]
fn count_of(clients: usize) -> f64 {
    clients as f64
}
