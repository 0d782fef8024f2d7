//! Tests of single values.

use super::{ONE, accepted, faults, faults_of};
use crate::{Config, Fault};
use std::time::Duration;

#[test]
fn a_duration_has_a_unit_and_is_more_than_zero_and_at_most_an_hour() {
    const UNIT: &str = "needs its unit, as in 500ms, 2s or 1m";
    const RANGE: &str = "must be more than 0 and at most 1h";
    const NONE: &str = "is not a duration: write a number and its unit, as in 500ms, 2s or 1m";
    for (value, rule) in [
        ("1", UNIT),
        ("\"1\"", UNIT),
        ("0", UNIT),
        ("-1", UNIT),
        ("1.5", UNIT),
        ("\"1e3\"", UNIT),
        ("0s", RANGE),
        ("61m", RANGE),
        ("1M", RANGE),
        ("soon", NONE),
        ("-1s", NONE),
        ("1 parsec", NONE),
        ("\"\"", NONE),
        ("99999999999999999999s", NONE),
        ("5124095576030431h15s1000ms", NONE),
    ] {
        let faults = faults(&format!(
            "{ONE}
timeouts: {{idle: {value}}}"
        ));
        let [
            Fault {
                path, rule: broken, ..
            },
        ] = faults.as_slice()
        else {
            panic!("{faults:?}")
        };
        assert_eq!(
            (path.as_str(), broken.as_str()),
            ("timeouts.idle", rule),
            "{value}"
        );
    }
    let longest = "59m 59s 999ms 999us 999ns";
    for (value, nanos) in [
        (longest, 3_599_999_999_999),
        ("1ns", 1),
        ("1h", 3_600_000_000_000),
        ("1m 30s", 90_000_000_000),
    ] {
        let config = accepted(&format!(
            "{ONE}
timeouts: {{idle: {value}}}"
        ));
        assert_eq!(config.timeouts.idle, Duration::from_nanos(nanos), "{value}");
    }
}

#[test]
fn a_size_is_bytes_or_has_a_unit_and_is_written_without_loss() {
    for (value, bytes, written) in [
        ("1", 1, "1B"),
        ("1024", 1024, "1KiB"),
        ("64KiB", 65536, "64KiB"),
        ("64 KiB", 65536, "64KiB"),
        ("64kB", 64000, "64000B"),
        ("1.5KiB", 1536, "1536B"),
        ("16MiB", 16 << 20, "16MiB"),
    ] {
        let config = accepted(&format!(
            "{ONE}
limits: {{body: {value}}}"
        ));
        assert_eq!(config.limits.body, bytes, "{value}");
        let shown = yaml_serde::to_value(&config.limits).unwrap();
        assert_eq!(shown["body"], written, "{value}");
    }
    for value in [
        "0",
        "-1",
        "1.5",
        "17MiB",
        "64KB2",
        "big",
        "1e30",
        "99999999999999999999",
    ] {
        assert_eq!(
            faults_of(&format!("limits: {{body: {value}}}")).len(),
            1,
            "{value}"
        );
    }
}

#[test]
fn a_host_name_is_looked_up_and_an_unknown_name_is_a_fault() {
    let config = accepted("substations: [{name: a, address: localhost:5001}]");
    assert!(config.substations[0].address.ip().is_loopback());
    let unknown = faults("substations: [{name: a, address: no-such-host.invalid:5001}]");
    assert!(
        unknown[0]
            .rule
            .starts_with("is a host name that cannot be looked up: "),
        "{unknown:?}"
    );
}

#[test]
fn aliases_that_multiply_are_refused_and_not_expanded() {
    let level = |level: usize| {
        let below = vec![format!("*l{}", level - 1); 10].join(", ");
        format!("l{level}: &l{level} [{below}]\n")
    };
    let text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let text = text + &(1..20).map(level).collect::<String>();
    let error = Config::from_yaml(&text, "test").unwrap_err().to_string();
    assert!(error.contains("more than 1048576 values"), "{error}");
}

#[test]
fn a_load_is_at_most_what_the_ledger_counts_and_never_dropped() {
    let places = [
        (
            "substations: [{name: a, address: 127.0.0.1:5001, capacity: VALUE}]",
            "substations[0].capacity",
        ),
        (
            "substations: [{name: a, address: 127.0.0.1:5001}]\ncharge: {default_load: VALUE}",
            "charge.default_load",
        ),
    ];
    for (text, path) in places {
        for value in ["2e9", "80000000000", "1.5e12", "4e12"] {
            let config = accepted(&text.replace("VALUE", value));
            let found = config.substations[0]
                .capacity
                .unwrap_or(config.charge.default_load);
            assert_eq!(found.to_bits(), value.parse::<f64>().unwrap().to_bits());
            assert!(switchyard_balance::Load::new(found).is_some(), "{value}");
        }
        for value in ["4000000000001", "1e15", "1e300"] {
            let faults = faults(&text.replace("VALUE", value));
            let [Fault { path: at, rule, .. }] = faults.as_slice() else {
                panic!("{faults:?}")
            };
            assert_eq!(at, path);
            assert!(
                rule.starts_with("must be at most 4e12: "),
                "{value}: {rule}"
            );
        }
    }
}
