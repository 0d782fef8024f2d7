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

fn shared(proxy: &Proxy) -> f64 {
    ["s1", "s2", "s3"]
        .map(|name| format!("switchyard_upstream_shared_total{{substation=\"{name}\"}}"))
        .map(|series| proxy.metric(&series))
        .into_iter()
        .sum()
}

#[test]
fn under_load_prompt_substations_get_pipelined_requests_and_each_charge_is_booked_once() {
    let substations = Substations::start(&[1e9; 3]);
    let proxy = Proxy::start(&substations.addresses, "");
    let booked = rush(proxy.charge, |_| shared(&proxy) >= 50.0);
    let started = substations.started();
    assert_eq!(started.iter().sum::<u64>(), booked, "{started:?}");
}

#[test]
fn with_pipelining_off_each_request_has_a_connection_of_its_own() {
    let substations = Substations::start(&[1e9; 3]);
    let proxy = Proxy::start(&substations.addresses, "upstream: {pipeline: off}");
    rush(proxy.charge, |booked| booked >= 3_000);
    assert!(shared(&proxy).abs() < 0.5, "{}", shared(&proxy));
}
