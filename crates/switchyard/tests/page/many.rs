//! A thousand substations.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use switchyard_faults as client;

use crate::{
    browser::Browser,
    rig::{Proxy, until},
    substations::Substations,
};

const MANY: usize = 1_000;

/// A thousand real substations: the seventh is drained, the last one loaded.
pub(crate) fn grid() -> (Substations, Proxy) {
    // Each is a listener and a connection.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let substations = Substations::start(&[100.0; MANY]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 1s, timeout: 900ms, stale_after: 10s}",
    );
    let last = substations.addresses[MANY - 1];
    assert_eq!(
        client::post(last, "/charge", r#"{"power_kw": 95}"#).status,
        200
    );
    assert_eq!(
        client::post(proxy.admin, "/substations/s7/drain", "").status,
        200
    );
    (substations, proxy)
}

#[test]
fn a_thousand_substations_stay_readable() {
    let (_substations, proxy) = grid();
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    browser.until(
        "a cell for each",
        &format!("return document.querySelectorAll('#strip i').length === {MANY}"),
    );
    assert_eq!(
        browser.run("return document.getElementById('bars').checkVisibility()"),
        false
    );
    until("the fullest is named", || {
        browser
            .text("#fullest")
            .contains("s1000, 95.0 %")
            .then_some(())
    });
    assert_eq!(
        browser.text("#sentence"),
        "s7 is draining: no new sessions."
    );
    let cell = |at: usize| format!("document.querySelectorAll('#strip i')[{at}]");
    assert_eq!(
        browser.run(&format!(
            "return {}.style.getPropertyValue('--u')",
            cell(MANY - 1)
        )),
        "95"
    );
    assert_eq!(
        browser.run(&format!("return {}.dataset.tone", cell(6))),
        "out"
    );
    let sizes = browser.run("const box = document.querySelector('#strip i').getBoundingClientRect(); return [box.width >= 8, box.height >= 16]");
    assert_eq!(sizes, json!([true, true]));

    // By keyboard: to the end, and on to the table.
    browser.run("document.getElementById('strip').focus()");
    browser.keys("\u{e010}");
    assert!(
        browser.text("#readout").contains("s1000: 95.0 %"),
        "{}",
        browser.text("#readout")
    );
    browser.keys("\u{e007}");
    browser.until(
        "the table shows it",
        "return document.querySelector('#rows tr').dataset.name === 's1000'",
    );

    let shown = browser.run("document.getElementById('filter').value = ''; document.getElementById('filter').dispatchEvent(new Event('input')); return document.querySelectorAll('#rows tr').length");
    assert!(shown.as_u64().unwrap() <= 25, "{shown}");
    browser.run("document.getElementById('more').click()");
    assert_eq!(
        browser.run("return document.querySelectorAll('#rows tr').length"),
        MANY
    );
    browser.size(400, 800);
    assert_eq!(
        browser.run("return document.documentElement.scrollWidth"),
        400
    );
    browser.is_clean();
}
