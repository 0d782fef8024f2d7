//! Collectors that are slow, gone or hanging, and the end of the process.

use std::time::Duration;

use nix::sys::signal::Signal;
use switchyard_faults::{Act, ClosedPort, Collector, Load, Scripted, Taking, fault::page};

use super::{charge, configuration, headers, proxy, requests};
use crate::rig::{Proxy, until};

/// What a proxy that samples every request makes of a load: the slowest answer but one in a hundred.
fn slowest(proxy: &Proxy) -> Duration {
    let load = Load::new(proxy.charge, 1_000.0, Duration::from_secs(3));
    let mut records = load.run();
    let failed: Vec<_> = records
        .iter()
        .filter(|record| !matches!(record.told, switchyard_faults::Told::Booked(_)))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    records.sort_by_key(|record| record.took);
    records[records.len() * 99 / 100].took
}

fn lost(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_trace_spans_dropped_total{{reason=\"{reason}\"}}"
    ))
}

#[test]
fn a_collector_that_hangs_or_is_gone_costs_requests_nothing_and_is_counted() {
    let substation = Scripted::working("500");
    let taking = Collector::start(Taking::All);
    let usual = slowest(&proxy(&[&substation], &taking, 1.0, ""));
    let hanging = Collector::start(Taking::Hanging);
    let gone = ClosedPort::new();
    for url in [hanging.url(), format!("http://{}", gone.address)] {
        let proxy = Proxy::start(&[substation.address], &configuration(&url, 1.0, ""));
        let slow = slowest(&proxy);
        // A wait for the collector would take seconds.
        assert!(
            slow < usual + Duration::from_millis(200),
            "{slow:?}, {usual:?}"
        );
        // 3,000 traces, 2,048 of which find a place in the queue, and one batch is under way.
        assert!(lost(&proxy, "queue_full") > 0.0, "{url}");
        assert_eq!(proxy.metric("switchyard_trace_spans_exported_total"), 0.0);
    }
}

#[test]
fn what_a_collector_does_not_take_is_said_once_and_when_it_comes_back() {
    let substation = Scripted::working("500");
    let collector = Collector::start(Taking::Status(503));
    let proxy = proxy(&[&substation], &collector, 0.0, "");
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    let said = proxy.logged("Traces are not delivered");
    assert!(said.contains("503"), "{said}");
    collector.set(Taking::All);
    let lines = proxy.logged_until("Traces are delivered again");
    assert!(!lines.iter().any(|line| line.contains("not delivered")));
    assert_eq!(requests(&collector, 1).len(), 3);
    until("the spans count", || {
        (proxy.metric("switchyard_trace_spans_exported_total") == 3.0).then_some(())
    });
}

#[test]
fn the_end_of_the_process_sends_what_waits_and_waits_for_no_hanging_collector() {
    let substation = Scripted::working("500");
    let taking = Collector::start(Taking::All);
    let mut one = proxy(&[&substation], &taking, 0.0, "");
    for _ in 0..20 {
        assert_eq!(charge(&one, &headers("01")).status, 200);
    }
    one.signal(Signal::SIGTERM);
    assert!(one.wait().success());
    assert_eq!(taking.taken().len(), 60);

    let hanging = Collector::start(Taking::Hanging);
    let mut one = proxy(&[&substation], &hanging, 0.0, "");
    assert_eq!(charge(&one, &headers("01")).status, 200);
    hanging.has_batches(1);
    let before = std::time::Instant::now();
    one.signal(Signal::SIGTERM);
    one.logged("Traces are lost at the end");
    assert!(one.wait().success());
    assert!(before.elapsed() < Duration::from_secs(6));
}

#[test]
fn another_collector_is_used_without_a_restart() {
    let substation = Scripted::charging(|| Act::Write(page("{}")));
    let [first, second] = [(); 2].map(|()| Collector::start(Taking::All));
    let proxy = proxy(&[&substation], &first, 0.0, "");
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    let file = proxy.files.path().join("switchyard.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&first.url(), &second.url())).unwrap();
    until("the new configuration", || {
        (proxy.metric("switchyard_config_version") == 2.0).then_some(())
    });
    assert_eq!(charge(&proxy, &headers("01")).status, 200);
    assert_eq!(requests(&second, 1).len(), 3);
    assert_eq!(
        requests(&first, 1).len(),
        3,
        "the first one gets what waited"
    );
}
