//! What a substation's 429 and 503 mean: for the client that was refused, and for everybody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use switchyard_faults::{
    self as client, Act, ClosedPort, Scripted,
    fault::{answer, booked, gauge, no_capacity},
};

use crate::rig::{Proxy, until};

/// An answer with a `Retry-After`, and what else belongs into its head.
fn with_wait(status: &str, wait: &str, code: &str) -> Act {
    let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
    let length = body.len();
    Act::Write(
        format!(
            "HTTP/1.1 {status}\r\nretry-after: {wait}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

/// Substations that answer charges of the vehicle `greedy` in this way, and book for others. Their gauges are idle.
fn limiting(greedy: impl Fn() -> Act + Clone + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request| {
        if request.starts_with("GET") {
            Act::Write(gauge("0"))
        } else if request.contains("greedy") {
            greedy()
        } else {
            Act::Write(booked())
        }
    })
}

const GREEDY: &str = r#"{"vehicle_id":"greedy"}"#;
const SLOW_POLLS: &str = "load: {interval: 10s, stale_after: 20s}";

#[test]
fn a_429_is_about_the_client_that_asked_and_about_no_other() {
    let all: Vec<_> = ["9", "8", "10"]
        .map(|wait| limiting(move || with_wait("429 Too Many Requests", wait, "slow_down")))
        .into();
    let addresses: Vec<_> = all.iter().map(|substation| substation.address).collect();
    let proxy = Proxy::start(&addresses, SLOW_POLLS);
    for round in 0..10 {
        let refused = proxy.charge(GREEDY);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (429, "rate_limited"),
            "{}",
            refused.message()
        );
        assert_eq!(refused.header("retry-after"), Some("8"), "the shortest");
        assert_eq!(refused.header("x-substation"), None);
        for _ in 0..3 {
            assert_eq!(proxy.charge("").status, 200, "round {round}");
        }
    }
    let status = proxy.status();
    for substation in status["substations"].as_array().unwrap() {
        assert_eq!(substation["state"], "up");
        assert!(substation["health"]["refuses_from"].is_null());
    }
    assert_eq!(
        proxy.metric("switchyard_failovers_total{reason=\"limited\"}"),
        20.0
    );
    assert_eq!(
        proxy.metric("switchyard_requests_rejected_total{reason=\"rate_limited\"}"),
        10.0
    );
}

#[test]
fn a_429_with_a_date_counts_by_the_clock_of_the_substation() {
    let limits = limiting(|| {
        Act::Write(
            b"HTTP/1.1 429 Too Many Requests\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:49:44 GMT\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        )
    });
    let proxy = Proxy::start(&[limits.address], SLOW_POLLS);
    let refused = proxy.charge(GREEDY);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("7"))
    );
}

#[test]
fn one_that_does_not_limit_books_what_others_limit() {
    let limits = limiting(|| with_wait("429 Too Many Requests", "8", "slow_down"));
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[limits.address, works.address], SLOW_POLLS);
    let answer = proxy.charge(GREEDY);
    assert_eq!(
        (answer.status, answer.header("x-substation")),
        (200, Some("s2"))
    );
}

#[test]
fn only_no_capacity_is_believed_over_the_gauge() {
    let draining = limiting(|| with_wait("503 Service Unavailable", "8", "draining"));
    let proxy = Proxy::start(&[draining.address], SLOW_POLLS);
    let refused = proxy.charge(GREEDY);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_substation")
    );
    assert!(refused.message().contains("s1 answered 503"));
    assert!(proxy.status()["substations"][0]["health"]["refuses_from"].is_null());
    assert_eq!(proxy.charge("").status, 200);
}

#[test]
fn the_code_does_not_depend_on_which_of_two_is_asked_first() {
    for gauges in [["0", "9"], ["9", "0"]] {
        let full = Scripted::start(move |request| {
            Act::Write(if request.starts_with("GET") {
                gauge(gauges[0])
            } else {
                no_capacity()
            })
        });
        let is_dead = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&is_dead);
        let dies = Scripted::start(move |request| {
            if request.starts_with("GET") && !gone.load(SeqCst) {
                return Act::Write(gauge(gauges[1]));
            }
            Act::WriteAndClose(answer("503 Service Unavailable", "{}"))
        });
        let proxy = Proxy::start(&[full.address, dies.address], SLOW_POLLS);
        is_dead.store(true, SeqCst);
        let refused = proxy.charge("");
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (503, "no_capacity"),
            "{gauges:?}"
        );
        assert_eq!(
            (full.charges().len(), dies.charges().len()),
            (1, 1),
            "{gauges:?}"
        );
    }
}

#[test]
fn a_probe_finds_that_a_refusal_is_over_long_before_it_would_end() {
    let (is_full, refusals) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (full, count) = (Arc::clone(&is_full), Arc::clone(&refusals));
    let stubborn = Scripted::charging(move || {
        if full.load(SeqCst) {
            count.fetch_add(1, SeqCst);
            with_wait("503 Service Unavailable", "3600", "no_capacity")
        } else {
            Act::Write(booked())
        }
    });
    let proxy = Proxy::start(&[stubborn.address], "load: {interval: 50ms}");
    until("refusals that count for eight seconds", || {
        assert_eq!(proxy.charge("").code(), "no_capacity");
        (refusals.load(SeqCst) >= 5).then_some(())
    });
    is_full.store(false, SeqCst);
    let begun = Instant::now();
    until("a booking", || {
        (proxy.charge("").status == 200).then_some(())
    });
    let took = begun.elapsed();
    assert!(took.as_secs_f64() < 2.5, "{took:?}");
    assert_eq!(proxy.charge("").status, 200, "the way is open at once");
}

#[test]
fn refused_connections_use_up_no_budget_and_the_message_says_what_was_tried() {
    let gone: Vec<_> = (0..12).map(|_| ClosedPort::new()).collect();
    let addresses: Vec<_> = gone.iter().map(|port| port.address).collect();
    let extra =
        "load: {interval: 10s, stale_after: 20s}\nhealth: {failures: 100}\nretry: {budget: 0}";
    let proxy = Proxy::start_unready(&addresses, extra);
    let refused = proxy.charge("");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_substation")
    );
    let message = refused.message();
    let named = message.matches(" refuses connections").count();
    assert_eq!(named, 10, "{message}");
    assert!(
        message.contains("and 2 more (no other is left)"),
        "{message}"
    );
    let works = Scripted::working("500");
    let proxy = Proxy::start_unready(&[&addresses[..], &[works.address]].concat(), extra);
    for _ in 0..20 {
        assert_eq!(proxy.charge("").status, 200);
    }
}

/// Charges from several clients for a while, and how many were not booked.
fn rush(proxy: &Proxy, clients: usize, each: usize) -> usize {
    let address = proxy.charge;
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            thread::spawn(move || {
                let charge = || client::post(address, "/request_charge", "").status;
                (0..each).filter(|_| charge() != 200).count()
            })
        })
        .collect();
    clients.into_iter().map(|one| one.join().unwrap()).sum()
}

#[test]
fn one_that_takes_long_to_refuse_is_asked_by_one_request_at_a_time() {
    // Some 200 ms until it has refused.
    let slow = Scripted::charging(|| Act::Drip(no_capacity(), Duration::from_millis(2)));
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[slow.address, works.address], "load: {interval: 20ms}");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        assert_eq!(rush(&proxy, 8, 50), 0);
    }
    // Those that came before it had refused once, and then one a second.
    let (asked, took) = (slow.charges().len(), begun.elapsed());
    assert!(
        asked <= 8 + 2 + usize::try_from(took.as_secs()).unwrap(),
        "{asked} in {took:?}"
    );
    assert!(works.charges().len() > 500, "{}", works.charges().len());
}

#[test]
fn one_that_limits_everybody_is_asked_by_one_request_at_a_time() {
    let limits = Scripted::charging(|| with_wait("429 Too Many Requests", "1", "slow_down"));
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[limits.address, works.address], "load: {interval: 20ms}");
    // More than the retry budget would bear.
    assert_eq!(rush(&proxy, 4, 150), 0);
    let asked = limits.charges().len();
    assert!((3..12).contains(&asked), "{asked}");
}
