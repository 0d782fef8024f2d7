//! Compares the JSON Schema with the parser and with the shipped files.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::{collections::BTreeMap, fs, path::Path};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use switchyard_config::Config;

/// The stored schema.
const KEPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../config/switchyard.schema.json"
);

fn schema() -> Value {
    serde_json::to_value(Config::schema()).unwrap()
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn from_yaml(text: &str) -> Value {
    yaml_serde::from_str(text).unwrap()
}

/// The value of each key that is not a map; lists as `substations[]`. Each label of `select` stands for all.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = if key == "OTHER" { "LABEL" } else { key };
                let path = format!("{path}.{key}");
                leaves(value, path.trim_start_matches('.'), found);
            }
        }
        Value::Array(items) => {
            for item in items {
                leaves(item, &format!("{path}[]"), found);
            }
        }
        other => {
            found.insert(path.to_owned(), other.clone());
        }
    }
}

/// The schema of each key that is not a map.
fn described(schema: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    if let Some(properties) = schema.get("properties") {
        assert_eq!(schema["additionalProperties"], false, "{path}");
        for (key, schema) in properties.as_object().unwrap() {
            let path = format!("{path}.{key}");
            described(schema, path.trim_start_matches('.'), found);
        }
    } else if let Some(whole) = schema["anyOf"].get(1).filter(|_| !path.is_empty()) {
        // A value with a short form is described by its full form.
        described(whole, path, found);
    } else if let Some(patterns) = schema.get("patternProperties") {
        // The operator chooses the keys.
        assert_eq!(schema["additionalProperties"], false, "{path}");
        for schema in patterns.as_object().unwrap().values() {
            described(schema, &format!("{path}.LABEL"), found);
        }
    } else if let Some(items) = schema.get("items") {
        described(items, &format!("{path}[]"), found);
    } else {
        found.insert(path.to_owned(), schema.clone());
    }
}

fn all_described() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    described(&schema(), "", &mut found);
    found
}

/// A file with one substation, what the section of `path` requires, and `value` at `path`.
fn file_with(path: &str, value: Value) -> Value {
    let mut file = json!({"substations": [{"name": "a", "address": "127.0.0.1:5001"}]});
    match path.split_once('.') {
        Some(("fleet", _)) => file["fleet"] = json!({"store": "redis://a"}),
        Some(("state", _)) => file["state"] = json!({"file": "state"}),
        Some(("access_log", _)) => file["access_log"] = json!({"path": "-"}),
        Some(("load", key)) if key.starts_with("prometheus") => {
            file["load"] = json!({"prometheus": {"url": "https://a", "query": "a"}});
        }
        Some(("tracing", _)) => file["tracing"] = json!({"otlp": "http://a"}),
        _ => {}
    }
    let mut at = &mut file;
    for key in path.split('.') {
        at = match key.strip_suffix("[]") {
            Some(list) => &mut at[list][0],
            None => &mut at[key],
        };
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
    }
    *at = value;
    file
}

#[test]
fn the_stored_schema_is_that_of_the_code() {
    let kept = fs::read_to_string(KEPT).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert!(
        kept == schema(),
        "config/switchyard.schema.json is not what the types say: `switchyard schema` prints it anew"
    );
}

#[test]
fn every_shipped_and_every_valid_file_satisfies_the_schema_and_names_it() {
    let validator = validator();
    let mut seen = 0;
    for folder in ["../../config", "tests/config/valid"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let errors: Vec<_> = validator
                .iter_errors(&from_yaml(&text))
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            if folder.ends_with("config") {
                let named = "# yaml-language-server: $schema=switchyard.schema.json\n";
                assert!(text.starts_with(named), "{}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 5, "only {seen} files");
}

#[test]
fn the_schema_has_exactly_the_parsers_keys_each_with_description_and_default() {
    let one = "substations: [{name: a, address: 127.0.0.1:5001, capacity: 1, feeder: b, labels: {LABEL: c}, drain: true, tls: {server_name: a}}]\n\
        feeders: [{name: b, parent: c, capacity: 1, load: {address: 127.0.0.1:5002, authorization: {credentials_file: token}, tls: {server_name: a}}}, {name: c}]\n\
        select: {LABEL: {field: a, prefer: true, spill_at: 0.5}, OTHER: {header: a}}\n\
        discovery: {file_sd: [a.json], http_sd: [{url: 'https://a/b', authorization: {credentials_file: token}, \
        tls: {ca: ca, certificate: a, key: a, server_name: a}}], dns: [{name: a, port: 1, resolver: 127.0.0.1:53}]}\n\
        clients: [{name: a, token_sha256: '0000000000000000000000000000000000000000000000000000000000000000', rate: 1/s, \
        burst: 1, load: 1}, {name: b, certificate_name: b}]\nclients_file: clients.yaml\n\
        routes: [{path: /a/, methods: [GET], upstream_path: /b/, load: {field: a}, select: {LABEL: {field: a, prefer: true, spill_at: 0.5}, OTHER: {header: a}}, \
        affinity: {header: a}, errors: {noun: a}}, {path: /c, load: {field: a}, affinity: {cookie: a}}]\n\
        tls: {certificate: a.crt, key: a.key, client_ca: ca}\n\
        admin: {token_file: token, tls: {certificate: a, key: a}}\nforwarded: {trust: [10.0.0.0/8]}\n\
        load: {authorization: {credentials_file: token}, prometheus: {url: 'https://a', query: a, capacity_query: a, \
        authorization: {credentials_file: token}, tls: {ca: ca, certificate: a, key: a, server_name: a}}}\n\
        upstream: {tls: {ca: system, certificate: a, key: a, server_name: a}}\n\
        limits: {client: {rate: 1/s}}\naccess_log: {path: access.log}\ntracing: {otlp: 'http://a'}\n\
        fleet: {store: 'redis://a', password_file: password}\nstate: {file: state}";
    let effective = serde_json::to_value(Config::from_yaml(one, "one").unwrap()).unwrap();
    let mut known = BTreeMap::new();
    leaves(&effective, "", &mut known);
    // What has no meaning beside Prometheus.
    let scraped = "substations: [{name: a, address: 127.0.0.1:5001}]";
    let scraped = serde_json::to_value(Config::from_yaml(scraped, "scraped").unwrap()).unwrap();
    leaves(&scraped["load"], "load", &mut known);
    let described = all_described();
    assert_eq!(
        described.keys().collect::<Vec<_>>(),
        known.keys().collect::<Vec<_>>(),
        "left is the schema"
    );
    for (path, schema) in &described {
        assert!(schema["description"].is_string(), "{path}: {schema}");
        // Keys of substations, sources and files have no default; that of `threads` depends on the machine.
        let is_own = path.contains("[]")
            || path.contains("tls.")
            || [
                "access_log.path",
                "tracing.otlp",
                "limits.client.rate",
                "load.prometheus.url",
                "load.prometheus.query",
                "load.prometheus.capacity_query",
            ]
            .contains(&path.as_str())
            || (path.starts_with("select.") && !schema["type"].eq("boolean"))
            || path == "fleet.store"
            || path.ends_with("file");
        if !is_own && path != "threads" {
            assert_eq!(schema["default"], known[path], "{path}");
        }
    }
}

#[test]
fn the_parser_accepts_every_default_and_example_of_the_schema() {
    for (path, schema) in all_described() {
        if path.contains("[]") || path.starts_with("select.") || path == "admin.listen" {
            continue;
        }
        let of = |key: &str| schema.get(key).cloned();
        let examples = of("examples").or_else(|| of("enum"));
        let examples = examples.and_then(|all| all.as_array().cloned());
        for value in of("default")
            .into_iter()
            .chain(examples.unwrap_or_default())
        {
            let file = file_with(&path, value);
            assert!(validator().is_valid(&file), "{path}: {file}");
            if let Err(error) = Config::from_yaml(&file.to_string(), "example") {
                // An example is valid for its key; a rule about another key may still fail.
                let error = error.to_string();
                assert!(error.contains("or more"), "{path}: {error}");
            }
        }
    }
}

#[test]
fn the_schema_refuses_every_shape_that_the_parser_refuses() {
    let validator = validator();
    for line in [
        "listne: 127.0.0.1:1",
        "listen: 8080",
        "admin: {listen: localhost}",
        "admin: []",
        "load: {interval: 500}",
        "load: {interval: 500 fortnights}",
        "load: {intervall: 1s}",
        "load: {metric: '{a=\"b\"}'}",
        "load: {path: metrics}",
        "load: {aggregate: mean}",
        "load: {prometheus: {url: 'http://a'}}",
        "load: {prometheus: {query: a}}",
        "load: {prometheus: {url: 'http://a', query: sum(a)}}",
        "load: {prometheus: {url: 'http://a', query: 'a[5m]'}}",
        "load: {prometheus: {url: 'http://a', query: a, match: {label: a-b}}}",
        "load: {prometheus: {url: 'http://a', query: a, match: instance}}",
        "load: {prometheus: {url: 'http://a', query: a, interval: 5}}",
        "policy: fastest",
        "charge: {default_load: 0}",
        "charge: {load_field: ''}",
        "fleet: {}",
        "fleet: {store: 'http://a'}",
        "fleet: {store: 'redis://user:password@a'}",
        "fleet: {store: 'redis://a', prefix: 'a b'}",
        "fleet: {store: 'redis://a', when_unreachable: wait}",
        "state: {interval: 1s}",
        "substations: [{name: a, address: 127.0.0.1:1, drain: yes please}]",
        "substations: [{name: a, address: 127.0.0.1:1, feeder: 7}]",
        "substations: [{name: a, address: 127.0.0.1:1, labels: {feeder: b}}]",
        "substations: [{name: a, address: 127.0.0.1:1, labels: {__a: b}}]",
        "substations: [{name: a, address: 127.0.0.1:1, labels: {a-b: c}}]",
        "substations: [{name: a, address: 127.0.0.1:1, labels: {a: [b]}}]",
        "substations: [{name: a, address: 127.0.0.1:1, labels: {a: ''}}]",
        "feeders: {a: {}}",
        "feeders: [{capacity: 1}]",
        "feeders: [{name: a b}]",
        "feeders: [{name: b, capacity: 0}]",
        "feeders: [{name: b, parent: 7}]",
        "feeders: [{name: b, load: {}}]",
        "feeders: [{name: b, load: {address: 127.0.0.1:1, visibility_lag: 1s}}]",
        "feeders: [{name: b, load: {address: 127.0.0.1:1, interval: 5}}]",
        "select: {zone: {}}",
        "select: {zone: {field: a, header: b}}",
        "select: {zone: {header: 'a b'}}",
        "select: {zone: {field: a, prefer: true, spill_at: 1.5}}",
        "select: {zone: {field: a, at_least: 1}}",
        "select: {zone: {field: a, need: true}}",
        "select: {name: {field: a}}",
        "select: [zone]",
        "routes: {}",
        "routes: [{load: 1}]",
        "routes: [{path: v1}]",
        "routes: [{path: '/v1?a'}]",
        "routes: [{path: /a, methods: [get]}]",
        "routes: [{path: /a, methods: []}]",
        "routes: [{path: /a, load: -1}]",
        "routes: [{path: /a, load: {default: 1}}]",
        "routes: [{path: /a, load: {field: a, per: 0}}]",
        "routes: [{path: /a, lasts: auto}]",
        "routes: [{path: /a, any: maybe}]",
        "routes: [{path: /a, select: {name: {field: a}}}]",
        "routes: [{path: /a, affinity: {}}]",
        "routes: [{path: /a, affinity: {header: a, cookie: b}}]",
        "routes: [{path: /a, affinity: {cookie: a b}}]",
        "routes: [{path: /a, errors: {noun: a}}, {path: /b, errors: {noun: '<b>'}}]",
        "routes: [{path: /a, errors: {shape: xml}}]",
        "routes: [{path: /a, to: b}]",
        "retry: {keys: 0}",
        "retry: {keys: '100000'}",
        "limits: {connections: 0}",
        "limits: {connections: 1.5}",
        "limits: {body: -1}",
        "limits: {body: much}",
        "retry: {budget: 1.1}",
        "retry: {attempts: 11}",
        "threads: 0",
        "threads: null",
        "discovery: {files: a.json}",
        "discovery: {dns: [{port: 1}]}",
        "discovery: {http_sd: [{url: 'http://a', refresh: 5}]}",
    ] {
        let text = format!("substations: [{{name: a, address: 127.0.0.1:5001}}]\n{line}");
        assert!(Config::from_yaml(&text, "wrong").is_err(), "{line}");
        assert!(!validator.is_valid(&from_yaml(&text)), "{line}");
    }
    for text in [
        "{}",
        "substations: []",
        "substations: [{name: a}]",
        "substations: [{address: 127.0.0.1:5001}]",
        "substations: [{name: -a, address: 127.0.0.1:5001}]",
        "substations: [{name: a, address: 127.0.0.1}]",
        "substations: [{name: a, address: 127.0.0.1:5001, capacity: -1}]",
    ] {
        assert!(Config::from_yaml(text, "wrong").is_err(), "{text}");
        assert!(!validator.is_valid(&from_yaml(text)), "{text}");
    }
}
