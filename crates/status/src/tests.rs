//! The keys of the JSON, which are a contract: Rust names may change, these may not.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{
    Balance, Drain, Fleet, GridStatus, Health, StateFileStatus, SubstationStatus,
    balance::tests::substation,
};

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn drain() -> Drain {
    Drain {
        by: "operator at 127.0.0.1".to_owned(),
        at: 1_764_374_400,
        reason: Some("new transformer".to_owned()),
        local: true,
    }
}

#[test]
fn the_keys_of_a_substation_in_events_are_fixed() {
    let mut substation = substation("s1", 50.0, Some(100.0));
    substation.unseen_load = 2.0;
    substation.assigned_total = 7;
    substation.note = Some("on trial".to_owned());
    substation.drain = Some(drain());
    let json = serde_json::to_value(&substation).unwrap();
    assert_eq!(
        keys(&json),
        [
            "address",
            "age_seconds",
            "assigned",
            "capacity",
            "distrusted",
            "drain",
            "estimate",
            "in_flight",
            "in_rotation",
            "load",
            "name",
            "note",
            "state",
            "unseen",
        ]
    );
    for (key, value) in [
        ("load", 50.0),
        ("estimate", 50.0),
        ("unseen", 2.0),
        ("age_seconds", 0.1),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    assert_eq!(json["assigned"], 7);
    let balance = serde_json::to_value(Balance::of(&[substation])).unwrap();
    assert_eq!(
        keys(&balance["fullest"]),
        ["estimate", "name", "utilisation"]
    );
}

fn state_file() -> StateFileStatus {
    StateFileStatus {
        file: "/var/lib/switchyard/state".to_owned(),
        written_unix_seconds: None,
        write_seconds: 0.0,
        bytes: 0,
        error: None,
    }
}

fn status() -> GridStatus<'static> {
    let health = Health {
        can_scrape: true,
        can_charge: true,
        stage: "in",
        failures_in_a_row: 0,
        ejections: 0,
        trial_in_seconds: None,
        share: 1.0,
        refuses_from: None,
        draining: false,
    };
    GridStatus {
        policy: "least_load",
        config_version: 1,
        panic: false,
        lasts: "session",
        lasts_source: "assumed",
        fleet: Some(Fleet::of(true)),
        state: Some(state_file()),
        substations: vec![SubstationStatus {
            name: "s1",
            own_name: Some("s1".to_owned()),
            address: SocketAddr::from(([127, 0, 0, 1], 5001)),
            state: "up",
            current_load: Some(50.0),
            capacity: Some(100.0),
            sample_age_seconds: Some(0.1),
            estimated_load: 52.0,
            unseen_load: 2.0,
            in_flight: 1,
            request_limit: Some(8),
            distrusted: false,
            assigned_total: 7,
            drain: Some(drain()),
            health,
        }],
    }
}

#[test]
fn the_keys_of_status_are_fixed() {
    let status = status();
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(
        keys(&json),
        [
            "config_version",
            "fleet",
            "lasts",
            "lasts_source",
            "panic",
            "policy",
            "state",
            "substations"
        ]
    );
    assert_eq!(
        keys(&json["state"]),
        [
            "bytes",
            "error",
            "file",
            "write_seconds",
            "written_unix_seconds"
        ]
    );
    let substation = &json["substations"][0];
    assert_eq!(
        keys(substation),
        [
            "address",
            "assigned_total",
            "capacity",
            "current_load",
            "distrusted",
            "drain",
            "estimated_load",
            "health",
            "in_flight",
            "name",
            "own_name",
            "request_limit",
            "sample_age_seconds",
            "state",
            "unseen_load",
        ]
    );
    assert_eq!(keys(&substation["drain"]), ["at", "by", "local", "reason"]);
    assert_eq!(substation["drain"]["at"], 1_764_374_400);
    assert_eq!(json["fleet"], serde_json::json!({"store": "up"}));
    assert_eq!(
        keys(&substation["health"]),
        [
            "can_charge",
            "can_scrape",
            "draining",
            "ejections",
            "failures_in_a_row",
            "refuses_from",
            "share",
            "stage",
            "trial_in_seconds",
        ]
    );
}
