//! What the room promises as a whole; each part's own tests stand beside it.

use super::{Config, Error, Fault, MatchOp, Policy};
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
fn everything_but_the_substations_has_its_documented_default() {
    let config = accepted(ONE);
    let shown = serde_yaml::to_string(&Config {
        threads: 2,
        ..config.clone()
    })
    .unwrap();
    let expected = "\
listen: 127.0.0.1:8080
admin:
  listen: 127.0.0.1:9901
substations:
- name: a
  address: 127.0.0.1:5001
charge:
  upstream_path: /charge
  load_field: power_kw
  default_load: 11.0
load:
  path: /metrics
  metric: substation_current_load
  capacity_metric: substation_capacity
  interval: 500ms
  timeout: 200ms
  stale_after: 2s
policy: least_load
timeouts:
  connect: 200ms
  request: 5s
  client: 10s
  idle: 1m
limits:
  body: 64KiB
  connections: 10000
retry:
  attempts: 3
  budget: 0.2
threads: 2
";
    assert_eq!(shown, expected);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(config.threads, cores.min(256));
}

#[test]
fn every_key_takes_effect_and_the_effective_configuration_reads_back_the_same() {
    let config = accepted(
        r#"
listen: "[::1]:0"
admin: {listen: "[::1]:0"}
substations:
  - {name: A-1.b_c, address: "[::1]:1", capacity: 500}
  - {name: b, address: 10.0.0.1:65535, capacity: 0.1}
  - {name: "3", address: 10.0.0.2:5001}
charge: {upstream_path: /v1/book?now=1, load_field: tokens, default_load: 1.5e3}
load:
  path: /stats/prometheus
  metric: 'vllm:running{model_name="m \"q\"",engine!="0"}'
  capacity_metric: most
  interval: 1500ms
  timeout: 3s
  stale_after: 1m 30s
policy: power_of_two
timeouts: {connect: 1us, request: 1h, client: 0.25s, idle: 61s}
limits: {body: 65537, connections: 1}
retry: {attempts: 10, budget: 0}
threads: 256
"#,
    );
    assert_eq!(config.policy, Policy::PowerOfTwo);
    assert_eq!(config.load.interval, Duration::from_millis(1500));
    assert_eq!(config.load.stale_after, Duration::from_secs(90));
    assert_eq!(config.timeouts.client, Duration::from_millis(250));
    assert_eq!(
        config
            .substations
            .iter()
            .map(|s| s.capacity)
            .collect::<Vec<_>>(),
        [Some(500.0), Some(0.1), None]
    );
    let [model, engine] = config.load.metric.matchers.as_slice() else {
        panic!("two matchers")
    };
    assert_eq!(
        (model.op, model.value.as_str()),
        (MatchOp::Equal, r#"m "q""#)
    );
    assert_eq!((engine.op, engine.value.as_str()), (MatchOp::NotEqual, "0"));
    assert_eq!(
        (config.limits.body, config.retry.attempts, config.threads),
        (65537, 10, 256)
    );

    for written in [
        serde_yaml::to_string(&config).unwrap(),
        serde_json::to_string(&config).unwrap(),
    ] {
        assert_eq!(accepted(&written), config, "{written}");
    }
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
discovery: {}
"#;
    let paths: Vec<String> = faults(text).into_iter().map(|fault| fault.path).collect();
    assert_eq!(
        paths,
        [
            "listen",
            "admin.listen",
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
            "discovery",
            "timeouts.request",
        ]
    );
}

#[test]
fn a_rule_between_two_keys_is_silent_while_one_of_them_has_a_fault_of_its_own() {
    let rule = "load: {interval: 500, stale_after: 100ms}";
    assert_eq!(
        faults_of(rule),
        ["load.interval: 500: needs its unit, as in 500ms, 2s or 1m"]
    );
}

#[test]
fn a_duration_carries_its_unit_and_stays_between_nothing_and_an_hour() {
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
        ("\"18446744073709551615s 1000000000ns\"", NONE),
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
    for (value, nanos) in [
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
        let shown = serde_yaml::to_value(&config.limits).unwrap();
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
fn a_host_name_is_looked_up_and_one_that_is_unknown_is_a_fault() {
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
fn a_thousand_substations_are_read_within_a_blink_and_too_many_are_refused() {
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
        "substations: has 10001 items; the most is 10000"
    );
}
