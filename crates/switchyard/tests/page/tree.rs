//! The tree of feeders and substations: folding, marks, limits, a thousand leaves.
//!
//! The trees are made up, so that one feeder is full and another's meter is silent; the page and its port are real.

use serde_json::{Value, json};
use switchyard_faults::Scripted;

use crate::{
    browser::Browser,
    hostile::{pretend, snapshot},
    rig::{Proxy, until, yaml},
    substations::Substations,
};

fn feeder(name: &str, parent: Option<&str>, estimate: f64, capacity: f64) -> Value {
    json!({
        "name": name, "parent": parent, "state": "up", "load": estimate, "capacity": capacity,
        "estimate": estimate, "age_seconds": null,
    })
}

fn substation(name: &str, feeder: Option<&str>, estimate: f64, binding: Option<&str>) -> Value {
    json!({
        "name": name, "address": "192.168.1.1:15001", "state": "up", "in_rotation": true, "load": estimate,
        "capacity": 200.0, "estimate": estimate, "unseen": 0.0, "age_seconds": 0.3, "in_flight": 0, "assigned": 1,
        "feeder": feeder, "binding": binding,
    })
}

/// A port that shows these feeders and substations, and the real proxy behind it.
fn page(feeders: Value, substations: Value) -> (Substations, Proxy, Scripted) {
    let real = Substations::start(&[100.0]);
    let proxy = Proxy::start(&real.addresses, "load: {interval: 20ms}");
    let mut shown = snapshot(&proxy);
    assert_eq!(shown.get("feeders"), None, "none are configured");
    shown["feeders"] = feeders;
    shown["substations"] = substations;
    let port = pretend(&proxy, shown);
    (real, proxy, port)
}

/// A transformer, a full feeder, and one with a limit whose meter is silent.
fn town() -> (Substations, Proxy, Scripted) {
    let mut silent = feeder("feeder8", Some("trafo2"), 150.0, 304.0);
    silent["state"] = json!("stale");
    silent["age_seconds"] = json!(45.0);
    silent["limit"] =
        json!({"value": 200.0, "source": "dso", "until": null, "fallback_in_force": true});
    page(
        json!([
            feeder("trafo2", None, 450.0, 630.0),
            feeder("feeder7", Some("trafo2"), 300.0, 304.0),
            silent
        ]),
        json!([
            substation("north", Some("feeder7"), 180.0, Some("feeder7")),
            substation("south", Some("feeder7"), 120.0, Some("feeder7")),
            substation("east", Some("feeder8"), 150.0, Some("feeder8")),
            substation("alone", None, 10.0, None),
        ]),
    )
}

const LINES: &str =
    "return [...document.querySelectorAll('#tree li')].map((line) => line.dataset.name)";

fn at(name: &str) -> String {
    format!("document.querySelector('#tree li[data-name=\"{name}\"]')")
}

#[test]
fn without_feeders_the_page_neither_shows_the_tree_nor_fetches_its_code() {
    let substations = Substations::start(&[100.0; 2]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let found = browser.run(
        "return [document.getElementById('feeders').checkVisibility(), document.getElementById('to-feeders').checkVisibility(), performance.getEntriesByType('resource').filter(({name}) => name.includes('tree.js')).length]",
    );
    assert_eq!(found, json!([false, false, 0]));
    browser.keys("?");
    assert_eq!(browser.text("#last-section"), "5");
    browser.is_clean();
}

#[test]
fn the_tree_shows_each_level_what_binds_what_is_full_and_what_is_silent() {
    let (_substations, _proxy, port) = town();
    let Some(browser) = Browser::open(port.address) else {
        return;
    };
    browser.until(
        "all lines",
        "return document.querySelectorAll('#tree li').length === 7",
    );
    assert_eq!(
        browser.run(LINES),
        json!([
            "trafo2", "feeder7", "north", "south", "feeder8", "east", "alone"
        ])
    );
    let levels = browser.run("return [...document.querySelectorAll('#tree li')].map((line) => [line.ariaLevel, line.ariaExpanded, line.ariaPosInSet, line.ariaSetSize].join())");
    assert_eq!(
        levels,
        json!([
            "1,true,1,2",
            "2,true,1,2",
            "3,,1,2",
            "3,,2,2",
            "2,true,2,2",
            "3,,1,1",
            "1,,2,2"
        ])
    );
    let binds = browser.run("return [...document.querySelectorAll('#tree li[data-binds]')].map((line) => line.dataset.name)");
    assert_eq!(binds, json!(["feeder7", "feeder8"]));
    for (name, words) in [
        ("trafo2", &["71.4 %", "450 of 630", "3 substations"][..]),
        ("feeder7", &["◆", "98.7 %", "300 of 304", "full"]),
        (
            "feeder8",
            &[
                "◆",
                "75.0 %",
                "150 of 200",
                "meter silent, 45 s",
                "fallback 200 kW, since dso is silent",
            ],
        ),
        ("north", &["90.0 %", "180 of 200"]),
    ] {
        let said = browser.text(&format!("#tree li[data-name={name}]"));
        for word in words {
            assert!(said.contains(word), "{name}: {word}: {said}");
        }
    }
    let tone = |name: &str| browser.run(&format!("return {}.dataset.tone ?? ''", at(name)));
    assert_eq!(
        (tone("feeder7"), tone("feeder8")),
        (json!("full"), json!("old"))
    );
    let width = browser.run(&format!(
        "const [load, room] = ['.load', '.room'].map((part) => {}.querySelector(part).getBoundingClientRect().width); return load / room",
        at("feeder8")
    ));
    let share = width.as_f64().unwrap();
    assert!((share - 150.0 / 304.0).abs() < 0.02, "{share}");
    let aside = browser.text("#feeders-aside");
    for word in [
        "3 feeders",
        "1 full",
        "1 with a silent meter",
        "1 with a limit",
    ] {
        assert!(aside.contains(word), "{word}: {aside}");
    }
    assert!(
        browser
            .text("#rows tr[data-name=north] th")
            .contains("on feeder7")
    );
    for theme in ["light", "dark"] {
        browser.theme(theme);
        let faint = browser.run(&crate::look::faint());
        assert_eq!(faint, json!([]), "{theme}");
    }
    for width in [320, 400, 640, 641, 900, 1280] {
        browser.size(width, 800);
        let fits = browser.run("const box = document.getElementById('tree').getBoundingClientRect(); const beyond = [...document.querySelectorAll('#tree li *')].filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > box.right + 0.5); return [document.documentElement.scrollWidth, beyond.map((node) => node.textContent)]");
        assert_eq!(fits, json!([width, []]), "at {width}");
    }
    browser.is_clean();
}

#[test]
fn branches_fold_by_click_and_by_keyboard_and_stay_folded() {
    let (_substations, _proxy, port) = town();
    let Some(browser) = Browser::open(port.address) else {
        return;
    };
    browser.until(
        "all lines",
        "return document.querySelectorAll('#tree li').length === 7",
    );
    browser.click("#tree li[data-name=feeder7] .name");
    assert_eq!(
        browser.run(LINES),
        json!(["trafo2", "feeder7", "feeder8", "east", "alone"])
    );
    assert_eq!(
        browser.run(&format!("return {}.ariaExpanded", at("feeder7"))),
        "false"
    );

    // The keyboard: one line is reached by Tab, arrows do the rest.
    let tab = "return [...document.querySelectorAll('#tree li')].filter((line) => line.tabIndex === 0).map((line) => line.dataset.name)";
    assert_eq!(browser.run(tab), json!(["feeder7"]));
    let focus = || browser.run("return document.activeElement.dataset.name");
    let (left, right) = ("\u{e012}", "\u{e014}");
    let (up, down, home, end) = ("\u{e013}", "\u{e015}", "\u{e011}", "\u{e010}");
    browser.keys(right);
    assert_eq!(browser.run(LINES).as_array().unwrap().len(), 7, "unfolded");
    browser.keys(right);
    assert_eq!(focus(), "north", "the first of its lines");
    browser.keys(down);
    assert_eq!(focus(), "south");
    browser.keys(left);
    assert_eq!(focus(), "feeder7", "the line above");
    browser.keys(&format!("{left}{up}"));
    assert_eq!(focus(), "trafo2");
    browser.keys(" ");
    assert_eq!(browser.run(LINES), json!(["trafo2", "alone"]));
    let said = browser.text("#tree li[data-name=trafo2]");
    assert!(said.contains("fullest below: feeder7, 98.7 %"), "{said}");
    browser.keys(end);
    assert_eq!(focus(), "alone");
    browser.keys("\u{e007}");
    browser.until(
        "Enter shows a substation in the table",
        "return document.querySelector('#rows tr').dataset.name === 'alone'",
    );
    browser.run(&format!("{}.focus()", at("alone")));
    browser.keys(&format!("{home}\u{e007}"));
    assert_eq!(focus(), "trafo2");
    assert_eq!(
        browser.run(LINES),
        json!(["trafo2", "feeder7", "feeder8", "east", "alone"]),
        "feeder7 stays folded"
    );
    browser.click("#unfold");
    assert_eq!(browser.run(LINES).as_array().unwrap().len(), 7);
    browser.click("#fold");
    assert_eq!(browser.run(LINES), json!(["trafo2", "alone"]));
    browser.run("document.activeElement.blur()");
    browser.keys("3");
    assert_eq!(
        browser.run("return document.activeElement.id"),
        "feeders-title"
    );
    browser.is_clean();
}

#[test]
fn a_choice_says_which_level_binds() {
    let (_substations, proxy, _) = town();
    let mut shown = snapshot(&proxy);
    shown["decisions"] = json!([{
        "unix_seconds": 1e9, "load": 11.0, "substation": "north", "reason": "least_load", "margin": 0.1, "share": 1.0,
        "candidates": [
            {"substation": "north", "sample": 1.0, "sample_age_seconds": 0.1, "unseen_load": 0.0, "estimated_load": 1.0,
             "capacity": 200.0, "score": 0.9, "binding": "feeder7"},
        ],
    }]);
    let port = pretend(&proxy, shown);
    let Some(browser) = Browser::open(port.address) else {
        return;
    };
    browser.click("#choices button");
    let detail = browser.text("#choices .detail");
    for word in ["Binds", "feeder7", "the one that binds"] {
        assert!(detail.contains(word), "{word}: {detail}");
    }
}

/// The longest that a thousand lines may take to be drawn once more, in milliseconds.
const REDRAWN: f64 = 50.0;

#[test]
fn a_thousand_leaves_are_folded_at_first_and_fast_when_all_are_shown() {
    let feeders: Value = (0..50)
        .map(|at| {
            feeder(
                &format!("f{at}"),
                (at > 0).then_some("f0"),
                1_000.0,
                5_000.0,
            )
        })
        .collect();
    let substations: Value = (0..1_000)
        .map(|at| {
            let (name, feeder) = (format!("s{at}"), format!("f{}", 1 + at % 2));
            substation(&name, Some(&feeder), 50.0, Some(&name))
        })
        .collect();
    let (_substations, _proxy, port) = page(feeders, substations);
    let Some(browser) = Browser::open(port.address) else {
        return;
    };
    browser.until(
        "the feeders, without substations",
        "return document.querySelectorAll('#tree li').length === 50",
    );
    browser.click("#tree li[data-name=f1] .name");
    let count = || browser.run("return document.querySelectorAll('#tree li').length");
    assert_eq!(count(), 50 + 26, "some of them, and a line that shows more");
    let more = browser.text("#tree li[data-kind=more]");
    assert_eq!(more, "Show 475 more");
    browser.run(&format!("{}.focus()", at("more f1")));
    browser.keys("\u{e007}");
    assert_eq!(count(), 50 + 500);
    assert_eq!(
        browser.run("return document.activeElement.dataset.name"),
        "s50",
        "the first of those that came"
    );
    browser.click("#tree li[data-name=f2] .name");
    browser.run("document.querySelector('#tree li[data-kind=more]').click()");
    assert_eq!(count(), 50 + 1_000);
    // One quick time is enough: the machine may be busy.
    let took = "const started = performance.now(); document.getElementById('unfold').click(); document.getElementById('tree').getBoundingClientRect(); return performance.now() - started";
    let times: Vec<_> = (0..10)
        .map(|_| browser.run(took).as_f64().unwrap())
        .collect();
    println!("a thousand leaves redrawn, in ms: {times:.1?}");
    assert!(times.iter().any(|took| *took < REDRAWN), "{times:?}");
    browser.is_clean();
}

#[test]
fn the_tree_of_a_real_proxy_follows_its_bookings() {
    let substations = Substations::start(&[100.0; 3]);
    let text = yaml(
        &substations.addresses,
        "load: {interval: 20ms}\nfeeders: [{name: trafo2, capacity: 200}, {name: feeder7, parent: trafo2, capacity: 60}]\n",
    );
    let text = text
        .replacen("{name: s1, ", "{name: s1, feeder: feeder7, ", 1)
        .replacen("{name: s2, ", "{name: s2, feeder: feeder7, ", 1);
    let proxy = Proxy::ready_from(&text);
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    browser.until(
        "the tree",
        "return document.querySelectorAll('#tree li').length === 5",
    );
    assert_eq!(
        browser.run(LINES),
        json!(["trafo2", "feeder7", "s1", "s2", "s3"])
    );
    // Three fill feeder7, however much room s1 and s2 have, and five fill s3. While a sample may or may not have seen a
    // booking, the proxy counts it twice rather than not at all: then there is room with the next sample only.
    let mut booked = 0;
    until("eight are booked", || {
        let answer = proxy.charge(r#"{"power_kw": 20, "energy_kwh": 100}"#);
        assert!([200, 503].contains(&answer.status), "{}", answer.status);
        booked += u32::from(answer.status == 200);
        (booked == 8).then_some(())
    });
    browser.until(
        "it is full",
        &format!("return {}.dataset.tone === 'full'", at("feeder7")),
    );
    browser.until(
        "it binds",
        &format!("return 'binds' in {}.dataset", at("feeder7")),
    );
    let said = browser.text("#tree li[data-name=feeder7]");
    assert!(said.contains("60.0 of 60.0 kW"), "{said}");
    browser.until(
        "the verdict says so",
        "return document.getElementById('sentence').textContent.includes('feeder7 is full')",
    );
    browser.is_clean();
}
