//! Under load: nothing above a limit is booked from the moment in which the command is answered.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
};

use switchyard_faults::{self as client, Connection};

use super::put;
use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// Clients that charge a kilowatt each time, one after the other.
const CLIENTS: u32 = 16;

#[test]
fn nothing_above_a_limit_is_booked_once_it_is_answered() {
    let substations = Substations::start(&[1e9]);
    let rest = "load: {interval: 20ms, timeout: 200ms}";
    let proxy = Proxy::start(&substations.addresses, rest);
    let load = || substations.loads()[0];
    let set = |value: f64| {
        put(
            &proxy,
            "s1",
            &format!(r#"{{"value": {value}, "source": "dso"}}"#),
        );
    };
    set(0.0);
    let stop = AtomicBool::new(false);
    let charge = client::request(
        "POST",
        "/request_charge",
        "",
        r#"{"power_kw": 1, "energy_kwh": 1000}"#,
    );
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::open(proxy.charge);
                while !stop.load(SeqCst) {
                    connection.send(&charge);
                    let answer = connection.answer();
                    assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
                }
            });
        }
        // Raised step by step: it is filled each time, and never beyond.
        let mut limit = 0.0;
        for step in [1.0, 7.0, 40.0, 3.0, 200.0] {
            limit += step;
            set(limit);
            until("it is full", || {
                let load = load();
                assert!(load <= limit, "{load} of {limit}");
                (load == limit).then_some(())
            });
        }
        // Lowered and closed while it fills.
        for round in 0..30 {
            set(1e9);
            until("it fills", || (load() > limit + 50.0).then_some(()));
            let lower = if round % 2 == 0 { 0.0 } else { load() };
            set(lower);
            // Those that were chosen before are on their way yet.
            let most = (load() + f64::from(CLIENTS)).max(lower);
            let refused = |seconds: f64| {
                let before =
                    proxy.metric("switchyard_requests_total{code=\"503\",result=\"refused\"}");
                (before >= seconds).then_some(before)
            };
            let before = refused(0.0).unwrap();
            until("it refuses", || refused(before + 100.0));
            limit = load();
            assert!(limit <= most, "{limit} in place of {most} at most");
        }
        stop.store(true, SeqCst);
    });
}
