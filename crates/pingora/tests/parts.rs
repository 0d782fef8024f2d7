//! The parts through Pingora's own load balancer, without a proxy.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use pingora_load_balancing::{Backend, Backends, LoadBalancer};
use tokio::net::TcpListener;

use switchyard_pingora::{
    Gauges, LeastLoad, Ledger, Load, Reservation, Rule, Scrape, Upstream, Upstreams, key,
    reservation, select_and_reserve,
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
