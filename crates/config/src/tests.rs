//! Tests of the crate as a whole; tests of single parts stand beside them.

mod effective;
mod feeders;
mod values;

use super::{Config, Error, Fault};
use std::time::Duration;

const ONE: &str = "substations: [{name: a, address: 127.0.0.1:5001}]";

fn accepted(text: &str) -> Config {
    Config::from_yaml(text, "test").unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn faults(text: &str) -> Vec<Fault> {
    match Config::from_yaml(text, "test") {
        Err(Error::Faults(faults)) => faults.faults,
        other => panic!("{text}\n{other:?}"),
    }
}

/// The faults of a file that is right but for `line`, as `path: value: rule`.
fn faults_of(line: &str) -> Vec<String> {
    faults(&format!("{ONE}\n{line}"))
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_fault_is_reported_at_once_those_of_shape_and_those_of_rule() {
    let text = r#"
listen: 8080
admin: {listen: 0.0.0.0:9901}
substations:
  - {name: "", address: 127.0.0.1}
  - {name: b, adress: 127.0.0.1:5002}
  - not a map
  - {name: b, address: 127.0.0.1:5003, capacity: -1}
charge: []
load: {interval: 500, timeout: 1s, timeout: 2s}
policy: fastest
timeouts: {connect: 2s, request: 1s}
limits: {body: -1}
retry: {budget: 2}
threads: 0
plugins: {}
"#;
    let paths: Vec<String> = faults(text).into_iter().map(|fault| fault.path).collect();
    assert_eq!(
        paths,
        [
            "listen",
            "substations[0].name",
            "substations[0].address",
            "substations[1].address",
            "substations[1].adress",
            "substations[2]",
            "substations[3].name",
            "substations[3].capacity",
            "charge",
            "load.interval",
            "load.timeout",
            "policy",
            "limits.body",
            "retry.budget",
            "threads",
            "plugins",
            "admin.listen",
            "timeouts.request",
        ]
    );
}

#[test]
fn a_rule_between_two_keys_is_silent_while_either_has_a_fault() {
    let rule = "load: {interval: 500, stale_after: 100ms}";
    assert_eq!(
        faults_of(rule),
        ["line 2: load.interval: 500: needs its unit, as in 500ms, 2s or 1m"]
    );
}

#[test]
fn what_costs_a_hostile_writer_little_costs_no_more_here() {
    let unknown: Vec<_> = (0..100_000).map(|at| format!("unknown{at}: 1\n")).collect();
    let unknown = unknown.concat();
    let repeated = "a: 1\n".repeat(100_000);
    let brackets = "[".repeat(200_000);
    let begun = std::time::Instant::now();
    for text in [&unknown, &repeated] {
        let faults = faults(text);
        // The first of them is that there are no substations.
        assert_eq!(faults.len(), 101);
        assert_eq!(faults[100].to_string(), "and more: mend these first");
    }
    let error = Config::from_yaml(&brackets, "test")
        .unwrap_err()
        .to_string();
    assert!(error.contains("deeper than 64 levels"), "{error}");
    // Without optimisation; the square of any of these sizes takes minutes.
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn ten_thousand_substations_are_read_within_five_seconds_and_more_are_refused() {
    let list = |count: u32| {
        (0..count).fold(
            "substations:
"
            .to_owned(),
            |list, i| {
                let (high, low) = (i / 256, i % 256);
                list + &format!(
                    "- {{name: s{i}, address: 10.0.{high}.{low}:5001}}
"
                )
            },
        )
    };
    let begun = std::time::Instant::now();
    assert_eq!(accepted(&list(10_000)).substations.len(), 10_000);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let refused = faults(&list(10_001));
    assert_eq!(
        refused[0].to_string(),
        "line 1: substations: has 10001 items; the most is 10000"
    );
}
