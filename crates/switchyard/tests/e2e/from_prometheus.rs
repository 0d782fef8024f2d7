//! Gauges that a real Prometheus has scraped (`load.prometheus`).
//!
//! Without a `prometheus` on the path these tests say so and pass: `make test` runs where there is one.

use std::{env, net::SocketAddr, time::Duration};

use crate::{
    rig::{Proxy, until, yaml},
    substations::Substations,
};

mod server;

use server::{Prometheus, is_missing};

/// How often Prometheus scrapes here, in seconds; this variable sets another time.
const INTERVAL: &str = "SWITCHYARD_TEST_SCRAPE_INTERVAL";

fn interval() -> Duration {
    let seconds = env::var(INTERVAL).map_or(1.0, |seconds| seconds.parse().unwrap());
    Duration::from_secs_f64(seconds)
}

/// A proxy that asks `prometheus` for the load of these substations.
fn proxy(prometheus: &Prometheus, substations: &[SocketAddr]) -> Proxy {
    Proxy::start_from(&config(prometheus, substations))
}

fn config(prometheus: &Prometheus, substations: &[SocketAddr]) -> String {
    let url = prometheus.url();
    yaml(
        substations,
        &format!(
            "health: {{probe: 200ms}}\nload:\n  prometheus: {{url: \"{url}\", query: substation_current_load, \
             capacity_query: substation_capacity, interval: 200ms, timeout: 150ms, max_skew: 200ms}}\n"
        ),
    )
}

fn samples(proxy: &Proxy, at: usize) -> f64 {
    proxy.metric(&format!(
        "switchyard_load_polls_total{{outcome=\"ok\",substation=\"s{at}\"}}"
    ))
}

/// Waits until each of `count` substations has a new sample.
fn sampled(proxy: &Proxy, count: usize) {
    let before: Vec<_> = (1..=count).map(|at| samples(proxy, at)).collect();
    until("new samples", || {
        let mut all = (1..=count).zip(&before);
        all.all(|(at, before)| samples(proxy, at) > *before)
            .then_some(())
    });
}

fn book(proxies: &[Proxy], count: usize) {
    for at in 0..count {
        let proxy = &proxies[at % proxies.len()];
        let answer = proxy.charge(r#"{"power_kw": 11, "energy_kwh": 1000}"#);
        assert_eq!(answer.status, 200);
    }
}

fn spread(substations: &Substations) -> u64 {
    let started = substations.started();
    started.iter().max().unwrap() - started.iter().min().unwrap()
}

#[test]
fn a_burst_between_two_scrapes_ends_within_one_request_of_even() {
    if is_missing() {
        return;
    }
    let substations = Substations::start(&[1e6; 4]);
    let prometheus = Prometheus::start(&substations.addresses, interval());
    let proxies = [proxy(&prometheus, &substations.addresses)];
    sampled(&proxies[0], 4);
    for rounds in 1..=3 {
        book(&proxies, 101);
        let (spread, started) = (spread(&substations), substations.started());
        assert!(
            spread <= 1,
            "{rounds}: {started:?}, {:#}",
            proxies[0].status()
        );
        sampled(&proxies[0], 4);
    }
    let status = proxies[0].status();
    let asked = &status["prometheus"];
    assert_eq!(asked["error"], serde_json::Value::Null, "{asked}");
    assert_eq!(asked["series"], 4, "{asked}");
    let learned = asked["scrape_interval_seconds"].as_f64().unwrap();
    assert!((learned - interval().as_secs_f64()).abs() < 0.2, "{asked}");
    for substation in status["substations"].as_array().unwrap() {
        assert_eq!(substation["state"], "up");
        assert_eq!(substation["capacity"], 1e6);
        let age = substation["sample_age_seconds"].as_f64().unwrap();
        assert!(age < 3.0 * interval().as_secs_f64() + 1.0, "{substation}");
    }
}

#[test]
fn four_proxies_are_as_even_as_their_samples_allow() {
    if is_missing() {
        return;
    }
    let substations = Substations::start(&[1e6; 4]);
    let prometheus = Prometheus::start(&substations.addresses, interval());
    let proxies: Vec<_> = (0..4)
        .map(|_| proxy(&prometheus, &substations.addresses))
        .collect();
    for proxy in &proxies {
        sampled(proxy, 4);
    }
    for _ in 0..4 {
        book(&proxies, 100);
        // The first new sample of a substation may be older than the last booking; the second is not.
        for _ in 0..2 {
            for proxy in &proxies {
                sampled(proxy, 4);
            }
        }
    }
    let most = *substations.started().iter().max().unwrap();
    // Of 400: each proxy is even to a request by itself, and sees what the others have booked with the next sample only.
    assert!(most <= 115, "{:?}", substations.started());
}

#[test]
fn prometheus_may_go_and_come_back_and_what_it_does_not_scrape_is_unknown() {
    if is_missing() {
        return;
    }
    let substations = Substations::start(&[1e6; 3]);
    let mut prometheus = Prometheus::start(&substations.addresses[..2], interval());
    let proxies = [proxy(&prometheus, &substations.addresses)];
    sampled(&proxies[0], 2);
    let state = |proxy: &Proxy, at: usize| proxy.status()["substations"][at]["state"].clone();
    assert_eq!(state(&proxies[0], 2), "unknown");
    assert_eq!(proxies[0].status()["prometheus"]["missing_substations"], 1);
    proxies[0].logged("Substations have no load sample from Prometheus");
    prometheus.kill();
    until("a round that fails", || {
        proxies[0].status()["prometheus"]["error"]
            .is_string()
            .then_some(())
    });
    book(&proxies, 20);
    let of_known = &substations.started()[..2];
    assert!(of_known[0].abs_diff(of_known[1]) <= 1, "{of_known:?}");
    prometheus.start_again();
    until("a round with series", || {
        proxies[0].status()["prometheus"]["error"]
            .is_null()
            .then_some(())
    });
    sampled(&proxies[0], 2);
    until("it knows what was booked", || {
        let status = proxies[0].status();
        let loads = (0..2).map(|at| status["substations"][at]["current_load"].as_f64().unwrap());
        (loads.sum::<f64>() >= 219.0).then_some(())
    });
}
