//! The JSON Schema in the repository, against the code and against the report of a real run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::{answer, run, serve, steady};
use requester::Report;
use serde_json::{Value, json};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("report.schema.json")
}

fn schema() -> Value {
    serde_json::from_str(&fs::read_to_string(file()).unwrap()).unwrap()
}

#[test]
fn the_schema_file_matches_the_code() {
    assert!(
        schema() == Report::schema(),
        "requester/report.schema.json is out of date; type:  cargo run -p requester -- schema > requester/report.schema.json"
    );
}

#[tokio::test]
async fn a_report_matches_the_schema_and_faults_are_found() {
    let (address, _) = serve(|number| async move {
        let status = if number.is_multiple_of(5) { 503 } else { 200 };
        answer(status, "substation1", r#"{"error":{"code":"no_capacity"}}"#)
    })
    .await;
    let mut report = run(steady(address, 100.0, Duration::from_secs(1))).await;
    report.checks = vec!["p99>1s".parse::<requester::Check>().unwrap().judge(&report)];
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let good = serde_json::to_value(report).unwrap();
    if let Err(fault) = schema.validate(&good) {
        panic!("{fault} at {}", fault.instance_path());
    }
    for (path, wrong) in [
        ("/offered/requests", json!(-1)),
        ("/achieved/rate", json!("fast")),
        ("/latency_seconds", json!(3)),
        ("/timeline/moments/0/offered", Value::Null),
        ("/checks/0/passed", json!("yes")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).unwrap() = wrong;
        assert!(!schema.is_valid(&bad), "{path}");
    }
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("offered");
    assert!(!schema.is_valid(&bad), "a figure is missing");
}
