//! Requests that a substation does not bear: they eject no substation, and cost no other client an answer.

use std::{
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use switchyard_faults::{
    self as client, Act, Connection, Scripted,
    fault::{self, booked, gauge},
};

use crate::rig::Proxy;

const COUNT: usize = 10;
const POISON: &str = r#"{"note": "poison"}"#;

/// A substation that does this to every charge with the word "poison" in it, and books any other.
fn choosy(act: fn() -> Act) -> Scripted {
    Scripted::start(move |request| {
        if request.starts_with("GET") {
            Act::Write(gauge("0"))
        } else if request.contains("poison") {
            act()
        } else {
            Act::Write(booked())
        }
    })
}

fn closes() -> Act {
    Act::WriteAndClose(Vec::new())
}

fn ejections(proxy: &Proxy) -> f64 {
    let count = |at: usize| {
        proxy.metric(&format!(
            "switchyard_substation_state_transitions_total{{substation=\"s{at}\",to=\"ejected\"}}"
        ))
    };
    (1..=COUNT).map(count).sum()
}

fn excused(proxy: &Proxy, reason: &str) -> f64 {
    let count = |at: usize| {
        proxy.metric(&format!(
            "switchyard_failures_excused_total{{reason=\"{reason}\",substation=\"s{at}\"}}"
        ))
    };
    (1..=COUNT).map(count).sum()
}

fn start(act: fn() -> Act, extra: &str) -> (Vec<Scripted>, Proxy) {
    let substations: Vec<_> = (0..COUNT).map(|_| choosy(act)).collect();
    let addresses: Vec<_> = substations.iter().map(|one| one.address).collect();
    (substations, Proxy::start(&addresses, extra))
}

#[test]
fn five_requests_that_break_wherever_they_go_eject_nobody() {
    let (_substations, proxy) = start(closes, "");
    for number in 0..5 {
        let key = format!("idempotency-key: k{number}\r\n");
        let request = client::request("POST", "/request_charge", &key, POISON);
        let answer = client::raw(proxy.charge, request);
        assert_eq!(answer.status, 502, "{}", answer.message());
    }
    assert_eq!(ejections(&proxy), 0.0);
    assert_eq!(excused(&proxy, "repeat"), 10.0, "three attempts each");
    proxy.logged("Failures that follow requests are not held against substations");
    for _ in 0..100 {
        assert_eq!(proxy.charge("").status, 200);
    }
}

/// Floods the proxy with poison for two seconds from another address, while honest clients charge. Returns how many of
/// both were sent, and the worst answers of the honest.
fn flood(proxy: &Proxy, from: &str, extra: &str) -> (usize, usize, Vec<u16>) {
    let address = proxy.charge;
    let (over, poison, honest) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let request = client::request("POST", "/request_charge", extra, POISON);
    let failed = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    let mut connection = Connection::over(connect_from(from, address));
                    connection.send(&request);
                    connection.answer();
                    poison.fetch_add(1, Relaxed);
                }
            });
        }
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    let mut connection = Connection::open(address);
                    let request = client::request("POST", "/request_charge", "", "{}");
                    while !over.load(Relaxed) {
                        connection.send(&request);
                        let status = connection.answer().status;
                        if status != 200 {
                            failed.push(status);
                        }
                        honest.fetch_add(1, Relaxed);
                    }
                    failed
                })
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            thread::park_timeout(end - Instant::now());
        }
        over.store(true, Relaxed);
        let failed = clients.into_iter().flat_map(|one| one.join().unwrap());
        failed.collect()
    });
    (poison.into_inner(), honest.into_inner(), failed)
}

fn connect_from(source: &str, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let source: SocketAddr = format!("{source}:0").parse().unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

#[test]
fn a_flood_that_breaks_connections_ejects_nobody_and_costs_no_other_client_an_answer() {
    // From the honest clients' own address too, as behind a proxy in front.
    for from in ["127.0.0.1", "127.0.0.2"] {
        for extra in ["", "idempotency-key: same\r\n"] {
            let (_substations, proxy) = start(closes, "");
            let (poison, honest, failed) = flood(&proxy, from, extra);
            assert!(poison > 50 && honest > 50, "{poison} {honest}");
            assert_eq!(
                failed, [0_u16; 0],
                "{from} {extra}: of {honest} beside {poison}"
            );
            assert_eq!(ejections(&proxy), 0.0, "{from} {extra}: {poison}");
        }
    }
}

#[test]
fn a_flood_that_is_answered_with_500_ejects_nobody() {
    let (_substations, proxy) = start(fault::internal_error, "");
    let (poison, honest, failed) = flood(&proxy, "127.0.0.1", "");
    assert!(poison > 50 && honest > 50, "{poison} {honest}");
    assert_eq!(failed, [0_u16; 0], "of {honest} beside {poison}");
    assert_eq!(ejections(&proxy), 0.0, "{poison}");
}

#[test]
fn a_substation_that_breaks_everything_is_found_in_a_flood_of_poison() {
    let dead = Scripted::charging(|| Act::WriteAndClose(Vec::new()));
    let mut substations: Vec<_> = (1..COUNT).map(|_| choosy(closes)).collect();
    substations.insert(0, dead);
    let addresses: Vec<_> = substations.iter().map(|one| one.address).collect();
    let proxy = Proxy::start(&addresses, "health: {ejection: 1m, longest_ejection: 1m}");
    flood(&proxy, "127.0.0.2", "");
    let line = proxy.logged("Substation ejected");
    assert!(line.contains("s1"), "{line}");
    assert_eq!(ejections(&proxy), 1.0);
}
