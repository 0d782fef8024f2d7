//! Gauges that fall silent, and gauges that other proxies move too.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
};

use switchyard_faults::{
    Act, Connection, Scripted,
    fault::{booked, page},
    post, raw, request,
};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

const SHARE: &str = "switchyard_dispatch_load_share";

/// A substation of 100 kW whose metrics page is gone once `silent` is set. Counts its charges.
fn falls_silent(silent: &Arc<AtomicBool>, charges: &Arc<AtomicU64>) -> Scripted {
    let (silent, charges) = (Arc::clone(silent), Arc::clone(charges));
    Scripted::start(move |head| {
        if !head.starts_with("GET") {
            charges.fetch_add(1, SeqCst);
            Act::Write(booked())
        } else if silent.load(SeqCst) {
            Act::Write(page("nothing_of_that_kind 1\n"))
        } else {
            Act::Write(page(
                "substation_current_load 90\nsubstation_capacity 100\n",
            ))
        }
    })
}

#[test]
fn with_all_gauges_silent_requests_go_on_evenly_even_if_all_seem_full() {
    let silent = Arc::new(AtomicBool::new(false));
    let charges = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
    let substations = charges.each_ref().map(|c| falls_silent(&silent, c));
    let addresses = substations.each_ref().map(|substation| substation.address);
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms, stale_after: 60ms}");
    let refused = proxy.charge(r#"{"power_kw": 11}"#);
    assert_eq!(
        refused.status, 503,
        "fresh gauges that say full are believed"
    );
    silent.store(true, SeqCst);
    until("all are stale", || {
        let status = proxy.status();
        let mut all = status["substations"].as_array().unwrap().iter();
        all.all(|one| one["state"] == "stale").then_some(())
    });
    // Stale samples are detected with each round of scrapes.
    until("the first is let in", || {
        (proxy.charge(r#"{"power_kw": 11}"#).status == 200).then_some(())
    });
    for _ in 1..60 {
        assert_eq!(proxy.charge(r#"{"power_kw": 11}"#).status, 200);
    }
    let charges = charges.map(|charges| charges.load(SeqCst));
    assert_eq!(charges, [20; 3]);
}

/// A substation whose metrics page is always this answer.
fn always(answer: &'static str) -> Scripted {
    Scripted::start(move |_| Act::Write(answer.into()))
}

#[test]
fn a_gauge_that_gives_no_load_says_why_in_the_log() {
    let several = Scripted::start(|_| {
        Act::Write(page(
            "substation_current_load{phase=\"1\"} 1\nsubstation_current_load{phase=\"2\"} 2\n",
        ))
    });
    let moved = always(
        "HTTP/1.1 302 Found\r\nlocation: http://elsewhere/login\r\ncontent-length: 0\r\n\r\n",
    );
    let two_capacities = Scripted::start(|_| {
        Act::Write(page(
            "substation_current_load 1\nsubstation_capacity{phase=\"1\"} 7\nsubstation_capacity 8\n",
        ))
    });
    let addresses = [&several, &moved, &two_capacities].map(|substation| substation.address);
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms}");
    let mut lines = Vec::new();
    for says in [
        "Substation gives no load sample: dispatch continues by the ledger substation=\"s1\" outcome=\"missing\" \
         why=2 series match: add labels or load.aggregate",
        "substation=\"s2\" outcome=\"status\" why=status 302, which leads to http://elsewhere/login: redirects are",
        "Substation has no known capacity substation=\"s3\" why=2 series match: add labels or load.aggregate",
    ] {
        while !lines.iter().any(|line: &String| line.contains(says)) {
            // The next one, whatever it says.
            lines.push(proxy.logged(""));
        }
    }
}

/// Books `count` short sessions through a proxy, over one connection.
fn book(proxy: SocketAddr, count: usize) {
    let mut connection = Connection::open(proxy);
    let body = r#"{"power_kw": 11, "energy_kwh": 0.001}"#;
    let request = request("POST", "/request_charge", "", body);
    for _ in 0..count {
        connection.send(&request);
        assert_eq!(connection.answer().status, 200);
    }
}

#[test]
fn two_proxies_detect_each_other() {
    let substations = Substations::start(&[1e6; 3]);
    let start = || Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let proxies = [start(), start()];
    let shares = || proxies.each_ref().map(|proxy| proxy.metric(SHARE));
    assert_eq!(shares(), [1.0, 1.0]);
    until("both count only a share of the gauges", || {
        thread::scope(|scope| {
            for charge in proxies.each_ref().map(|proxy| proxy.charge) {
                scope.spawn(move || book(charge, 50));
            }
        });
        shares().iter().all(|share| *share < 1.0).then_some(())
    });
}

#[test]
fn a_lone_proxy_keeps_a_share_of_one_whatever_sessions_end() {
    let substations = Substations::start(&[1e6; 3]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let polls = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}";
    let from = proxy.metric(polls);
    until("fifty rounds under load", || {
        book(proxy.charge, 50);
        assert_eq!(proxy.metric(SHARE), 1.0);
        (proxy.metric(polls) >= from + 50.0).then_some(())
    });
}

#[test]
fn a_restarted_substation_is_neither_flooded_nor_forgotten() {
    let substations = Substations::start(&[1e6; 3]);
    let body = r#"{"power_kw": 11, "energy_kwh": 1000}"#;
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let mut sessions = Vec::new();
    for _ in 0..90 {
        let answer = proxy.charge(body);
        assert_eq!(answer.status, 200);
        sessions.push(answer.json()["session_id"].as_str().unwrap().to_owned());
    }
    // All sessions of one substation end at once, as at a restart.
    let first = &substations.all[0];
    for session in sessions.iter().filter(|session| session.starts_with("s1-")) {
        let end = request("DELETE", &format!("/sessions/{session}"), "", "");
        assert_eq!(raw(substations.addresses[0], end).status, 200);
    }
    assert_eq!(first.current_load_kw(), 0.0);
    until("its gauge is seen", || {
        let status = proxy.status();
        (status["substations"][0]["estimated_load"] == 0.0).then_some(())
    });
    for _ in 0..60 {
        assert_eq!(post(proxy.charge, "/request_charge", body).status, 200);
    }
    let mut sessions: Vec<f64> = substations.loads().iter().map(|load| load / 11.0).collect();
    sessions.sort_by(f64::total_cmp);
    assert!(
        sessions[0] >= 39.0 && sessions[2] <= 41.0,
        "30 and 30 and none take 60 more: {sessions:?}"
    );
}
