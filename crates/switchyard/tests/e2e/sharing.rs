//! Pipelined requests: used under real load, and none lost or booked twice.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
};

use switchyard_faults::{self as client, Connection};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// More than a worker takes in one turn, and few enough that the substations still answer promptly.
const CLIENTS: usize = 12;

/// Stops the load, also when the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Charges without a pause until `is_enough`, and returns how many were booked.
fn rush(address: SocketAddr, is_enough: impl Fn(u64) -> bool) -> u64 {
    let (booked, over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::open(address);
                let request = client::request("POST", "/request_charge", "", "{}");
                while !over.load(Relaxed) {
                    connection.send(&request);
                    assert_eq!(connection.answer().status, 200);
                    booked.fetch_add(1, Relaxed);
                }
            });
        }
        let _over = Over(&over);
        until("enough of a rush", || {
            is_enough(booked.load(Relaxed)).then_some(())
        });
    });
    booked.load(Relaxed)
}

/// How many requests have shared a connection, over the first `count` substations.
fn shared(proxy: &Proxy, count: usize) -> f64 {
    sum(proxy, count, |name| {
        format!("switchyard_upstream_shared_total{{substation=\"{name}\"}}")
    })
}

/// The sum of one series of each substation, from one page: to make a page for each would slow the proxy down.
fn sum(proxy: &Proxy, count: usize, series: impl Fn(&str) -> String) -> f64 {
    let names = (1..=count).map(|number| format!("s{number}"));
    let series: Vec<_> = names.map(|name| series(&name)).collect();
    proxy.metrics(&series).iter().sum()
}

#[test]
fn under_load_prompt_substations_get_pipelined_requests_and_each_charge_is_booked_once() {
    let substations = Substations::start(&[1e9; 3]);
    let proxy = Proxy::start(&substations.addresses, "");
    let booked = rush(proxy.charge, |_| shared(&proxy, 3) >= 50.0);
    let started = substations.started();
    assert_eq!(started.iter().sum::<u64>(), booked, "{started:?}");
}

#[test]
fn with_pipelining_off_each_request_has_a_connection_of_its_own() {
    let substations = Substations::start(&[1e9; 3]);
    let proxy = Proxy::start(&substations.addresses, "upstream: {pipeline: off}");
    rush(proxy.charge, |booked| booked >= 3_000);
    assert!(shared(&proxy, 3).abs() < 0.5, "{}", shared(&proxy, 3));
}

/// Three times as many as clients: an exact choice would hardly ever send two requests of a turn to the same one.
#[test]
fn with_a_tolerance_requests_share_writes_among_many_substations_and_the_choice_says_so() {
    const COUNT: usize = 3 * CLIENTS;
    let substations = Substations::start(&[1e6; COUNT]);
    let proxy = Proxy::start(&substations.addresses, "balance: {tolerance: 0.001}");
    let booked = rush(proxy.charge, |_| shared(&proxy, COUNT) >= 50.0);
    let preferred = sum(&proxy, COUNT, |name| {
        let labels = format!("reason=\"tolerance\",substation=\"{name}\"");
        format!("switchyard_dispatch_decisions_total{{{labels}}}")
    });
    assert!(preferred >= 1.0, "{preferred}");
    let started = substations.started();
    assert_eq!(started.iter().sum::<u64>(), booked, "{started:?}");
    // A thousandth of a capacity is 90 sessions of 11 kW, and each substation has its own turn.
    let most = started.iter().max().unwrap_or(&0);
    let least = started.iter().min().unwrap_or(&0);
    assert!(most - least <= 2 * 91, "{started:?}");
}
