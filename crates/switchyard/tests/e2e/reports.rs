//! Loads that substations report on their answers.

use substation::ReportFormat;
use switchyard_faults::{Act, Scripted, fault::page, post};

use crate::{rig::Proxy, substations::Substations};

/// So long that no second scrape happens in a test.
const NO_SCRAPES: &str = "load: {interval: 1h, stale_after: 1h}";

fn reports(proxy: &Proxy, outcome: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_load_reports_total{{outcome=\"{outcome}\",substation=\"s1\"}}"
    ))
}

#[test]
fn a_load_on_an_answer_is_a_sample_that_contains_the_booking_it_confirms() {
    for format in [ReportFormat::Text, ReportFormat::Json] {
        let substations = Substations::start_reporting(&[1000.0], format);
        let proxy = Proxy::start(&substations.addresses, NO_SCRAPES);
        // Booked past the proxy: without a scrape only an answer can show it.
        let body = r#"{"power_kw": 55, "energy_kwh": 1000}"#;
        assert_eq!(post(substations.addresses[0], "/charge", body).status, 200);
        let answer = proxy.charge(r#"{"power_kw": 11, "energy_kwh": 1000}"#);
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("endpoint-load-metrics"),
            None,
            "not for clients"
        );
        let seen = &proxy.status()["substations"][0];
        assert_eq!(
            [
                &seen["current_load"],
                &seen["estimated_load"],
                &seen["unseen_load"]
            ],
            [66.0, 66.0, 0.0]
        );
        assert_eq!(seen["capacity"], 1000.0);
        assert_eq!(reports(&proxy, "ok"), 1.0);
    }
}

#[test]
fn a_refusal_says_how_full_it_is() {
    let substations = Substations::start_reporting(&[100.0], ReportFormat::Text);
    let proxy = Proxy::start(&substations.addresses, NO_SCRAPES);
    let body = r#"{"power_kw": 95, "energy_kwh": 1000}"#;
    assert_eq!(post(substations.addresses[0], "/charge", body).status, 200);
    let body = r#"{"power_kw": 11}"#;
    assert_eq!(proxy.charge(body).status, 503);
    let seen = &proxy.status()["substations"][0];
    assert_eq!([&seen["estimated_load"], &seen["unseen_load"]], [95.0, 0.0]);
    // From now on the proxy refuses without asking.
    assert_eq!(proxy.charge(body).status, 503);
    assert_eq!(reports(&proxy, "ok"), 1.0);
}

#[test]
fn a_report_that_says_no_load_is_counted_and_changes_nothing() {
    let header = |value: &str| format!("Endpoint-Load-Metrics: {value}\r\n");
    let load = "TEXT named_metrics.substation_current_load";
    for (headers, outcome) in [
        (header(&format!("{load}=NaN")), "parse"),
        (header(&format!("{load}=-1")), "parse"),
        (header(&format!("{load}=1e300")), "parse"),
        (header(&format!("{load}=5")).repeat(2), "parse"),
        (header("JSON {"), "parse"),
        (header("TEXT cpu_utilization=0.5"), "missing"),
        (header("YAML load: 5"), "format"),
        (
            "endpoint-load-metrics-bin: CgNsb2Fk\r\n".to_owned(),
            "format",
        ),
    ] {
        let broken = Scripted::start({
            let headers = headers.clone();
            move |head| {
                Act::Write(if head.starts_with("GET") {
                    page("substation_current_load 7\n")
                } else {
                    format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}")
                        .into_bytes()
                })
            }
        });
        let proxy = Proxy::start(&[broken.address], NO_SCRAPES);
        assert_eq!(proxy.charge("").status, 200);
        assert_eq!(reports(&proxy, outcome), 1.0, "{headers}");
        assert_eq!(reports(&proxy, "ok"), 0.0);
        let seen = &proxy.status()["substations"][0];
        assert_eq!(
            [&seen["current_load"], &seen["estimated_load"]],
            [7.0, 18.0]
        );
    }
}

#[test]
fn a_report_that_can_not_stand_for_the_gauge_is_ignored() {
    for load in [
        "visibility_lag: 1m",
        "aggregate: sum",
        "metric: 'substation_current_load{site=\"\"}'",
    ] {
        let substations = Substations::start_reporting(&[1000.0], ReportFormat::Text);
        let extra = format!("load: {{interval: 1h, stale_after: 1h, {load}}}");
        let proxy = Proxy::start(&substations.addresses, &extra);
        assert_eq!(proxy.charge(r#"{"power_kw": 11}"#).status, 200);
        let seen = &proxy.status()["substations"][0];
        assert_eq!(
            [&seen["current_load"], &seen["unseen_load"]],
            [0.0, 11.0],
            "{load}"
        );
        for outcome in ["ok", "late", "parse", "missing", "format"] {
            assert_eq!(reports(&proxy, outcome), 0.0, "{load}: {outcome}");
        }
    }
}
