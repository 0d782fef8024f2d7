//! Sessions and keys belong to the client that booked.

use switchyard_faults::{Act, Answer, Scripted, fault::answer};

use super::{CHARGE, ask, ask_with, charge, session_of, two};
use crate::{rig::Proxy, substations::Substations};

fn keyed(proxy: &Proxy, name: &str, key: &str) -> Answer {
    let key = format!("idempotency-key: {key}\r\n");
    ask_with(
        proxy.charge,
        name,
        &key,
        ("POST", "/request_charge", CHARGE),
    )
}

/// An answer without what differs in any case.
fn bare(answer: &Answer, id: &str) -> (u16, Vec<String>, String) {
    let differs = ["x-request-id", "date", "content-length"];
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_lowercase(), value));
    let headers = headers.filter(|(name, _)| !differs.contains(&name.as_str()));
    let headers = headers
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    (answer.status, headers, answer.message().replace(id, "ID"))
}

#[test]
fn another_clients_session_is_one_that_does_not_exist() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    let id = session_of(&charge(proxy.charge, "depot"));
    let path = format!("/sessions/{id}");
    let unknown = "s1-0123456789abcdef";
    for method in ["GET", "DELETE", "GET"] {
        let foreign = ask(proxy.charge, "fleet", (method, &path, ""));
        let none = ask(
            proxy.charge,
            "fleet",
            (method, &format!("/sessions/{unknown}"), ""),
        );
        assert_eq!(
            (foreign.status, foreign.code().as_str()),
            (404, "not_found")
        );
        assert_eq!(
            bare(&foreign, &id),
            bare(&none, unknown),
            "nothing tells them apart"
        );
    }
    let own = ask(proxy.charge, "depot", ("GET", &path, ""));
    assert_eq!(
        (own.status, own.json()["state"].as_str()),
        (200, Some("charging")),
        "it goes on"
    );
    assert_eq!(ask(proxy.charge, "", ("GET", &path, "")).status, 401);
    assert_eq!(
        ask(proxy.charge, "depot", ("DELETE", &path, "")).status,
        200
    );
    assert_eq!(
        ask(proxy.charge, "depot", ("DELETE", &path, "")).status,
        404
    );
    assert_eq!(substations.loads(), [0.0]);
}

#[test]
fn of_a_session_that_was_booked_elsewhere_the_substation_decides() {
    let substations = Substations::start(&[1e6]);
    let elsewhere = Proxy::start(&substations.addresses, "");
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    let id = session_of(&elsewhere.charge(CHARGE));
    let path = format!("/sessions/{id}");
    for name in ["depot", "fleet"] {
        assert_eq!(ask(proxy.charge, name, ("GET", &path, "")).status, 200);
    }
    assert_eq!(
        ask(proxy.charge, "fleet", ("DELETE", &path, "")).status,
        200
    );
}

#[test]
fn the_same_key_of_two_clients_is_two_keys() {
    let substations = Substations::start(&[1e6; 3]);
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    let depot = keyed(&proxy, "depot", "k1");
    let fleet = keyed(&proxy, "fleet", "k1");
    assert_ne!(session_of(&depot), session_of(&fleet));
    for _ in 0..3 {
        for (name, first) in [("depot", &depot), ("fleet", &fleet)] {
            let again = keyed(&proxy, name, "k1");
            assert_eq!(session_of(&again), session_of(first), "{name}");
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
        }
    }
    assert_eq!(substations.started().iter().sum::<u64>(), 2);
}

#[test]
fn one_substation_tells_the_keys_of_two_clients_apart() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two("", ""));
    let depot = session_of(&keyed(&proxy, "depot", "k1"));
    assert_ne!(depot, session_of(&keyed(&proxy, "fleet", "k1")));
    assert_eq!(substations.started(), [2]);
}

#[test]
fn a_substation_gets_a_key_that_says_nothing_and_always_the_same() {
    let body = r#"{"session_id":"s1-00"}"#;
    let substation = Scripted::charging(move || Act::Write(answer("200 OK", body)));
    let proxy = Proxy::start(&[substation.address], &two("", ""));
    for name in ["depot", "depot", "fleet"] {
        assert_eq!(keyed(&proxy, name, "order-77").status, 200);
    }
    let key = |charge: &String| {
        let charge = charge.to_lowercase();
        let keys: Vec<_> = charge
            .lines()
            .filter_map(|line| line.strip_prefix("idempotency-key: "))
            .map(str::to_owned)
            .collect();
        assert_eq!(keys.len(), 1, "{charge}");
        keys[0].clone()
    };
    let keys: Vec<_> = substation.charges().iter().map(key).collect();
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
    assert!(
        keys.iter()
            .all(|key| key.len() == 32 && !key.contains("order")),
        "{keys:?}"
    );
}

#[test]
fn a_repetition_counts_its_load_once_and_is_answered_over_the_limit() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, &two(", load: 15", ""));
    let first = session_of(&keyed(&proxy, "depot", "k1"));
    assert_eq!(session_of(&keyed(&proxy, "depot", "k1")), first);
    assert_eq!(keyed(&proxy, "depot", "k2").status, 429);
    assert_eq!(
        proxy.metric("switchyard_client_load{client=\"depot\"}"),
        11.0
    );
}
