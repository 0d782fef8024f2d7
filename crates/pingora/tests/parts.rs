//! The parts through Pingora's own load balancer, without a proxy.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pingora_load_balancing::{Backend, Backends, LoadBalancer};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use switchyard_pingora::{
    Aggregate, Gauges, LeastLoad, Ledger, Load, Reservation, Rule, Scrape, Upstream, Upstreams,
    Wanted, key, reservation, select_and_reserve,
};

fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

/// Backends of capacity 10 at these addresses.
fn balancer(addresses: &[SocketAddr]) -> LoadBalancer<LeastLoad> {
    let upstreams = addresses
        .iter()
        .enumerate()
        .map(|(at, address)| Upstream::new(format!("s{at}"), *address, Load::new(10.0)));
    let backends = Backends::new(Box::new(Upstreams::new(upstreams)));
    let mut balancer = LoadBalancer::from_backends_with_config(backends, Some(Rule::default()));
    balancer.set_health_check(Box::new(scrape("substation_current_load")));
    balancer
}

fn scrape(gauge: &str) -> Scrape {
    let mut scrape = Scrape::new(Gauges::new(gauge));
    scrape.timeout = Duration::from_secs(5);
    scrape
}

/// Three backends to which no request is sent.
async fn three() -> LoadBalancer<LeastLoad> {
    let addresses = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let balancer = balancer(&addresses);
    balancer.update().await.unwrap();
    balancer
}

fn all(balancer: &LoadBalancer<LeastLoad>) -> Vec<Arc<Upstream>> {
    let backends = balancer.backends().get_backend();
    backends
        .iter()
        .map(|backend| Arc::clone(Upstream::of(backend).unwrap()))
        .collect()
}

/// The estimate of each backend, in whole units.
fn estimates(balancer: &LoadBalancer<LeastLoad>) -> Vec<i64> {
    let units = |upstream: &Arc<Upstream>| upstream.ledger().estimate().micros() / 1_000_000;
    all(balancer).iter().map(units).collect()
}

#[tokio::test]
async fn what_is_selected_is_reserved_and_so_spread_evenly() {
    let balancer = three().await;
    for _ in 0..6 {
        let (_, reservation) = select_and_reserve(&balancer, load(2.0), |_| true).unwrap();
        reservation.booked();
    }
    assert_eq!(estimates(&balancer), [4, 4, 4]);
}

#[tokio::test]
async fn the_plain_trait_reserves_too_and_a_key_may_say_the_load() {
    let balancer = three().await;
    let mut by_default = balancer.select(b"a client's own key", 3).unwrap();
    reservation(&mut by_default).unwrap().booked();
    assert!(reservation(&mut by_default).is_none(), "once");
    let mut by_key = balancer.select(&key(load(2.0)), 3).unwrap();
    reservation(&mut by_key).unwrap().booked();
    let mut seen = estimates(&balancer);
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    let refused: Reservation<Upstream> =
        reservation(&mut balancer.select(b"", 3).unwrap()).unwrap();
    refused.cancel();
    assert_eq!(estimates(&balancer).iter().sum::<i64>(), 3);
}

#[tokio::test]
async fn a_selected_backend_that_is_dropped_counts_as_possibly_booked() {
    let balancer = three().await;
    drop(balancer.select(&key(load(2.0)), 3));
    assert_eq!(estimates(&balancer).iter().sum::<i64>(), 2);
    assert!(
        all(&balancer)
            .iter()
            .all(|upstream| upstream.ledger().in_flight() == 0)
    );
}

#[tokio::test]
async fn candidates_that_are_turned_down_leave_nothing_behind() {
    let balancer = three().await;
    assert!(select_and_reserve(&balancer, load(2.0), |_| false).is_none());
    assert!(balancer.select_with(b"", 1, |_, _| false).is_none());
    assert_eq!(estimates(&balancer), [0; 3]);
    let last = balancer.backends().get_backend().last().cloned().unwrap();
    let is_last = |backend: &Backend| *backend == last;
    let (chosen, reservation) = select_and_reserve(&balancer, load(2.0), is_last).unwrap();
    assert!(is_last(&chosen));
    reservation.booked();
    assert_eq!(estimates(&balancer), [0, 0, 2]);
}

#[tokio::test]
async fn no_backend_is_filled_beyond_capacity() {
    let balancer = three().await;
    for _ in 0..3 {
        select_and_reserve(&balancer, load(10.0), |_| true)
            .unwrap()
            .1
            .booked();
    }
    assert!(select_and_reserve(&balancer, load(1.0), |_| true).is_none());
}

#[tokio::test]
async fn an_update_forgets_no_ledger() {
    let balancer = three().await;
    let before = all(&balancer);
    select_and_reserve(&balancer, load(2.0), |_| true)
        .unwrap()
        .1
        .booked();
    balancer.update().await.unwrap();
    assert!(
        all(&balancer)
            .iter()
            .zip(&before)
            .all(|(now, then)| Arc::ptr_eq(now, then))
    );
    assert_eq!(estimates(&balancer).iter().sum::<i64>(), 2);
}

#[tokio::test]
async fn a_health_check_is_a_sample_and_an_unreachable_backend_is_skipped() {
    let substation = substation::Substation::new(substation::Config::new("s", 400.0)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    tokio::spawn(substation::run(
        substation,
        listener,
        std::future::pending(),
    ));
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let balancer = balancer(&[here, gone]);
    balancer.update().await.unwrap();
    for _ in 0..3 {
        balancer.backends().run_health_check(true).await;
    }
    let sampled = |upstream: &Arc<Upstream>| Ledger::is_sampled(upstream.ledger());
    assert_eq!(
        all(&balancer)
            .iter()
            .filter(|upstream| sampled(upstream))
            .count(),
        1
    );
    for _ in 0..10 {
        let (chosen, reservation) = select_and_reserve(&balancer, load(1.0), |_| true).unwrap();
        assert_eq!(chosen.addr.as_inet(), Some(&here));
        reservation.booked();
    }
    assert!(
        select_and_reserve(&balancer, load(1.0), |_| true).is_none(),
        "one is full, the other unreachable"
    );
}

/// A backend that answers one request after the other with these bytes, and then hangs. With `closes` it closes each
/// connection after its answer, although the answer does not say so.
async fn scripted(answers: &'static [&'static str], closes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut answers = answers.iter();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.split();
            let mut lines = BufReader::new(reader).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if !line.is_empty() {
                    continue;
                }
                match answers.next() {
                    Some(answer) => writer.write_all(answer.as_bytes()).await.unwrap(),
                    None => std::future::pending().await,
                }
                if closes {
                    break;
                }
            }
        }
    });
    address
}

/// One backend that has no capacity of its own, scraped by `scrape`.
async fn scraped(address: SocketAddr, scrape: Scrape) -> (LoadBalancer<LeastLoad>, Arc<Upstream>) {
    let upstream = Upstream::new("only", address, None);
    let backends = Backends::new(Box::new(Upstreams::new([upstream])));
    let mut balancer = LoadBalancer::from_backends_with_config(backends, Some(Rule::default()));
    balancer.set_health_check(Box::new(scrape));
    balancer.update().await.unwrap();
    balancer.backends().run_health_check(true).await;
    let upstream = all(&balancer).pop().unwrap();
    (balancer, upstream)
}

fn is_healthy(balancer: &LoadBalancer<LeastLoad>) -> bool {
    let backends = balancer.backends().get_backend();
    backends.iter().all(|it| balancer.backends().ready(it))
}

#[tokio::test]
async fn load_and_capacity_are_read_also_in_chunks_and_over_connections_that_close_unannounced() {
    let address = scripted(
        &[
            "HTTP/1.1 200 OK\r\ncontent-length: 35\r\n\r\nsessions 3\nsessions_max 10\nother 1\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nd\r\nsessions 4\nse\r\ne\r\nssions_max 20\n\r\n0\r\n\r\n",
        ],
        true,
    )
    .await;
    let gauges = Gauges::new("sessions").with_capacity("sessions_max");
    let mut both = Scrape::new(gauges);
    both.timeout = Duration::from_secs(5);
    let (balancer, upstream) = scraped(address, both).await;
    let known = || (upstream.ledger().estimate(), upstream.ledger().capacity());
    assert_eq!(known(), (load(3.0), Some(load(10.0))));
    balancer.backends().run_health_check(true).await;
    assert_eq!(known(), (load(4.0), Some(load(20.0))));
    assert!(is_healthy(&balancer));
}

#[tokio::test]
async fn a_backend_without_a_load_is_healthy_and_has_no_sample() {
    for answer in [
        &["HTTP/1.1 404 Not Found\r\ncontent-length: 11\r\n\r\nsessions 3\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nother 3\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\nsessions NaN\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 31\r\n\r\nsessions{a=\"1\"} 3\nsessions{} 4\n"],
    ] {
        let address = scripted(answer, false).await;
        let mut strict = scrape("sessions");
        strict.consecutive_failure = 1;
        let (balancer, upstream) = scraped(address, strict).await;
        assert!(is_healthy(&balancer), "{answer:?}");
        assert!(!upstream.ledger().is_sampled(), "{answer:?}");
    }
}

#[tokio::test]
async fn several_series_are_added_up_where_that_is_wanted() {
    let address = scripted(
        &["HTTP/1.1 200 OK\r\ncontent-length: 48\r\n\r\nrunning{gpu=\"0\"} 3\nrunning{gpu=\"1\"} 4\nwaiting 2\n"],
        false,
    )
    .await;
    let running = Wanted::from("running").aggregated(Aggregate::Sum);
    let mut summed = Scrape::new(Gauges::new(running.plus(Wanted::from("waiting"))));
    summed.timeout = Duration::from_secs(5);
    let (_, upstream) = scraped(address, summed).await;
    assert_eq!(upstream.ledger().estimate(), load(9.0));
}

#[tokio::test]
async fn a_backend_that_hangs_is_unhealthy() {
    let address = scripted(&[], false).await;
    let mut strict = scrape("sessions");
    strict.consecutive_failure = 1;
    strict.timeout = Duration::from_millis(20);
    let (balancer, upstream) = scraped(address, strict).await;
    assert!(!is_healthy(&balancer));
    assert!(!upstream.ledger().is_sampled());
}
