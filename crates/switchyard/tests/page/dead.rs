//! A dead substation counts as dead wherever it is shown; and what a page shows that was just opened.

use serde_json::{Value, json};
use switchyard_faults::ClosedPort;

use crate::{
    browser::Browser,
    rig::{Proxy, until},
    substations::Substations,
};

#[test]
fn a_dead_substation_lends_no_capacity_and_is_first_in_the_table() {
    let substations = Substations::start(&[100.0, 300.0]);
    let gone = ClosedPort::new();
    let addresses = [
        substations.addresses[0],
        substations.addresses[1],
        gone.address,
    ];
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms}");
    for _ in 0..4 {
        proxy.charge(r#"{"power_kw": 50}"#);
    }
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let dead = &|status: &Value| status["substations"][2]["health"]["can_charge"] == false;
    until("it is out of rotation", || {
        dead(&proxy.status()).then_some(())
    });
    until("it says what is in rotation", || {
        let said = browser.text("#fullest");
        (said.contains("50.0 %") && said.contains("In rotation 200 kW of 400 kW.")).then_some(())
    });
    assert_eq!(browser.text("#sentence"), "s3 is unreachable.");
    assert!(
        browser
            .text("#balance-aside")
            .contains("3 substations, 2 in rotation")
    );
    assert_eq!(
        browser.run("return document.querySelector('#rows tr').dataset.name"),
        "s3"
    );
    let row = browser.text("#rows tr");
    assert!(
        row.contains("back with the first scrape that reaches it"),
        "{row}"
    );
    assert!(!row.contains("0 s\n") && !row.contains("trial"), "{row}");
    assert_eq!(
        proxy.status()["substations"][2]["health"]["trial_in_seconds"],
        Value::Null
    );
    let tone = "return document.querySelector('#bars li[data-name=s3]').dataset.tone";
    assert_eq!(browser.run(tone), "dead");
    assert!(browser.text("#legend").contains("out of rotation"));
    // Sorted by its state, too, it is the first.
    browser.click("#heads th:nth-child(3) button");
    assert_eq!(
        browser.run("return document.querySelector('#rows tr').dataset.name"),
        "s3"
    );
    browser.is_clean();
}

#[test]
fn a_page_that_was_just_opened_has_its_charts() {
    let substations = Substations::start(&[100.0, 300.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    for _ in 0..4 {
        proxy.charge(r#"{"power_kw": 50}"#);
    }
    let past = || proxy.get("/history").json();
    until("five seconds without a viewer are kept", || {
        let known = past()["series"]["imbalance"]
            .as_array()?
            .iter()
            .filter(|value| value.is_number())
            .count();
        (known >= 5).then_some(())
    });
    let kept = past();
    assert_eq!(kept["step_seconds"], 1.0);
    assert_eq!(
        kept["series"]["most"].as_array().unwrap().last(),
        Some(&json!(0.5))
    );
    assert_eq!(
        kept["substations"]["s1"].as_array().unwrap().len(),
        kept["series"]["mean"].as_array().unwrap().len()
    );
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let points = browser.run(
        "return [...document.querySelectorAll('#usage .curve, #evenness .curve')].map((line) => line.getAttribute('d').match(/[ML]/g).length)",
    );
    let points: Vec<_> = points
        .as_array()
        .unwrap()
        .iter()
        .map(|points| points.as_u64().unwrap())
        .collect();
    assert_eq!(points.len(), 3);
    assert!(points.iter().all(|points| *points >= 5), "{points:?}");
    let rate = browser.text("#stats dd.value");
    assert!(rate.ends_with("/s") && !rate.starts_with('–'), "{rate}");
    browser.is_clean();
}
