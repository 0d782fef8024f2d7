//! Substations found by discovery while the proxy runs.

use std::{fmt::Write as _, time::Duration, time::Instant};

use serde_json::{Value, json};
use switchyard_faults::Faulty;

use crate::rig::{Proxy, replace, until};

const BASE: &str = "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nthreads: 1\n";

/// A proxy whose only substations are those of `targets.json` beside its configuration.
fn start(targets: &Value, rest: &str) -> Proxy {
    let text = format!("{BASE}discovery: {{file_sd: [targets.json]}}\n{rest}");
    Proxy::launch_beside(&text, &[("targets.json", &targets.to_string())])
}

/// Replaces the file as a generator should: write a new file, and rename it over the old one.
fn write(proxy: &Proxy, text: &str) {
    replace(proxy.files.path().join("targets.json"), text);
}

fn count(proxy: &Proxy) -> usize {
    proxy.status()["substations"].as_array().unwrap().len()
}

#[test]
fn discovered_substations_get_charges_and_a_wrong_or_empty_answer_removes_none() {
    let (one, two) = (
        Faulty::start("one", 1, &[], 0.0),
        Faulty::start("two", 2, &[], 0.0),
    );
    let target = |name: &str, substation: &Faulty| json!({"targets": [substation.address().to_string()], "labels": {"name": name, "zone": "n"}});
    let proxy = start(&json!([target("one", &one)]), "load: {interval: 50ms}");
    proxy.wait_until_ready();
    assert_eq!(proxy.charge("").header("x-substation"), Some("one"));
    write(
        &proxy,
        &json!([target("one", &one), target("two", &two)]).to_string(),
    );
    until("both", || (count(&proxy) == 2).then_some(()));
    until("two is charged at", || {
        (proxy.charge("").header("x-substation") == Some("two")).then_some(())
    });
    let looks = |outcome| {
        proxy.metric(&format!("switchyard_discovery_refreshes_total{{outcome=\"{outcome}\",source=\"file_sd:targets.json\"}}"))
    };
    for (text, outcome, log) in [
        (
            "[{\"targets\": [\"nowhere\"]}]",
            "failed",
            "Discovery source failed",
        ),
        ("[]", "empty", "Discovery source returned no targets"),
        ("\u{0}[", "failed", "Discovery source failed"),
    ] {
        let before = looks(outcome);
        write(&proxy, text);
        until(outcome, || (looks(outcome) > before).then_some(()));
        proxy.logged(log);
        assert_eq!(count(&proxy), 2, "the last good answer stands");
        assert_eq!(proxy.charge("").status, 200);
    }
    write(&proxy, &json!([target("two", &two)]).to_string());
    until("one is gone", || (count(&proxy) == 1).then_some(()));
    assert_eq!(proxy.charge("").header("x-substation"), Some("two"));
}

#[test]
fn a_thousand_targets_are_members_within_a_second_of_the_write() {
    // Nothing listens there and nothing is asked: only the change of membership is timed.
    let mut targets = String::from("[{\"targets\": [");
    for at in 0..1_000 {
        let _ = write!(targets, "\"127.1.{}.{}:9\",", at / 250, at % 250 + 1);
    }
    targets.pop();
    targets.push_str("]}]");
    let one = Faulty::start("one", 1, &[], 0.0);
    let target = json!([{"targets": [one.address().to_string()]}]);
    let proxy = start(
        &target,
        "load: {interval: 10m, stale_after: 1h, timeout: 1s}",
    );
    until("one", || (count(&proxy) == 1).then_some(()));
    let started = Instant::now();
    write(&proxy, &targets);
    // The first such line is that of the start.
    let line = proxy.logged("and 980 more substations added");
    let took = started.elapsed();
    assert!(
        line.contains("Substations updated from discovery"),
        "{line}"
    );
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(count(&proxy), 1_000);
}
