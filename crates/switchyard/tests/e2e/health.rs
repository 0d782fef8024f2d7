//! How a substation leaves rotation, and how it returns.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use switchyard_faults::{
    self as client, Act, Scripted, fault,
    fault::{booked, gauge},
};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// A substation that fails charges while `fails` is set. Its gauge always shows it idle.
fn failing(fails: &Arc<AtomicBool>) -> Scripted {
    let fails = Arc::clone(fails);
    Scripted::charging(move || {
        if fails.load(SeqCst) {
            fault::internal_error()
        } else {
            Act::Write(booked())
        }
    })
}

/// A working, idle substation at an address where another one was before.
fn works_at(address: SocketAddr) -> Scripted {
    let listener = TcpListener::bind(address).unwrap();
    Scripted::on(listener, |request| {
        Act::Write(if request.starts_with("GET") {
            gauge("0")
        } else {
            booked()
        })
    })
}

fn stage(proxy: &Proxy, at: usize) -> String {
    let status = proxy.status();
    let stage = &status["substations"][at]["health"]["stage"];
    stage.as_str().unwrap().to_owned()
}

#[test]
fn the_trial_is_one_request_and_only_its_success_brings_the_substation_back() {
    let fails = Arc::new(AtomicBool::new(true));
    let substation = failing(&fails);
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[substation.address, works.address],
        "health: {ejection: 50ms, longest_ejection: 50ms}\nload: {interval: 10ms}",
    );
    for _ in 0..3 {
        assert_eq!(proxy.charge("").status, 500);
    }
    for _ in 0..3 {
        until("the trial", || (stage(&proxy, 0) == "trial").then_some(()));
        let address = proxy.charge;
        let before = substation.charges().len();
        let clients: Vec<_> = (0..8)
            .map(|_| thread::spawn(move || client::post(address, "/request_charge", "").status))
            .collect();
        let statuses: Vec<_> = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect();
        let failed = statuses.iter().filter(|status| **status == 500).count();
        // Charges after the next ejection may be a trial themselves.
        assert!((1..=2).contains(&failed), "{statuses:?}");
        assert_eq!(substation.charges().len() - before, failed);
    }
    fails.store(false, SeqCst);
    until("its return", || {
        proxy.charge("");
        (stage(&proxy, 0) == "in").then_some(())
    });
    let health = &proxy.status()["substations"][0]["health"];
    assert!(health["share"].as_f64().unwrap() < 0.5, "{health}");
    assert_eq!(
        proxy.charge("").header("x-substation"),
        Some("s1"),
        "room it has"
    );
    for word in [
        "Substation ejected",
        "ejection is over",
        "Substation ejected",
        "back in rotation",
    ] {
        proxy.logged(word);
    }
}

#[test]
fn a_readmitted_substation_fills_slowly() {
    let substations = Substations::start(&[1e6; 2]);
    let gone = substations.addresses[0];
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 20ms}\nhealth: {slow_start: 1h}",
    );
    let body = r#"{"power_kw": 10, "energy_kwh": 1000}"#;
    // Fills the other substation, so that the first one looks empty.
    assert_eq!(
        client::post(proxy.admin, "/substations/s1/drain", "").status,
        200
    );
    for _ in 0..100 {
        assert_eq!(proxy.charge(body).status, 200);
    }
    assert_eq!(
        client::post(proxy.admin, "/substations/s1/undrain", "").status,
        200
    );
    // Readmission by an operator has no slow start.
    assert_eq!(proxy.charge(body).header("x-substation"), Some("s1"));
    drop(substations);
    until("it is out", || {
        (stage(&proxy, 0) == "ejected").then_some(())
    });
    assert_eq!(proxy.status()["substations"][0]["state"], "down");
    let again = works_at(gone);
    until("it is back", || (stage(&proxy, 0) == "in").then_some(()));
    let health = &proxy.status()["substations"][0]["health"];
    let share = health["share"].as_f64().unwrap();
    assert!((0.1..0.11).contains(&share), "{health}");
    assert_eq!(proxy.charge(body).header("x-substation"), Some("s1"));
    assert_eq!(again.charges().len(), 1);
}

#[test]
fn a_flapping_substation_is_ejected_for_its_failure_rate() {
    let substation = {
        let turn = std::sync::atomic::AtomicUsize::new(0);
        Scripted::charging(move || {
            if turn.fetch_add(1, SeqCst).is_multiple_of(3) {
                Act::Write(booked())
            } else {
                fault::internal_error()
            }
        })
    };
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[substation.address, works.address],
        "health: {ejection: 1m, longest_ejection: 1m}\nload: {interval: 10s, stale_after: 20s}",
    );
    let statuses: Vec<_> = (0..40).map(|_| proxy.charge("").status).collect();
    let asked = substation.charges().len();
    assert!((20..25).contains(&asked), "{asked}");
    assert!(statuses[asked..].iter().all(|status| *status == 200));
    assert!(proxy.logged("Substation ejected").contains("Rate"));
}

#[test]
fn below_the_panic_threshold_ejected_substations_are_used_too() {
    let fails = [true, false].map(|fails| Arc::new(AtomicBool::new(fails)));
    let (one, two) = (failing(&fails[0]), failing(&fails[1]));
    let proxy = Proxy::start(
        &[one.address, two.address],
        "health: {most_ejected: 1, ejection: 1m, longest_ejection: 1m}\nload: {interval: 20ms}",
    );
    // One after the other: what fails at both from the start would be held against the requests.
    until("the first is out", || {
        proxy.charge("");
        (stage(&proxy, 0) == "ejected").then_some(())
    });
    fails[1].store(true, SeqCst);
    for _ in 0..20 {
        assert_eq!(proxy.charge("").status, 500, "they answer for themselves");
    }
    assert_eq!(proxy.status()["panic"], true);
    assert_eq!(proxy.metric("switchyard_panic_mode"), 1.0);
    for fails in &fails {
        fails.store(false, SeqCst);
    }
    for _ in 0..4 {
        assert_eq!(proxy.charge("").status, 200);
    }
    assert_eq!(
        proxy.status()["panic"],
        false,
        "a working substation is no longer ejected"
    );
    proxy.logged("Panic mode: too few substations in rotation");
    proxy.logged("Panic mode ended");
}

#[test]
fn no_more_substations_than_the_cap_are_ejected() {
    let fails = [true, false, false, false].map(|fails| Arc::new(AtomicBool::new(fails)));
    let all: Vec<_> = fails.iter().map(failing).collect();
    let addresses: Vec<_> = all.iter().map(|substation| substation.address).collect();
    let proxy = Proxy::start(
        &addresses,
        "health: {most_ejected: 0.5, panic: 0, ejection: 1m, longest_ejection: 1m}",
    );
    // One after the other: what fails at all of them from the start would be held against the requests.
    for (at, fails) in fails.iter().enumerate().take(2) {
        fails.store(true, SeqCst);
        until("it is out", || {
            proxy.charge("");
            (stage(&proxy, at) == "ejected").then_some(())
        });
    }
    for fails in &fails {
        fails.store(true, SeqCst);
    }
    for _ in 0..40 {
        assert_eq!(proxy.charge("").status, 500);
    }
    let status = proxy.status();
    let ejected = status["substations"].as_array().unwrap().iter();
    assert_eq!(ejected.filter(|one| one["state"] == "ejected").count(), 2);
}

#[test]
fn scraping_and_charging_are_judged_separately() {
    let mute = Scripted::start(|request| {
        if request.starts_with("GET") {
            Act::Hang
        } else {
            Act::Write(booked())
        }
    });
    let fails = failing(&Arc::new(AtomicBool::new(true)));
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[mute.address, fails.address, works.address],
        "health: {ejection: 1m, longest_ejection: 1m}\nload: {interval: 50ms, timeout: 50ms}",
    );
    for _ in 0..10 {
        proxy.charge("");
    }
    let health = |at: usize, what: &str| {
        let status = proxy.status();
        status["substations"][at]["health"][what].as_bool().unwrap()
    };
    assert_eq!(
        (health(0, "can_scrape"), health(0, "can_charge")),
        (false, true)
    );
    until("a scrape", || health(1, "can_scrape").then_some(()));
    assert!(!health(1, "can_charge"));
    until("a scrape", || health(2, "can_scrape").then_some(()));
    assert!(health(2, "can_charge"));
    let metric = |what: &str, name: &str| {
        proxy.metric(&format!(
            "switchyard_substation_{what}{{substation=\"{name}\"}}"
        ))
    };
    assert_eq!(
        (metric("can_scrape", "s1"), metric("can_charge", "s1")),
        (0.0, 1.0)
    );
    assert_eq!(metric("can_charge", "s2"), 0.0);
}

#[test]
fn with_no_substation_left_the_proxy_says_so_at_once_and_recovers_with_the_first_scrape() {
    let substations = Substations::start(&[1e6; 5]);
    let addresses = substations.addresses.clone();
    let proxy = Proxy::start(&addresses, "load: {interval: 100ms}");
    assert_eq!(proxy.charge("").status, 200);
    drop(substations);
    let mut took = Vec::new();
    for _ in 0..50 {
        let asked = std::time::Instant::now();
        let answer = proxy.charge("");
        took.push(asked.elapsed());
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "no_substation")
        );
        assert!(answer.header("retry-after").is_some());
    }
    took.sort();
    // Not the slowest: it may have met a busy machine.
    assert!(took[45] < Duration::from_millis(50), "{took:?}");
    let back = works_at(addresses[3]);
    let polls = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s4\"}";
    let before = proxy.metric(polls);
    until("it is used", || {
        (proxy.charge("").status == 200).then_some(())
    });
    // The scrape that reaches it brings it back; the next scrape may be over when this is checked.
    assert!(proxy.metric(polls) - before <= 2.0);
    assert_eq!(back.charges().len(), 1);
}
