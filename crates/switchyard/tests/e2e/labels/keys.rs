//! Keys and labels: a key's request with another need is another charge, and no header leads past a need.

use switchyard_faults::{Scripted, fault};

use super::{SELECT, booked_by, charge, start};
use crate::{rig::Proxy, substations::Substations};

#[test]
fn a_key_with_another_need_is_another_charge_and_with_another_preference_the_same() {
    let substations = Substations::start(&[1e6, 1e6]);
    let labels = [
        "labels: {connector: \"ccs,type2\", zone: a, side: left}",
        "labels: {connector: type2, zone: b, side: right}",
    ];
    let select = format!("{SELECT}  side: {{header: x-side, prefer: true}}\n");
    let proxy = start(&substations, &labels, &select);
    let keyed = |zone: &str, side: &str, body: &str| {
        let headers = format!("idempotency-key: k1\r\nx-zone: {zone}\r\nx-side: {side}\r\n");
        charge(&proxy, &headers, body)
    };
    let type2 = r#"{"connector_type": "type2"}"#;
    let first = keyed("b", "right", type2);
    assert_eq!(booked_by(&first), "s2");
    for (zone, side, body) in [
        ("b", "left", type2),
        ("b", "", r#"{"note": 1, "connector_type": "type2"}"#),
    ] {
        let again = keyed(zone, side, body);
        assert_eq!(booked_by(&again), "s2", "{zone} {side} {body}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }
    for (zone, body) in [
        ("a", type2),
        ("", type2),
        ("b", ""),
        ("b", r#"{"connector_type": "ccs"}"#),
        ("unknown", type2),
    ] {
        let other = keyed(zone, "right", body);
        assert_eq!(other.code(), "idempotency_key_reused", "{zone} {body}");
    }
    assert_eq!(substations.started(), [0, 1]);
}

#[test]
fn a_possible_holder_that_has_not_what_is_needed_is_not_asked_and_neither_is_another() {
    let substations = Substations::start(&[1e6, 1e6]);
    let labels = ["labels: {zone: a}", "labels: {zone: b}"];
    let other = start(&substations, &labels, SELECT);
    let sign = sign_of_s2();
    let with = |proxy, zone: &str, key: &str| {
        let headers =
            format!("idempotency-key: {key}\r\nx-zone: {zone}\r\nx-possible-holder: {sign}\r\n");
        charge(proxy, &headers, "")
    };
    assert_eq!(booked_by(&with(&other, "b", "k2")), "s2");
    let refused = with(&other, "a", "k3");
    assert_eq!((refused.status, refused.code().as_str()), (422, "no_match"));
    assert_eq!(refused.json()["error"]["label"], "zone");
    assert_eq!(refused.header("x-possible-holder"), Some(sign.as_str()));
    assert_eq!(substations.started(), [0, 1]);
}

/// What proxies call s2 after an answer that never came: every proxy knows it by that.
fn sign_of_s2() -> String {
    let breaks = Scripted::charging(fault::reset);
    let text = super::file(&[(breaks.address, "")], "").replace("name: s1", "name: s2");
    let proxy = Proxy::ready_from(&text);
    let unsure = charge(&proxy, "idempotency-key: k1\r\n", "");
    assert_eq!(unsure.status, 502);
    unsure.header("x-possible-holder").unwrap().to_owned()
}
