//! Tests of the effective configuration and how it is written.

use super::{ONE, accepted};
use crate::{AffinityFrom, Config, ErrorShape, Family, MatchOp, Records, RouteLoad, SelectFrom};
use std::{path::Path, time::Duration};

#[test]
fn everything_but_the_substations_has_its_documented_default() {
    let config = accepted(ONE);
    let shown = yaml_serde::to_string(&Config {
        threads: 2,
        ..config.clone()
    })
    .unwrap();
    let expected = "\
listen: 127.0.0.1:8080
listen_proxy_protocol: false
http2:
  cleartext: false
  streams: 100
  connections: 1000
admin:
  listen: 127.0.0.1:9901
  connections: 64
substations:
- name: a
  address: 127.0.0.1:5001
charge:
  upstream_path: /charge
  load_field: power_kw
  default_load: 11.0
  lasts: auto
load:
  path: /metrics
  metric: substation_current_load
  capacity_metric: substation_capacity
  aggregate: none
  interval: 500ms
  timeout: 200ms
  visibility_lag: 0s
  stale_after: 2s
policy: least_load
balance:
  tolerance: 0.0
timeouts:
  connect: 200ms
  request: 5s
  client: 10s
  idle: 1m
  stream_idle: 1m
upstream:
  pipeline: auto
  max_requests: auto
limits:
  head: 16KiB
  body: 64KiB
  answer: 1MiB
  buffered: 32MiB
  connections: 10000
  requests: 10000
  client:
    connections: 2500
    requests: 2500
forwarded:
  trust: []
  send: x-forwarded
admission:
  queue: 0
  timeout: 1s
retry:
  attempts: 3
  budget: 0.2
  keys: 128MiB
  keys_for: 10m
health:
  failures: 3
  success_rate: 0.5
  window: 10s
  requests: 20
  ejection: 1s
  longest_ejection: 32s
  slow_start: 10s
  probe: 5s
  most_ejected: 0.5
  panic: 0.3
drain:
  delay: 0s
log:
  format: text
  level: info
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
tls: {certificate: tls.crt, key: /run/tls.key}
http2: {cleartext: false, streams: 7, connections: 8}
admin: {listen: "[::]:0", token_file: token, connections: 3}
substations:
  - {name: A-1.b_c, address: "[::1]:1", capacity: 500}
  - {name: b, address: 10.0.0.1:65535, capacity: 0.1, feeder: feeder7, drain: true}
  - {name: "3", address: 10.0.0.2:5001, feeder: trafo2, labels: {zone: a, power: 1.50, public: true}}
feeders:
  - {name: trafo2, load: {address: "[::1]:9100"}}
  - name: feeder7
    parent: trafo2
    capacity: 304
    load: {address: 10.0.0.9:9100, path: /7, metric: 'power{feeder="7"}', capacity_metric: limit, aggregate: max, interval: 1m, timeout: 2s}
select:
  zone: {header: X-Zone, prefer: true, spill_at: 0.85}
  power: {field: power_kw, at_least: true}
discovery:
  allow: [10.0.0.0/8, "fe80::/10"]
  file_sd: [targets.json, {files: "more/*.yaml", refresh: 1s, allow_empty: true}]
  http_sd: ["http://[::1]:1/a?b=c", {url: "http://inventory/", refresh: 100ms, timeout: 1m, allow_empty: true}]
  dns:
    - substation:5001
    - _charge._tcp.grid.example
    - {name: substation, port: 5002, type: AAAA, refresh: 1h, timeout: 1s, allow_empty: true, resolver: "[::1]:53"}
    - {name: grid., type: SRV, family: both}
    - {name: grid, port: 1, family: ipv6}
routes:
  - {path: /v1/, methods: [POST, GET], upstream_path: /x/, load: {field: max_tokens, default: 2, per: 1.5e3}, affinity: {cookie: Session_Id, spill_at: 0.5}, errors: {noun: back end, shape: openai}}
  - {path: /v1/models, any: true, select: {}}
  - {path: /allocate, load: 0.5, lasts: session, select: {zone: {header: X-Zone}}, affinity: {header: X-Session}}
  - {path: /ws, lasts: connection}
charge: {upstream_path: /v1/book?now=1, load_field: tokens, default_load: 1.5e3}
load:
  path: /stats/prometheus
  metric: 'vllm:running{model_name="m \"q\"",engine!="0"}'
  capacity_metric: most
  aggregate: sum
  interval: 1500ms
  timeout: 3s
  visibility_lag: 5s
  stale_after: 1m 30s
policy: power_of_two
balance: {tolerance: 0.001}
timeouts: {connect: 1us, request: 1h, client: 0.25s, idle: 61s}
limits: {head: 1KiB, body: 65537, connections: 1, requests: 2}
forwarded: {trust: [10.0.0.0/8, "::1"], send: forwarded}
admission: {queue: 3, timeout: 4s}
retry: {attempts: 10, budget: 0, keys: 1, keys_for: 1h}
fleet: {store: "rediss://[::1]:1/2", password_file: password, prefix: a.b, timeout: 1s, when_unreachable: local}
state: {file: state, interval: 100ms}
health: {failures: 5, success_rate: 0.9, window: 5s, requests: 1, ejection: 2s, longest_ejection: 1m, slow_start: 3s, most_ejected: 0.1, panic: 0}
drain: {delay: 7s}
threads: 256
"#,
    );
    assert_eq!(config.policy, switchyard_balance::Policy::PowerOfTwo.into());
    assert_eq!(config.balance.tolerance.to_bits(), 0.001_f64.to_bits());
    let tls = config.tls.as_ref().unwrap();
    assert_eq!(
        [&tls.certificate, &tls.key],
        [Path::new("tls.crt"), Path::new("/run/tls.key")]
    );
    assert_eq!(config.http2.streams, 7);
    assert_eq!(config.admin.token_file.as_deref(), Some(Path::new("token")));
    assert_eq!(config.load.interval, Some(Duration::from_millis(1500)));
    assert_eq!(config.load.stale_after, Some(Duration::from_secs(90)));
    assert_eq!(config.timeouts.client, Duration::from_millis(250));
    assert_eq!(config.drain.delay, Duration::from_secs(7));
    assert_eq!(
        config
            .substations
            .iter()
            .map(|s| s.capacity)
            .collect::<Vec<_>>(),
        [Some(500.0), Some(0.1), None]
    );
    let [trafo, feeder] = config.feeders.as_slice() else {
        panic!("two feeders")
    };
    // What a meter leaves out is as in `load`, which the file has further below.
    let meter = trafo.load.as_ref().unwrap();
    let load = &config.load;
    assert_eq!(
        (&meter.path, &meter.metric, &meter.capacity_metric),
        (&load.path, &load.metric, &load.capacity_metric)
    );
    assert_eq!(
        (meter.aggregate, meter.interval, meter.timeout),
        (load.aggregate, load.scrape_interval(), load.timeout)
    );
    let meter = feeder.load.as_ref().unwrap();
    assert_eq!((feeder.capacity, meter.path.as_str()), (Some(304.0), "/7"));
    assert_eq!(
        (meter.interval, meter.timeout),
        (Duration::from_mins(1), Duration::from_secs(2))
    );
    let [_, b, three] = config.substations.as_slice() else {
        panic!("three substations")
    };
    assert_eq!(
        [b, three].map(|one| one.feeder.as_deref()),
        [Some("feeder7"), Some("trafo2")]
    );
    let labels: Vec<_> = three.labels.values().map(String::as_str).collect();
    assert_eq!(labels, ["1.50", "true", "a"]);
    let [zone, power] = config.select.as_slice() else {
        panic!("in the order of the file")
    };
    assert_eq!(zone.from, SelectFrom::Header("x-zone".to_owned()));
    assert_eq!((zone.prefer, zone.spill_at), (true, Some(0.85)));
    assert_eq!(power.from, SelectFrom::Field("power_kw".to_owned()));
    assert!(power.at_least && !power.prefer);
    let [stream, models, allocate, ws] = config.routes.as_slice() else {
        panic!("four routes")
    };
    assert_eq!(
        stream.load,
        RouteLoad::Field {
            field: "max_tokens".to_owned(),
            default: 2.0,
            per: 1500.0
        }
    );
    assert_eq!(
        [stream, models, allocate, ws].map(|route| (route.lasts.name(), route.buffer, route.any)),
        [
            ("answer", false, false),
            ("answer", false, true),
            ("session", true, false),
            ("connection", false, false)
        ]
    );
    assert_eq!(
        [models, allocate, ws].map(|route| &route.load),
        [0.0, 0.5, 1.0].map(RouteLoad::Fixed).each_ref()
    );
    assert_eq!(
        [stream, models].map(|route| route.select.as_ref().map(Vec::len)),
        [None, Some(0)]
    );
    let affinity = allocate.affinity.as_ref().unwrap();
    assert_eq!(affinity.from, AffinityFrom::Header("x-session".to_owned()));
    assert_eq!(affinity.spill_at.to_bits(), 0.9_f64.to_bits());
    assert_eq!(stream.errors.shape, ErrorShape::OpenAi);
    let [file, files] = config.discovery.file_sd.as_slice() else {
        panic!("two file sources")
    };
    assert_eq!(
        (file.refresh, file.allow_empty),
        (Duration::from_mins(5), false)
    );
    assert_eq!(
        (files.refresh, files.allow_empty),
        (Duration::from_secs(1), true)
    );
    let records: Vec<_> = config
        .discovery
        .dns
        .iter()
        .map(|dns| (dns.records, dns.family, dns.port))
        .collect();
    let expected = [
        (Records::Both, Family::Ipv4, Some(5001)),
        (Records::Srv, Family::Ipv4, None),
        (Records::Aaaa, Family::Ipv6, Some(5002)),
        (Records::Srv, Family::Both, None),
        (Records::Both, Family::Ipv6, Some(1)),
    ];
    assert_eq!(records, expected);
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
        yaml_serde::to_string(&config).unwrap(),
        serde_json::to_string(&config).unwrap(),
    ] {
        assert_eq!(accepted(&written), config, "{written}");
    }
}
