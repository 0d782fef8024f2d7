//! `switchyard probe`: what it says of pages good, mistaken and hostile, and what its exit code says.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Command, Output},
    time::Duration,
};

use serde_json::Value;
use switchyard_faults::{Act, Scripted, fault};
use tempfile::TempDir;

use crate::{
    scraped::{said, served},
    secure::Certificate,
    substations::Substations,
};

fn probe(address: &(impl ToString + ?Sized), more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["probe", &address.to_string()])
        .args(more)
        .output()
        .unwrap()
}

/// Longer than a page takes on a busy machine.
const PATIENT: [&str; 2] = ["--timeout", "20s"];

fn patient<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&PATIENT[..], more].concat()
}

#[test]
fn a_real_substation_gives_a_sample() {
    let substations = Substations::start(&[500.0]);
    let address = substations.addresses[0];
    let (code, out, err) = said(&probe(&address, &PATIENT));
    assert_eq!((code, err.as_str()), (0, ""));
    for part in [
        &format!("GET http://{address}/metrics: 200, "),
        "load.metric: substation_current_load: 1 of 1 series match",
        "+ substation_current_load 0",
        "+ substation_capacity 500",
        "sample: load 0, capacity 500, at most ",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
}

#[test]
fn every_series_of_the_name_says_why_it_is_not_read_and_similar_names_are_told() {
    let page = served(
        "# TYPE m:running gauge\nm:running{model=\"a\"} 3\nm:running{model=\"b\"} 4\nm:running{model=\"a\",spare=\"1\"} NaN\n\
         m:waiting 2\n<b>\n",
    );
    let metric = "m:running{model=\"a\",spare=\"\"} + m:waitin";
    let (code, out, err) = said(&probe(&page.address, &patient(&["--metric", metric])));
    assert_eq!(code, 1, "{out}");
    for part in [
        "1 line can't be read as a metric: <b>",
        "1 of 3 series match",
        "+ m:running{model=\"a\"} 3",
        "- m:running{model=\"b\"} 4: its model is \"b\", and \"a\" is wanted",
        "no series is named m:waitin; similar: m:waiting",
        "no sample: no series matches",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    assert!(
        err.starts_with("switchyard: no sample: no series matches"),
        "{err}"
    );
    let metric = "m:running{model=\"a\",spare=\"\"} + m:waiting";
    let (code, out, _) = said(&probe(&page.address, &patient(&["--metric", metric])));
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("sample: load 5, no capacity"), "{out}");
}

#[test]
fn a_value_that_is_no_load_and_a_counter_are_named() {
    for (page, metric, part, exit) in [
        (
            "load -3\n",
            "load",
            "! load -3: a negative number is no load",
            1,
        ),
        ("load NaN\n", "load", "! load NaN: NaN is no load", 1),
        (
            "load 1\nload{a=\"b\"} 1\n",
            "load",
            "2 series match: add labels or load.aggregate",
            1,
        ),
        (
            "other_in_flight 1\n",
            "load",
            "looks like a load here: other_in_flight",
            1,
        ),
        (
            "# TYPE served counter\nserved 5\n",
            "served",
            "! served 5: it is a counter: it only grows",
            0,
        ),
    ] {
        let page = served(page);
        let (code, out, _) = said(&probe(&page.address, &patient(&["--metric", metric])));
        assert!(out.contains(part), "{part} in {out}");
        assert_eq!(code, exit, "{part}");
    }
}

#[test]
fn json_says_the_same_to_programs() {
    let page = served("substation_current_load 22\nsubstation_capacity NaN\n");
    let output = probe(&page.address, &patient(&["--json"]));
    assert!(output.status.success());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["sample"]["load"], 22.0);
    assert_eq!(said["sample"]["capacity"], Value::Null);
    assert_eq!(said["status"], 200);
    assert_eq!(said["load"]["series"][0]["matches"], true);
    assert_eq!(said["capacity"]["series"][0]["value"], Value::Null);
    assert!(said["capacity_failure"].as_str().unwrap().contains("NaN"));

    let output = probe(&page.address, &patient(&["--json", "--metric", "none"]));
    assert_eq!(output.status.code(), Some(1));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["sample"], Value::Null);
    assert!(
        said["failure"]
            .as_str()
            .unwrap()
            .starts_with("no series matches none")
    );
}

#[test]
fn hostile_pages_end_and_control_nothing() {
    let long = format!("load{{a=\"{}\"}} 1\n", "x".repeat(100_000));
    let many: Vec<_> = (0..10_000)
        .map(|at| format!("load{{n=\"{at}\"}} 1\n"))
        .collect();
    let many = many.concat();
    for (page, part) in [
        ("load{a=\"\x1b[2J\"} 1\n", "+ load{a=\"\\u{1b}[2J\"} 1"),
        (long.as_str(), "1 line can't be read"),
        (many.as_str(), "… and 9980 more"),
        (
            "<!DOCTYPE html>\n<html>\n",
            "the page is HTML and no metrics",
        ),
    ] {
        let page = served(page);
        let (_, out, err) = said(&probe(&page.address, &patient(&["--metric", "load"])));
        assert!(out.contains(part), "{part} in {out}");
        assert!(out.len() < 20_000 && !out.contains('\x1b') && !err.contains('\x1b'));
    }
    let endless = Scripted::start(|_| {
        let page = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"up 1\n".repeat(1000)].concat();
        Act::Drip(page, Duration::from_millis(2))
    });
    let (code, out, _) = said(&probe(&endless.address, &["--timeout", "200ms"]));
    assert_eq!(code, 1);
    assert!(
        out.contains("no complete answer within 200ms (load.timeout)"),
        "{out}"
    );
}

#[test]
fn a_port_that_nothing_listens_at_is_no_sample() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (code, out, err) = said(&probe(&free, &PATIENT));
    assert_eq!(code, 1);
    assert!(
        out.contains("no whole answer") && err.contains("cannot connect"),
        "{out}{err}"
    );
}

#[test]
fn addresses_and_options_that_can_t_be_right_are_wrong_usage() {
    for (arguments, part) in [
        (&["http://127.0.0.1:1/metrics"][..], "--path is for a path"),
        (&["127.0.0.1"], "needs a port"),
        (&["::1"], "needs a port, as in [::1]:5001"),
        (&["a b:1"], "must be a name that DNS knows"),
        (&["0.0.0.0:1"], "is an address to listen on"),
        (&[""], "needs a port"),
        (&["127.0.0.1:1", "--metric", "a{b"], "invalid value"),
        (&["127.0.0.1:1", "--metric", "a{b=~\"c\"}"], "patterns"),
        (&["127.0.0.1:1", "--path", "metrics"], "must begin with '/'"),
        (&["127.0.0.1:1", "--aggregate", "mean"], "none, sum or max"),
        (&["127.0.0.1:1", "--timeout", "5"], "invalid value"),
        (&[], "required"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .arg("probe")
            .args(arguments)
            .output()
            .unwrap();
        let (code, out, err) = said(&output);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
        assert!(err.contains(part), "{arguments:?}: {err}");
    }
}

#[test]
fn a_configuration_says_path_token_name_and_capacity() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("token"), "sesame-open\n").unwrap();
    let guarded = Scripted::start(|request| {
        let is_let_in = request.contains("authorization: Bearer sesame-open");
        let is_there = request.starts_with("GET /own ");
        Act::Write(match (is_there, is_let_in) {
            (true, true) => fault::page("own_load 7\n"),
            (true, false) => fault::answer("401 Unauthorized", "{}"),
            (false, _) => fault::answer("404 Not Found", "{}"),
        })
    });
    let file = folder.path().join("s.yaml");
    let token = folder.path().join("token");
    let yaml = format!(
        "substations: [{{name: north, address: '{}', capacity: 50}}]\n\
         load: {{metric: own_load, path: /own, timeout: 20s, authorization: {{credentials_file: {}}}}}",
        guarded.address,
        token.display()
    );
    fs::write(&file, yaml).unwrap();
    let file = file.to_str().unwrap();
    // By its name, and by its address, which is known to be north's.
    for address in ["north", &guarded.address.to_string()] {
        let (code, out, err) = said(&probe(address, &["--config", file]));
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.starts_with("north: GET http://"), "{out}");
        assert!(out.contains("sample: load 7, capacity 50"), "{out}");
    }
    let (code, _, err) = said(&probe("south", &["--config", file]));
    assert_eq!(code, 2);
    assert!(err.contains("lists: north"), "{err}");
    fs::remove_file(&token).unwrap();
    let (code, _, err) = said(&probe("north", &["--config", file]));
    assert_eq!(code, 78, "{err}");
    assert!(err.contains("load.authorization.credentials_file"), "{err}");
    let (code, ..) = said(&probe("north", &["--config", "/none.yaml"]));
    assert_eq!(code, 78);
}

#[test]
fn tls_is_as_configured_and_a_certificate_that_is_not_trusted_is_refused() {
    let certificate = Certificate::new();
    let [crt, key] = ["tls.crt", "tls.key"].map(|name| certificate.path(name));
    let tls = substation::tls(&crt, &key, None).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let substation =
        substation::Substation::new(substation::Config::new("s".to_owned(), 100.0)).unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    runtime.spawn(substation::run_tls(
        substation,
        listener,
        tls,
        std::future::pending(),
    ));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("s.yaml");
    let yaml = |ca: &str| {
        format!(
            "substations: [{{name: a, address: '{address}'}}]\nload: {{timeout: 20s}}\n\
             upstream: {{tls: {{ca: {ca}, server_name: localhost}}}}"
        )
    };
    fs::write(&file, yaml(crt.to_str().unwrap())).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let (code, out, err) = said(&probe("a", &config));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("GET https://"), "{out}");
    let other = Certificate::new();
    fs::write(&file, yaml(other.path("tls.crt").to_str().unwrap())).unwrap();
    let (code, out, _) = said(&probe("a", &config));
    assert_eq!(code, 1);
    assert!(out.contains("no TLS connection"), "{out}");
}

#[test]
fn where_prometheus_is_asked_it_is_asked_too() {
    let page = served("other_load 3\n");
    let label = page.address.to_string();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let prometheus = Scripted::start(move |request| {
        assert!(request.starts_with("GET /api/v1/query?"), "{request}");
        Act::Write(fault::answer(
            "200 OK",
            &format!(
                "{{\"status\":\"success\",\"data\":{{\"resultType\":\"matrix\",\"result\":[\
                 {{\"metric\":{{\"instance\":\"{label}\"}},\"values\":[[{},\"5\"],[{now},\"7\"]]}},\
                 {{\"metric\":{{\"instance\":\"10.0.0.9:1\"}},\"values\":[[{now},\"9\"]]}}]}}}}",
                now - 5
            ),
        ))
    });
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("s.yaml");
    let yaml = format!(
        "substations: [{{name: a, address: '{}'}}, {{name: b, address: '127.0.0.1:9'}}]\n\
         load: {{prometheus: {{url: 'http://{}', query: other_load, timeout: 20s, interval: 50s}}, timeout: 20s}}",
        page.address, prometheus.address
    );
    fs::write(&file, yaml).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let (code, out, err) = said(&probe("a", &config));
    assert_eq!(code, 0, "{out}{err}");
    for part in [
        "This configuration scrapes no substation: the proxy asks Prometheus at http://",
        "sample from Prometheus: load 7, ",
        "2 series in all",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    // Nothing listens at b, and that says nothing: Prometheus has no series of it.
    let (code, out, err) = said(&probe("b", &config));
    assert_eq!(code, 1, "{out}");
    assert!(
        err.contains("none of the 2 series of other_load has a label instance"),
        "{err}"
    );
}
