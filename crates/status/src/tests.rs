//! The keys of the JSON, which are a contract: Rust names may change, these may not.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;

use crate::{
    Balance, Drain, FeederStatus, Fleet, GridStatus, Health, Limit, StateFileStatus,
    SubstationStatus, balance::tests::substation, feeder::tests::feeder,
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

#[test]
fn feeders_and_limits_take_no_bytes_in_events_where_there_are_none() {
    let plain = serde_json::to_value(substation("s1", 50.0, Some(100.0))).unwrap();
    for key in ["feeder", "binding", "limit"] {
        assert_eq!(plain.get(key), None, "{key}");
    }
    let mut limited = substation("s1", 50.0, Some(100.0));
    limited.feeder = Some("feeder7".to_owned());
    limited.binding = Some("feeder7".to_owned());
    limited.limit = Some(limit());
    let json = serde_json::to_value(&limited).unwrap();
    assert_eq!(json["feeder"], "feeder7");
    assert_eq!(json["binding"], "feeder7");
    assert_eq!(json["limit"]["value"], 200.0);
    let back: crate::Substation = serde_json::from_value(json).unwrap();
    assert_eq!(back.limit, Some(limit()));

    let mut root = feeder("trafo2", None, 150.0, 630.0);
    let common = [
        "age_seconds",
        "capacity",
        "estimate",
        "load",
        "name",
        "state",
    ];
    assert_eq!(keys(&serde_json::to_value(&root).unwrap()), common);
    root.parent = Some("grid".to_owned());
    root.limit = Some(limit());
    let json = serde_json::to_value(&root).unwrap();
    assert_eq!(json["parent"], "grid");
    assert_eq!(json["limit"]["source"], "dso");
}

fn limit() -> Limit {
    Limit {
        value: 200.0,
        source: "dso".to_owned(),
        until: Some("2026-11-29T18:00:00Z".to_owned()),
        fallback_in_force: false,
    }
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
        prometheus: None,
        clients: Vec::new(),
        feeders: vec![FeederStatus {
            name: "feeder7",
            parent: Some("trafo2"),
            state: "up",
            current_load: Some(150.0),
            capacity: Some(304.0),
            estimated_load: 152.0,
            sample_age_seconds: None,
            limit: Some(limit()),
        }],
        substations: vec![SubstationStatus {
            name: "s1",
            own_name: Some("s1".to_owned()),
            address: SocketAddr::from(([127, 0, 0, 1], 5001)),
            state: "up",
            feeder: Some("feeder7"),
            labels: BTreeMap::from([("zone", "a")]),
            current_load: Some(50.0),
            capacity: Some(100.0),
            limit: Some(limit()),
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
            "feeders",
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
            "feeder",
            "health",
            "in_flight",
            "labels",
            "limit",
            "name",
            "own_name",
            "request_limit",
            "sample_age_seconds",
            "state",
            "unseen_load",
        ]
    );
    assert_eq!(keys(&substation["drain"]), ["at", "by", "local", "reason"]);
    assert_eq!(substation["labels"], serde_json::json!({"zone": "a"}));
    let feeder = &json["feeders"][0];
    assert_eq!(
        keys(feeder),
        [
            "capacity",
            "current_load",
            "estimated_load",
            "limit",
            "name",
            "parent",
            "sample_age_seconds",
            "state"
        ]
    );
    for limit in [&feeder["limit"], &substation["limit"]] {
        assert_eq!(
            *limit,
            serde_json::json!({"value": 200.0, "source": "dso", "until": "2026-11-29T18:00:00Z", "fallback_in_force": false})
        );
    }
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
