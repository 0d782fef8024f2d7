//! What it costs: the first paint, and the browser's memory over time.

use std::{
    env, thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{browser::Browser, rig::Proxy, substations::Substations};

/// What a first paint may take on loopback, in milliseconds.
const FIRST_PAINT: f64 = 200.0;
/// Loads until one is as fast as that.
const TRIES: usize = 20;
/// How long memory is watched, unless `PAGE_SECONDS` says otherwise.
const WATCHED: u64 = 60;
/// What the lines take that grow until they are five minutes long, in bytes. Pictures that were kept would be more in a
/// minute.
const LINES: f64 = 384.0 * 1024.0;
/// What caches and the first pictures may take until it is measured for the first time.
const WARM_UP: Duration = Duration::from_secs(20);

#[test]
fn the_first_paint_comes_at_once() {
    let substations = Substations::start(&[100.0; 3]);
    let proxy = Proxy::start(&substations.addresses, "");
    let Some(mut browser) = Browser::open(proxy.admin) else {
        return;
    };
    // One is enough: the first is the browser's own start, and this machine does other things too.
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
fn memory_is_flat_however_long_somebody_looks() {
    let seconds = env::var("PAGE_SECONDS").map_or(WATCHED, |text| text.parse().unwrap());
    let substations = Substations::start(&[1e6; 8]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 100ms}");
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
    // A minute more gives a chart's axis another text, but no further node.
    assert!(
        nodes_after <= nodes_before + 10,
        "{nodes_before} → {nodes_after} nodes"
    );
    browser.is_clean();
}
