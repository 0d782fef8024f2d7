//! What time does to a limit, at the real clock.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{ask, books, comes, in_force, put, time};
use crate::{rig::Proxy, substations::Substations};

#[test]
fn a_limit_begins_and_ends_by_the_clock() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let (from, until_) = (
        time(Duration::from_millis(400)),
        time(Duration::from_millis(1_200)),
    );
    let body = format!(r#"{{"value": 0, "source": "dso", "from": "{from}", "until": "{until_}"}}"#);
    let set = put(&proxy, "s1", &body);
    assert_eq!(
        (&set["state"], &set["in_force"]),
        (&Value::from("waiting"), &Value::Null)
    );
    assert!(books(&proxy));
    comes(&proxy, "s1", Some("in_force"));
    assert!(time(Duration::ZERO) >= from, "not before its time");
    assert!(!books(&proxy));
    assert_eq!(
        in_force(&proxy, "s1")["until"].as_str().unwrap()[..19],
        until_[..19]
    );
    comes(&proxy, "s1", None);
    assert!(time(Duration::ZERO) >= until_, "not before its time");
    assert!(books(&proxy));
    proxy.logged("Limit has begun");
    proxy.logged("Limit has ended");
}

#[test]
fn silence_puts_the_fallback_in_force_and_only_a_new_limit_lifts_it() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let body = r#"{"value": 1000, "source": "dso", "fallback": 0, "heartbeat": "1500ms"}"#;
    put(&proxy, "s1", body);
    let began = Instant::now();
    let hear = || {
        ask(
            &proxy,
            "POST",
            "/limits/s1/heartbeat",
            r#"{"source": "dso"}"#,
        )
        .json()
    };
    // Longer than its heartbeat.
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(hear()["state"], "in_force");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(books(&proxy));
    let fallbacks = || proxy.metric("switchyard_limit_fallbacks{name=\"s1\"}");
    assert_eq!(fallbacks(), 0.0);
    comes(&proxy, "s1", Some("fallback"));
    assert!(!books(&proxy));
    assert_eq!(fallbacks(), 1.0);
    let strictest = in_force(&proxy, "s1");
    assert_eq!(
        (&strictest["value"], &strictest["fallback_in_force"]),
        (&0.0.into(), &true.into())
    );
    let line = proxy.logged("Source of a limit is silent");
    assert!(
        line.contains("WARN") && line.contains("in_force=0 by dso"),
        "{line}"
    );
    assert_eq!(hear()["state"], "fallback");
    proxy.logged("Source of a limit is heard again");
    assert!(!books(&proxy), "that it is heard again is not enough");
    assert_eq!(put(&proxy, "s1", body)["state"], "in_force");
    assert!(books(&proxy));
    assert_eq!(fallbacks(), 0.0);
}

#[test]
fn silence_before_its_time_counts_too_and_its_end_ends_the_fallback() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let (from, end) = (time(Duration::from_hours(1)), time(Duration::from_hours(2)));
    let far = format!(
        r#"{{"value": 9, "source": "dso", "from": "{from}", "until": "{end}", "fallback": 0, "heartbeat": "100ms"}}"#
    );
    put(&proxy, "s1", &far);
    comes(&proxy, "s1", Some("fallback"));
    assert!(!books(&proxy));
    let end = time(Duration::from_millis(600));
    let soon = format!(
        r#"{{"value": 9, "source": "dso", "until": "{end}", "fallback": 0, "heartbeat": "100ms"}}"#
    );
    put(&proxy, "s1", &soon);
    comes(&proxy, "s1", Some("fallback"));
    comes(&proxy, "s1", None);
    assert!(time(Duration::ZERO) >= end);
    assert!(books(&proxy));
}
