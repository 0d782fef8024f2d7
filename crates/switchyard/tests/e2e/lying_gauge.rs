//! A gauge that does not show what was booked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use switchyard_faults::{
    Act, Scripted,
    fault::{answer, gauge},
};

use crate::rig::{Proxy, until};

/// The configured capacity of each substation, in kW.
const CAPACITY: usize = 1_100;
/// What a charge books, in kW.
const CHARGE: usize = 11;

/// Books every charge for an hour. Its gauge stays at zero while `lies` is set.
fn substation(lies: &Arc<AtomicBool>) -> Scripted {
    let (lies, sessions) = (Arc::clone(lies), AtomicUsize::new(0));
    Scripted::start(move |head| {
        if !head.starts_with("GET") {
            sessions.fetch_add(1, SeqCst);
            let body = r#"{"session_id":"s-1","power_kw":11,"duration_seconds":3600}"#;
            return Act::Write(answer("200 OK", body));
        }
        let load = if lies.load(SeqCst) {
            0
        } else {
            CHARGE * sessions.load(SeqCst)
        };
        Act::Write(gauge(&load.to_string()))
    })
}

/// Sends some charges, and waits until all substations have been asked for their load after them.
fn round(proxy: &Proxy, charges: usize) {
    let polls = |at: usize| {
        proxy.metric(&format!(
            "switchyard_load_polls_total{{outcome=\"ok\",substation=\"s{at}\"}}"
        ))
    };
    for _ in 0..charges {
        assert_eq!(proxy.charge("").status, 200);
    }
    let before = [1, 2, 3].map(polls);
    until("samples that follow the charges", || {
        let is_after = |at: usize| polls(at) >= before[at - 1] + 2.0;
        (1..=3).all(is_after).then_some(())
    });
}

fn distrusted(proxy: &Proxy) -> Vec<usize> {
    let status = proxy.status();
    (0..3)
        .filter(|at| status["substations"][*at]["distrusted"] == true)
        .collect()
}

#[test]
fn a_gauge_stuck_at_zero_is_distrusted_and_its_capacity_holds_until_it_tells_the_truth() {
    let (honest, lies) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(true)),
    );
    let all = [&honest, &honest, &lies].map(substation);
    let listed: Vec<_> = all
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let (name, address) = (at + 1, one.address);
            format!("  - {{name: s{name}, address: \"{address}\", capacity: {CAPACITY}}}\n")
        })
        .collect();
    let listed = listed.concat();
    let proxy = Proxy::start_from(&format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nsubstations:\n{listed}\
         charge: {{lasts: session}}\nload: {{interval: 20ms}}\n"
    ));
    let booked = || all.each_ref().map(|one| one.charges().len());
    let mut found_after = None;
    for number in 0..60 {
        round(&proxy, 4);
        let now = distrusted(&proxy);
        assert!(now.is_empty() || now == [2], "{now:?} in round {number}");
        if now == [2] {
            found_after.get_or_insert(booked()[2]);
        }
    }
    let found_after = found_after.expect("it is distrusted");
    let charges = booked();
    assert_eq!(charges.iter().sum::<usize>(), 240);
    assert!(found_after < 60, "{found_after} charges until then");
    // Believed, it would have got nearly all of them, and twice what its capacity is.
    assert!(charges[2] * CHARGE <= CAPACITY, "{charges:?}");
    assert!(charges[2] < charges[0] + 15, "{charges:?}");
    let metric = "switchyard_substation_distrusted{substation=\"s3\"}";
    assert!((proxy.metric(metric) - 1.0).abs() < 1e-9);

    lies.store(false, SeqCst);
    until("it is trusted again", || {
        round(&proxy, 1);
        distrusted(&proxy).is_empty().then_some(())
    });
}
