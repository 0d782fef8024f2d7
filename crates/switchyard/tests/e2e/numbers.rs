//! Large numbers: counted where they fit, and refused with the bound where they don't.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use serde_json::json;
use switchyard_faults::{
    Act, Scripted,
    fault::{answer, booked, page},
};

use crate::rig::{Proxy, until};

/// The bytes of a GPU, and what a request takes of them.
const GPU: u64 = 100_000_000_000;
const REQUEST: u64 = 2_000_000_000;

/// A machine that counts the bytes of its GPU's memory, and says so in gauges or, with `reports`, on answers too.
/// Its capacity is on its page only where `shows` it.
fn gpu(shows: bool, reports: bool) -> Scripted {
    let load = Arc::new(AtomicU64::new(0));
    let capacity = if shows {
        format!("substation_capacity {GPU}\n")
    } else {
        String::new()
    };
    Scripted::start(move |head| {
        if head.starts_with("GET") {
            let load = load.load(SeqCst);
            return Act::Write(page(&format!("substation_current_load {load}\n{capacity}")));
        }
        let load = load.fetch_add(REQUEST, SeqCst) + REQUEST;
        let mut written = answer("200 OK", "{}");
        if reports {
            let report = format!(
                "endpoint-load-metrics: TEXT named_metrics.substation_current_load={load},named_metrics.substation_capacity={GPU}\r\n"
            );
            let at = written.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
            written.splice(at..at, report.into_bytes());
        }
        Act::Write(written)
    })
}

/// Fills both machines through the proxy and one more: 100 requests of 2 GB fit.
fn fills_both(proxy: &Proxy, body: &str, how: &str) {
    for at in 0..100 {
        // What crossed a scrape counts twice until the next one, so the last places may take a moment.
        until(&format!("room for {at} by {how}"), || {
            (proxy.charge(body).status == 200).then_some(())
        });
    }
    let full = proxy.charge(body);
    assert_eq!(
        (full.status, full.code().as_str()),
        (503, "no_capacity"),
        "{how}"
    );
    for substation in proxy.status()["substations"].as_array().unwrap() {
        assert_eq!(substation["capacity"], 1e11, "{how}: {substation}");
        assert_eq!(substation["estimated_load"], 1e11, "{how}: {substation}");
    }
}

#[test]
fn bytes_of_gpu_memory_are_counted_wherever_they_are_written() {
    const POLLS: &str = "load: {interval: 20ms}";
    const NONE: &str = "load: {interval: 1h, stale_after: 1h}";
    let (by_field, by_default) = (format!(r#"{{"power_kw": {REQUEST}}}"#), "");
    let charge = format!("charge: {{default_load: {REQUEST}}}");

    let pair = [gpu(true, false), gpu(true, false)];
    let proxy = Proxy::start(&pair.each_ref().map(|one| one.address), POLLS);
    fills_both(&proxy, &by_field, "gauges and the load field");

    let pair = [gpu(true, true), gpu(true, true)];
    let proxy = Proxy::start(
        &pair.each_ref().map(|one| one.address),
        &format!("{NONE}\n{charge}"),
    );
    fills_both(&proxy, by_default, "answers and the default load");

    let [one, two] = [gpu(false, false), gpu(false, false)];
    let listed = |number: u8, machine: &Scripted| {
        format!(
            "  - {{name: s{number}, address: '{}', capacity: 1e11}}\n",
            machine.address
        )
    };
    let text = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n{POLLS}\nsubstations:\n{}{}",
        listed(1, &one),
        listed(2, &two)
    );
    let proxy = Proxy::ready_from(&text);
    fills_both(&proxy, &by_field, "the file");

    let [one, two] = [gpu(false, false), gpu(false, false)];
    let target = |machine: &Scripted| json!({"targets": [machine.address.to_string()], "labels": {"capacity": "1e11"}});
    let text = format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n{POLLS}\ndiscovery: {{file_sd: [targets.json]}}\n"
    );
    let targets = json!([target(&one), target(&two)]).to_string();
    let proxy = Proxy::launch_beside(&text, &[("targets.json", &targets)]);
    proxy.wait_until_ready();
    fills_both(&proxy, &by_field, "labels");
}

#[test]
fn a_number_that_is_too_large_is_refused_with_the_bound_wherever_it_comes_in() {
    // A capacity that is dropped would be no capacity: everything would fit.
    for gauges in [
        "substation_current_load 5e12\n",
        "substation_current_load 1\nsubstation_capacity 5e12\n",
    ] {
        let machine = Scripted::start(move |head| {
            Act::Write(if head.starts_with("GET") {
                page(gauges)
            } else {
                booked()
            })
        });
        let proxy = Proxy::start_unready(&[machine.address], "load: {interval: 20ms}");
        let line = proxy.logged("Substation gives no load sample");
        assert!(line.contains("4e12 is the most that is counted"), "{line}");
        let seen = &proxy.status()["substations"][0];
        assert_eq!(
            (&seen["current_load"], &seen["capacity"]),
            (&json!(null), &json!(null))
        );
        let refused = proxy.charge(r#"{"power_kw": 5e12}"#);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "invalid_request")
        );
        assert!(
            refused.message().contains("up to 4e12"),
            "{}",
            refused.message()
        );
    }
}
