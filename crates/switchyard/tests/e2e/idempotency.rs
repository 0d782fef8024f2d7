//! `Idempotency-Key`: sent twice, booked once, whatever happens in between.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use switchyard_faults::{
    self as client, Act, Answer, Scripted, fault,
    fault::{booked, no_capacity},
};

use crate::{rig::Proxy, substations::Substations};

fn keyed(address: SocketAddr, key: &str) -> Answer {
    let headers = format!("idempotency-key: {key}\r\nconnection: close\r\n");
    client::raw(
        address,
        client::request("POST", "/request_charge", &headers, r#"{"power_kw": 11}"#),
    )
}

/// Breaks the connection of `breaks` charges after reading them, and then works.
fn breaking(breaks: usize) -> Scripted {
    let left = AtomicUsize::new(breaks);
    Scripted::charging(move || {
        let broken = left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        match broken {
            Ok(_) => fault::reset(),
            Err(_) => Act::Write(booked()),
        }
    })
}

const SLOW_POLLS: &str = "load: {interval: 10s, stale_after: 20s}\n";

#[test]
fn a_repeated_key_gets_the_same_session_whichever_substation_is_best_now() {
    let substations = Substations::start(&[1e6; 4]);
    let proxy = Proxy::start(&substations.addresses, "");
    let first = keyed(proxy.charge, "k1");
    assert_eq!(first.status, 200);
    for _ in 0..10 {
        let again = keyed(proxy.charge, "k1");
        assert_eq!(again.json()["session_id"], first.json()["session_id"]);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    assert_eq!(substations.started().iter().sum::<u64>(), 1);
    let status = proxy.status();
    let holder = first.header("x-substation").unwrap();
    let holder = &status["substations"][holder[1..].parse::<usize>().unwrap() - 1];
    assert_eq!(holder["estimated_load"], 11.0, "set aside once");
    assert_eq!(proxy.metric("switchyard_idempotency_keys"), 1.0);
}

#[test]
fn the_same_key_on_many_connections_at_once_books_once() {
    let substations = Substations::start(&[1e6; 4]);
    let proxy = Proxy::start(&substations.addresses, "");
    let address = proxy.charge;
    for round in 0..10 {
        let clients: Vec<_> = (0..8)
            .map(|_| thread::spawn(move || keyed(address, &format!("k{round}"))))
            .collect();
        let sessions: Vec<_> = clients
            .into_iter()
            .map(|client| client.join().unwrap().json()["session_id"].clone())
            .collect();
        assert!(sessions.iter().all(|session| *session == sessions[0]));
    }
    assert_eq!(substations.started().iter().sum::<u64>(), 10);
}

#[test]
fn after_a_break_the_same_substation_is_asked_again_under_the_key() {
    let breaks = breaking(2);
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[breaks.address, works.address], SLOW_POLLS);
    let answer = keyed(proxy.charge, "k1");
    assert_eq!(
        (answer.status, answer.header("x-substation")),
        (200, Some("s1"))
    );
    let charges = breaks.charges();
    assert_eq!((charges.len(), works.charges().len()), (3, 0));
    assert!(charges.iter().all(|charge| *charge == charges[0]));
    let again = "switchyard_failovers_total{reason=\"again\"}";
    assert_eq!(proxy.metric(again), 2.0);
    let status = &proxy.status()["substations"][0];
    assert_eq!(
        (status["in_flight"].as_u64(), status["unseen_load"].as_f64()),
        (Some(0), Some(11.0))
    );
}

#[test]
fn with_a_key_too_no_other_substation_is_asked_after_a_possible_booking() {
    let breaks = breaking(100);
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[breaks.address, works.address], SLOW_POLLS);
    let answer = keyed(proxy.charge, "k1");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (502, "substation_failed")
    );
    assert!(answer.message().contains("may be booked"));
    assert_eq!((breaks.charges().len(), works.charges().len()), (3, 0));
}

#[test]
fn a_repeated_key_reaches_its_substation_even_if_that_is_ejected() {
    let breaks = breaking(3);
    let works = Scripted::working("500");
    let proxy = Proxy::start(
        &[breaks.address, works.address],
        "retry: {attempts: 1}\nhealth: {ejection: 1m, longest_ejection: 1m}\nload: {interval: 10s, stale_after: 20s}",
    );
    assert_eq!(keyed(proxy.charge, "k1").status, 502);
    for _ in 0..2 {
        assert_eq!(proxy.charge("").status, 502);
    }
    assert_eq!(proxy.status()["substations"][0]["state"], "ejected");
    assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
    let again = keyed(proxy.charge, "k1");
    assert_eq!(
        (again.status, again.header("x-substation")),
        (200, Some("s1"))
    );
    assert_eq!(keyed(proxy.charge, "k2").header("x-substation"), Some("s2"));
}

#[test]
fn a_repeated_key_reaches_its_substation_even_if_that_is_draining() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(&substations.addresses, "");
    let first = keyed(proxy.charge, "k1");
    let holder = first.header("x-substation").unwrap();
    let drained = client::post(proxy.admin, &format!("/substations/{holder}/drain"), "");
    assert_eq!(drained.status, 200);
    let again = keyed(proxy.charge, "k1");
    assert_eq!(again.json()["session_id"], first.json()["session_id"]);
    assert_ne!(proxy.charge("").header("x-substation"), Some(holder));
}

#[test]
fn a_key_that_was_refused_moves_on_and_stays_where_it_was_booked() {
    let refuses = Scripted::charging(|| Act::Write(no_capacity()));
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[refuses.address, works.address], SLOW_POLLS);
    for _ in 0..2 {
        let answer = keyed(proxy.charge, "k1");
        assert_eq!(answer.header("x-substation"), Some("s2"));
    }
    assert_eq!((refuses.charges().len(), works.charges().len()), (1, 2));
}

#[test]
fn a_keys_substation_that_refuses_or_is_gone_is_the_only_one_asked() {
    let count = Arc::new(AtomicUsize::new(0));
    let had = {
        let count = Arc::clone(&count);
        Scripted::charging(move || match count.fetch_add(1, SeqCst) {
            0 => Act::Write(booked()),
            _ => Act::Write(no_capacity()),
        })
    };
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[had.address, works.address], SLOW_POLLS);
    assert_eq!(keyed(proxy.charge, "k1").status, 200);
    let answer = keyed(proxy.charge, "k1");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_capacity")
    );
    assert!(
        answer
            .message()
            .contains("s1 holds this Idempotency-Key and refused it")
    );
    assert!(answer.header("retry-after").is_some());
    assert_eq!((had.charges().len(), works.charges().len()), (2, 0));
}

#[test]
fn an_invalid_key_is_400() {
    let works = Scripted::working("500");
    let proxy = Proxy::start(&[works.address], "");
    for key in ["", "a b", "k\r\nidempotency-key: l", &"x".repeat(256)] {
        assert_eq!(
            keyed(proxy.charge, key).code(),
            "invalid_request",
            "{key:?}"
        );
    }
    assert_eq!(works.charges().len(), 0);
}

/// A charge with a key, and more headers.
fn keyed_with(address: SocketAddr, key: &str, headers: &str, body: &str) -> Answer {
    let headers = format!("idempotency-key: {key}\r\n{headers}connection: close\r\n");
    client::raw(
        address,
        client::request("POST", "/request_charge", &headers, body),
    )
}

#[test]
fn a_key_that_comes_with_another_charge_is_422_and_books_nothing() {
    let substations = Substations::start(&[1e6; 4]);
    let proxy = Proxy::start(&substations.addresses, "");
    let charge = |body: &str| keyed_with(proxy.charge, "k", "", body);
    assert_eq!(charge(r#"{"power_kw": 11, "vehicle_id": "a"}"#).status, 200);
    for other in [
        "",
        r#"{"power_kw": 12, "vehicle_id": "a"}"#,
        r#"{"power_kw": 11, "vehicle_id": "b"}"#,
        r#"{"power_kw": 11, "vehicle_id": "a", "energy_kwh": 1}"#,
    ] {
        let answer = charge(other);
        assert_eq!(answer.status, 422, "{other}");
        assert_eq!(answer.json()["error"]["code"], "idempotency_key_reused");
        assert_eq!(answer.header("retry-after"), None);
    }
    let same = charge(r#"{"vehicle_id":"a","power_kw":11.0,"note":1}"#);
    assert_eq!(same.status, 200);
    assert_eq!(same.header("idempotent-replayed"), Some("true"));
    assert_eq!(substations.started().iter().sum::<u64>(), 1);
}

#[test]
fn the_possible_holder_of_a_key_is_found_through_another_proxy_too() {
    let works = Scripted::charging(|| Act::Write(booked()));
    let breaks = breaking(usize::MAX);
    let addresses = [breaks.address, works.address];
    let (one, other) = (
        Proxy::start(&addresses[..1], ""),
        Proxy::start(&addresses, SLOW_POLLS),
    );
    let body = r#"{"power_kw": 11}"#;
    let unsure = keyed_with(one.charge, "k", "", body);
    assert_eq!(unsure.status, 502);
    let sign = unsure.header("x-possible-holder").unwrap().to_owned();
    assert_eq!(sign.len(), 16, "{sign}");
    let named = format!("x-possible-holder: {sign}\r\n");
    let asked = breaks.charges().len();
    // Ten times, since chance might send it there.
    for key in 0..10 {
        let again = keyed_with(other.charge, &format!("k{key}"), &named, body);
        assert_eq!(again.status, 502, "no other is asked");
        assert_eq!(again.header("x-possible-holder"), Some(&*sign));
    }
    assert!(breaks.charges().len() >= asked + 10);
    assert!(works.charges().is_empty());
    // It counts only with a key, and only for a key that is new.
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let headers = format!("{named}connection: close\r\n");
        let request = client::request("POST", "/request_charge", &headers, body);
        statuses.push(client::raw(other.charge, request).status);
    }
    assert!(statuses.contains(&200), "{statuses:?}");
    let unreadable = keyed_with(other.charge, "new", "x-possible-holder: s1\r\n", body);
    assert!([200, 502].contains(&unreadable.status));
}
