//! The shipped configurations, configurations that must be accepted, and the messages for invalid ones. The whole
//! message stands beside each case as `.expected`, so that a change of wording shows up in review.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail as the test does, and clippy knows only the functions marked as tests"
)]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};
use switchyard_config::{Config, Error};
use yaml_serde::Value;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// The files of a folder with this extension, by name. At least one, or the test would prove nothing.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(CRATE).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension() == Some(OsStr::new(extension)));
    files.sort();
    assert!(!files.is_empty(), "{}: no *.{extension}", folder.display());
    files
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(OsStr::to_str).unwrap()
}

#[test]
fn every_shipped_and_every_valid_configuration_is_accepted_and_reads_back_the_same() {
    let shipped = files("../../config", "yaml");
    let names: Vec<_> = shipped.iter().map(|file| name(file)).collect();
    assert!(
        names.contains(&"switchyard.yaml"),
        "the default file is missing from {names:?}"
    );

    for file in shipped
        .into_iter()
        .chain(files("tests/config/valid", "yaml"))
    {
        let config = Config::from_file(&file).unwrap_or_else(|error| panic!("{error}"));
        let written = yaml_serde::to_string(&config).unwrap();
        let read_back = Config::from_yaml(&written, "written").unwrap();
        assert_eq!(read_back, config, "{}:\n{written}", file.display());
    }
}

#[test]
fn every_invalid_configuration_is_refused_with_the_expected_words() {
    let mut wrong = Vec::new();
    let cases = files("tests/config/invalid", "yaml");
    for file in &cases {
        let text = fs::read_to_string(file).unwrap();
        let message = match Config::from_yaml(&text, name(file)) {
            Ok(_) => "(accepted)".to_owned(),
            Err(error) => error.to_string(),
        };
        let expected = fs::read_to_string(file.with_extension("expected")).unwrap_or_default();
        if message != expected.trim_end() {
            wrong.push(format!(
                "=== {} says\n{message}\n=== expected\n{expected}",
                name(file)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    let expectations = files("tests/config/invalid", "expected");
    assert_eq!(
        expectations.len(),
        cases.len(),
        "each case has its expectation, and no other"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.yaml");
    let error = Config::from_file(&missing).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.starts_with(&format!(
        "{}: cannot be read: No such file",
        missing.display()
    )));

    let latin1 = folder.path().join("latin1.yaml");
    fs::write(&latin1, b"# \xfc\n").unwrap();
    assert!(
        Config::from_file(&latin1)
            .unwrap_err()
            .to_string()
            .contains("UTF-8")
    );

    let pipe = folder.path().join("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for read in [
        Config::from_file(&pipe).err(),
        Config::admin_of(&pipe).err(),
    ] {
        let error = read.unwrap().to_string();
        assert!(error.contains("cannot be read: it is a pipe"), "{error}");
    }
}

#[test]
fn every_key_of_the_effective_configuration_has_its_row_in_the_documentation() {
    let doc = Path::new(CRATE).join("../../docs/configuration-keys.md");
    let doc = fs::read_to_string(doc).unwrap();
    let one = "substations: [{name: a, address: 127.0.0.1:5001, capacity: 1, feeder: b, labels: {LABEL: c}, drain: true, tls: {server_name: a}}, {name: d, address: 127.0.0.1:5003, tls: false}]
feeders: [{name: b, parent: c, capacity: 1, load: {address: 127.0.0.1:5002, authorization: {credentials_file: token}, tls: {server_name: a}}}, {name: c, load: {address: 127.0.0.1:5004, tls: false}}]
select: {LABEL: {field: a, prefer: true, spill_at: 0.5}, OTHER: {header: a}}
discovery: {allow: [10.0.0.0/8], file_sd: [a.json], http_sd: [{url: \"https://a\", authorization: {credentials_file: token}, tls: {ca: ca, certificate: a, key: a, server_name: a}}], dns: [{name: a, port: 1, resolver: \"127.0.0.1:53\"}]}
clients: [{name: a, token_sha256: \"0000000000000000000000000000000000000000000000000000000000000000\", rate: 1/s, burst: 1, load: 1}, {name: b, certificate_name: b}]
clients_file: clients.yaml
routes: [{path: /a/, methods: [GET], upstream_path: /b/, load: {field: a}, select: {LABEL: {field: a, prefer: true, spill_at: 0.5}, OTHER: {header: a}}, affinity: {header: a}, errors: {noun: a}}, {path: /c, load: 1, affinity: {cookie: a}}]
tls: {certificate: tls.crt, key: tls.key, client_ca: ca}
admin: {token_file: token, tls: {certificate: tls.crt, key: tls.key}}
load: {authorization: {credentials_file: token}, prometheus: {url: \"https://a\", query: a, capacity_query: a, authorization: {credentials_file: token}, tls: {ca: ca, certificate: a, key: a, server_name: a}}}
upstream: {tls: {ca: ca, certificate: a, key: a, server_name: a}}
limits: {client: {rate: 1/s}}
fleet: {store: \"redis://a\", password_file: password}
state: {file: state}
access_log: {path: access.log}
tracing: {otlp: \"http://a\"}
forwarded: {trust: [10.0.0.0/8]}";
    let config = yaml_serde::to_value(Config::from_yaml(one, "one").unwrap()).unwrap();

    let mut keys = Vec::new();
    collect(&config, "", &mut keys);
    // What has no meaning beside Prometheus.
    keys.extend(["load.interval", "load.stale_after"].map(str::to_owned));
    assert!(keys.len() > 20, "{keys:?}");
    let rows: Vec<&str> = doc
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !rows.contains(&key.as_str()))
        .collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
    let outdated: Vec<_> = rows
        .iter()
        .filter(|row| !keys.contains(&(**row).to_owned()))
        .collect();
    assert!(outdated.is_empty(), "rows of removed keys: {outdated:?}");
}

/// An operator's mistake in any key is named with that key: no value is read without a rule.
#[test]
fn every_documented_key_has_a_fault_among_the_invalid_configurations() {
    let doc = Path::new(CRATE).join("../../docs/configuration-keys.md");
    let doc = fs::read_to_string(doc).unwrap();
    let mut named = Vec::new();
    for file in files("tests/config/invalid", "expected") {
        let text = fs::read_to_string(file).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("  ")) {
            // After the number of its line; a path has no space.
            let path = line.split(": ").find(|part| !part.starts_with("line "));
            let parts = path.unwrap_or_default().split(['[', ']']);
            // Without the positions in lists.
            let parts = parts.enumerate().map(|(at, part)| {
                let is_position = at % 2 == 1;
                if is_position { "[]" } else { part }
            });
            named.push(parts.collect::<String>());
        }
    }
    let is_named = |key: &str| match key.split_once("LABEL") {
        None => named.iter().any(|path| path == key),
        // Any label.
        Some((before, after)) => named.iter().any(|path| {
            let label = path.strip_prefix(before);
            label
                .and_then(|label| label.strip_suffix(after))
                .is_some_and(|label| !label.is_empty() && !label.contains('.'))
        }),
    };
    let keys: Vec<_> = doc
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert!(keys.len() > 100, "{keys:?}");
    let missing: Vec<_> = keys.iter().filter(|key| !is_named(key)).collect();
    assert!(missing.is_empty(), "without a fault: {missing:?}");
}

/// The path of each value that is not a map; lists as `substations[].name`. Each label of `select` stands for all.
fn collect(value: &Value, path: &str, keys: &mut Vec<String>) {
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                let key = key.as_str().unwrap();
                let key = if key == "OTHER" { "LABEL" } else { key };
                let path = if path.is_empty() {
                    key.to_owned()
                } else {
                    format!("{path}.{key}")
                };
                collect(value, &path, keys);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), keys);
            }
        }
        _ if keys.iter().any(|key| key == path) => {}
        _ => keys.push(path.to_owned()),
    }
}
