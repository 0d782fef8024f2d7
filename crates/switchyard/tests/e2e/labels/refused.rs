//! What is refused, and what its client hears.

use switchyard_faults::{self as client, Act, Scripted, fault};

use super::{SELECT, booked_by, charge, error, start};
use crate::{rig::Proxy, substations::Substations};

fn town() -> (Substations, Proxy) {
    let substations = Substations::start(&[22.0, 22.0, 1e6]);
    let labels = [
        "labels: {connector: \"ccs,type2\", zone: a, power: 150}",
        "labels: {connector: ccs, zone: b, power: 50}",
        "labels: {zone: b, power: 22}",
    ];
    let proxy = start(&substations, &labels, SELECT);
    (substations, proxy)
}

#[test]
fn what_no_substation_has_alone_or_together_is_named() {
    let (substations, proxy) = town();
    for (zone, body, label, value) in [
        ("c", "", "zone", "c"),
        (
            "",
            r#"{"connector_type": "chademo"}"#,
            "connector",
            "chademo",
        ),
        ("", r#"{"connector_type": 3}"#, "connector", "3"),
        ("", r#"{"connector_type": true}"#, "connector", "true"),
        ("", r#"{"power_kw": 151}"#, "power", "151"),
        ("b", r#"{"connector_type": "type2"}"#, "zone", "b"),
        ("b", r#"{"power_kw": 50.5}"#, "power", "50.5"),
        (
            "x",
            r#"{"connector_type": "y", "power_kw": 1000}"#,
            "connector",
            "y",
        ),
    ] {
        let zone = format!("x-zone: {zone}\r\n");
        let answer = charge(&proxy, &zone, body);
        let expected = (
            422,
            "no_match".to_owned(),
            Some(label.to_owned()),
            Some(value.to_owned()),
        );
        assert_eq!(error(&answer), expected, "{zone} {body}");
        assert!(answer.message().contains(label), "{}", answer.message());
        assert_eq!(answer.header("retry-after"), None);
    }
    let escaped = charge(&proxy, "", r#"{"connector_type": "\u001b[2J"}"#);
    assert_eq!(error(&escaped).3.as_deref(), Some("\\u{1b}[2J"));
    assert_eq!(substations.started(), [0; 3]);
}

#[test]
fn what_can_not_be_a_value_is_an_invalid_request_that_names_the_field() {
    let (substations, proxy) = town();
    let long = format!(r#"{{"connector_type": "{}"}}"#, "x".repeat(2_000));
    for (headers, body, word) in [
        ("", r#"{"connector_type": ["ccs"]}"#, "connector_type"),
        ("", r#"{"connector_type": {"a": 1}}"#, "connector_type"),
        (
            "",
            r#"{"connector_type": "ccs", "connector_type": "ccs"}"#,
            "connector_type",
        ),
        ("", &long, "connector_type"),
        ("x-zone: a\r\nx-zone: b\r\n", "", "x-zone"),
    ] {
        let answer = charge(&proxy, headers, body);
        assert_eq!(error(&answer).1, "invalid_request", "{headers}{body}");
        assert!(answer.message().contains(word), "{}", answer.message());
    }
    assert_eq!(substations.started(), [0; 3]);
}

#[test]
fn those_that_match_are_asked_alone_and_their_lack_of_room_is_named() {
    let (substations, proxy) = town();
    let type2 = r#"{"connector_type": "type2", "power_kw": 20}"#;
    assert_eq!(booked_by(&charge(&proxy, "", type2)), "s1");
    let full = charge(&proxy, "", type2);
    assert_eq!((full.status, full.code().as_str()), (503, "no_capacity"));
    assert_eq!(full.json()["error"]["limit"], "s1");
    assert!(
        full.message().contains("s1 has 2 of 22 kW left"),
        "{}",
        full.message()
    );
    // It ends after an hour, far beyond a guess.
    let after: u64 = full.header("retry-after").unwrap().parse().unwrap();
    assert!(after > 60, "{after}");
    assert_eq!(
        booked_by(&charge(
            &proxy,
            "",
            r#"{"power_kw": 20, "connector_type": "ccs"}"#
        )),
        "s2"
    );
    assert_eq!(booked_by(&charge(&proxy, "", "")), "s3", "others go on");
    // More than those that match can ever bear.
    let large = charge(&proxy, "x-zone: a\r\n", r#"{"power_kw": 23}"#);
    assert_eq!(
        (large.status, large.code().as_str()),
        (422, "too_large_load")
    );
    // None of those that match is in rotation.
    let drained = client::post(proxy.admin, "/substations/s1/drain", "");
    assert_eq!(drained.status, 200);
    let none = charge(&proxy, "", type2);
    assert_eq!((none.status, none.code().as_str()), (503, "no_substation"));
    assert_eq!(substations.started(), [1, 1, 1]);
}

#[test]
fn a_retry_stays_among_those_that_match() {
    let substations = Substations::start(&[1e6, 1e6]);
    let full = Scripted::charging(|| Act::Write(fault::no_capacity()));
    let listed = [
        (substations.addresses[0], "labels: {zone: b}"),
        (full.address, "labels: {zone: a}"),
        (substations.addresses[1], "labels: {zone: c}"),
    ];
    let text = super::file(&listed, SELECT);
    let proxy = Proxy::ready_from(&text);
    let answer = charge(&proxy, "x-zone: a\r\n", "");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "no_capacity")
    );
    assert_eq!(answer.json()["error"]["limit"], "s2");
    assert!(
        answer
            .message()
            .contains("s2 has no room (no other is left)"),
        "{}",
        answer.message()
    );
    assert_eq!(substations.started(), [0, 0]);
    let free = charge(&proxy, "x-zone: c\r\n", "");
    assert_eq!(booked_by(&free), "s3");
}
