//! The cost of the page: its first paint, and the browser's memory over time.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{browser::Browser, rig::Proxy, substations::Substations};

/// The longest first paint allowed on loopback, in milliseconds.
const FIRST_PAINT: f64 = 200.0;
/// How many loads may be tried until one is as fast as that.
const TRIES: usize = 20;
/// How long memory is watched, unless `PAGE_SECONDS` says otherwise.
const WATCHED: u64 = 60;
/// Bytes that the chart lines take while they grow to five minutes. Snapshots that were kept would
/// take more in a minute.
const LINES: f64 = 384.0 * 1024.0;
/// The time before the first measurement, for caches and the first snapshots.
const WARM_UP: Duration = Duration::from_secs(20);

#[test]
fn the_first_paint_is_fast() {
    let substations = Substations::start(&[100.0; 3]);
    let proxy = Proxy::start(&substations.addresses, "");
    let Some(mut browser) = Browser::open(proxy.admin) else {
        return;
    };
    // One fast load is enough: the first includes the browser's own start, and the machine may be
    // busy.
    let mut paints = Vec::new();
    while paints.last().is_none_or(|paint| *paint > FIRST_PAINT) {
        assert!(paints.len() < TRIES, "{paints:.0?}");
        browser.go();
        let paint = browser
            .run("return performance.getEntriesByName('first-contentful-paint')[0].startTime");
        paints.push(paint.as_f64().unwrap());
    }
    println!("first paints, in ms: {paints:.0?}");
    browser.is_clean();
}

/// Bytes in use and nodes in the document, after the garbage has been collected.
fn in_use(browser: &Browser) -> (f64, u64) {
    browser.devtools("HeapProfiler.collectGarbage", &json!({}));
    browser.devtools("HeapProfiler.collectGarbage", &json!({}));
    let heap = browser.devtools("Runtime.getHeapUsage", &json!({}));
    let nodes = browser.run("return document.getElementsByTagName('*').length");
    (heap["usedSize"].as_f64().unwrap(), nodes.as_u64().unwrap())
}

#[test]
fn memory_stays_flat_while_the_page_is_open() {
    let seconds = env::var("PAGE_SECONDS").map_or(WATCHED, |text| text.parse().unwrap());
    let substations = Substations::start(&[1e6; 8]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 100ms, timeout: 5s}",
    );
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let watch = |length: Duration| {
        let end = Instant::now() + length;
        while Instant::now() < end {
            proxy.charge("");
            thread::sleep(Duration::from_millis(20));
        }
    };
    watch(WARM_UP);
    let (before, nodes_before) = in_use(&browser);
    watch(Duration::from_secs(seconds));
    let (after, nodes_after) = in_use(&browser);
    println!(
        "after {seconds} s: {before:.0} → {after:.0} bytes, {nodes_before} → {nodes_after} nodes"
    );
    assert!(after < before + LINES, "{before} → {after} bytes");
    // Another minute changes a text of a chart's axis, but adds no node.
    assert!(
        nodes_after <= nodes_before + 10,
        "{nodes_before} → {nodes_after} nodes"
    );
    browser.is_clean();
}
