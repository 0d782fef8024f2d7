//! Using the page: watch a rush hour, drain a substation, lose the connection.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use nix::sys::signal::Signal;
use switchyard_faults::RedisServer;

use crate::{
    browser::Browser,
    rig::{Proxy, until, yaml},
    substations::Substations,
};

/// `switchyard demo`: a rush hour with everything it needs. Killed when dropped.
pub(crate) struct Demo(Child, tempfile::TempDir);

impl Demo {
    /// Starts it, and reads the page's address from its output.
    pub(crate) fn start(duration: &str, hours: &str, sessions: &str) -> (Self, SocketAddr) {
        let folder = tempfile::TempDir::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args([
                "demo",
                "--duration",
                duration,
                "--hours",
                hours,
                "--sessions",
                sessions,
                "--report",
            ])
            .arg(folder.path().join("run.html"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let page = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.strip_prefix("  Watch it live: http://")?;
            address.strip_suffix('/')?.parse().ok()
        });
        // Read its output to the end, so that it can go on writing.
        std::thread::spawn(move || lines.for_each(drop));
        (
            Self(child, folder),
            page.expect("it prints the page's address"),
        )
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The widths of the bars, in pixels.
const WIDTHS: &str = "return [...document.querySelectorAll('#bars .load')].map((bar) => bar.getBoundingClientRect().width)";

fn widths(browser: &Browser) -> Vec<f64> {
    let widths = browser.run(WIDTHS);
    widths
        .as_array()
        .unwrap()
        .iter()
        .map(|width| width.as_f64().unwrap())
        .collect()
}

#[test]
fn in_a_rush_hour_bars_grow_and_the_load_stays_even() {
    let (demo, admin) = Demo::start("60s", "16:00-20:00", "8000");
    let Some(browser) = Browser::open(admin) else {
        return;
    };
    until("three bars", || (widths(&browser).len() == 3).then_some(()));
    let before = widths(&browser);
    until("all bars have grown by a tenth of the window", || {
        widths(&browser)
            .iter()
            .zip(&before)
            .all(|(now, before)| now - before > 30.0)
            .then_some(())
    });
    let looks = (0..5).map(|_| {
        let last = browser.text("#link-text");
        until("another snapshot", || {
            (browser.text("#link-text") != last).then_some(())
        });
        browser
            .text("#imbalance")
            .parse::<f64>()
            .expect("there is load enough to compare")
    });
    for imbalance in looks {
        assert!((1.0..1.1).contains(&imbalance), "{imbalance}");
    }
    assert_eq!(browser.text("#sentence"), "Healthy: no problems found.");
    let rate = browser.text("#stats dd.value");
    assert!(
        rate.ends_with("/s") && !rate.starts_with(['–', '0']),
        "{rate}"
    );
    assert!(
        browser.text("#fullest").contains(" %"),
        "{}",
        browser.text("#fullest")
    );
    let lines = browser
        .run("return document.querySelectorAll('#usage .curve')[0].getAttribute('d').length");
    assert!(lines.as_u64().unwrap() > 20, "a line that goes on: {lines}");
    browser.is_clean();
    drop(demo);
}

#[test]
fn a_click_shows_why_a_choice_was_made_and_pauses_the_list() {
    let substations = Substations::start(&[100.0, 200.0]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    proxy.charge(r#"{"power_kw": 22}"#);
    browser.until(
        "a choice",
        "return document.querySelectorAll('#choices li').length === 1",
    );
    let line = browser.text("#choices li");
    assert!(
        line.contains("22.0 kW") && line.contains("→ s2") && line.contains("lowest score"),
        "{line}"
    );
    browser.click("#choices button");
    let detail = browser.text("#choices .detail");
    for word in [
        "s2, chosen",
        "100 kW",
        "200 kW",
        "0.1100",
        "0.2200",
        "0.1100 below the next",
    ] {
        assert!(detail.contains(word), "{word}: {detail}");
    }
    proxy.charge("");
    let total = "return document.querySelector('#stats .more').textContent.startsWith('2 ')";
    browser.until("the second is counted", total);
    assert_eq!(
        browser.run("return document.querySelectorAll('#choices li').length"),
        1
    );
    browser.keys("\u{e00c}");
    // The pointer still rests on the list, which pauses it as well.
    browser.click("#sentence");
    browser.until(
        "both are shown",
        "return document.querySelectorAll('#choices li').length === 2",
    );
    browser.is_clean();
}

#[test]
fn a_click_drains_a_substation_and_another_undrains_it() {
    let substations = Substations::start(&[1_000.0; 2]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    for _ in 0..20 {
        proxy.charge("");
    }
    let bar = "#bars li[data-name=s1] .load";
    browser.until("both have load", "return [...document.querySelectorAll('#bars .load')].every((bar) => bar.getBoundingClientRect().width > 20)");

    browser.click("#rows tr[data-name=s1] button");
    assert!(
        browser.text("#confirm").contains("Drain s1?"),
        "{}",
        browser.text("#confirm")
    );
    browser.click("#confirm-no");
    assert_eq!(
        proxy.status()["substations"][0]["state"],
        "up",
        "asked, and left"
    );
    browser.click("#rows tr[data-name=s1] button");
    browser.click("#confirm-reason");
    browser.keys("new roof");
    browser.click("#confirm-yes");
    browser.until(
        "the table says so",
        "return document.querySelector('#rows tr[data-name=s1] .tag').textContent === 'draining'",
    );
    assert_eq!(proxy.status()["substations"][0]["state"], "draining");
    assert_eq!(
        browser.text("#sentence"),
        "s1 is draining (new roof): no new sessions."
    );
    assert_eq!(
        browser.text("#rows tr[data-name=s1] .note"),
        "new roof (drained by operator at 127.0.0.1, at this proxy)"
    );
    assert_eq!(
        proxy.status()["substations"][0]["drain"]["reason"],
        "new roof"
    );
    assert!(browser.text("#bars li[data-name=s1]").contains("draining"));
    browser.until(
        "the dialog is gone",
        "return !document.getElementById('confirm').open",
    );

    // Its bar stops growing, while the other's grows.
    let width = |name: &str| {
        let script = format!(
            "return document.querySelector('#bars li[data-name={name}] .load').getBoundingClientRect().width"
        );
        browser.run(&script).as_f64().unwrap()
    };
    let (ours, theirs) = (width("s1"), width("s2"));
    for _ in 0..20 {
        assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
    }
    until("the other's bar has grown", || {
        (width("s2") > theirs + 20.0).then_some(())
    });
    assert!(
        (width("s1") - ours).abs() < 2.0,
        "{ours} and {}",
        width("s1")
    );

    browser.click("#rows tr[data-name=s1] button");
    assert!(browser.text("#confirm").contains("Undrain s1?"));
    browser.click("#confirm-yes");
    browser.until(
        "it is up",
        "return document.querySelector('#rows tr[data-name=s1] .tag').textContent === 'up'",
    );
    assert_eq!(proxy.status()["substations"][0]["state"], "up");
    assert_eq!(
        browser.run(&format!("return document.querySelectorAll('{bar}').length")),
        1
    );
    browser.is_clean();
}

#[test]
fn in_a_fleet_a_drain_may_be_kept_to_one_proxy_and_the_page_says_what_refuses_an_undrain() {
    let store = RedisServer::start();
    let substations = Substations::start(&[1_000.0; 2]);
    let fleet = format!("fleet: {{store: \"{}\"}}", store.store());
    let mut text = yaml(&substations.addresses, &fleet);
    // The second drains by the configuration.
    text = text.replacen("  - {name: s2, ", "  - {name: s2, drain: true, ", 1);
    let proxy = Proxy::start_from(&text);
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    browser.until(
        "the store's state",
        "return document.getElementById('facts').textContent.includes('Store of the fleetup')",
    );
    browser.click("#rows tr[data-name=s2] button");
    browser.click("#confirm-yes");
    browser.until(
        "the reason",
        "return document.getElementById('confirm-error').textContent.includes('substations[].drain')",
    );
    browser.click("#confirm-no");
    browser.click("#rows tr[data-name=s1] button");
    browser.click("#confirm-local");
    browser.click("#confirm-yes");
    browser.until(
        "the table says so",
        "return document.querySelector('#rows tr[data-name=s1] .tag').textContent === 'draining'",
    );
    assert_eq!(proxy.status()["substations"][0]["drain"]["local"], true);
    browser.click("#rows tr[data-name=s1] button");
    browser.click("#confirm-yes");
    browser.until(
        "it is up",
        "return document.querySelector('#rows tr[data-name=s1] .tag').textContent === 'up'",
    );
    browser.is_clean_but_for(|line| line.contains("400"));
}

#[test]
fn the_bar_of_a_drained_substation_shrinks_to_nothing_with_its_sessions() {
    let mut config = substation::Config::new("s1", 1_000.0);
    // An hour of charging in a second.
    config.time_scale = 3_600.0;
    let substations = Substations::of([config, substation::Config::new("s2", 1_000.0)]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let charge = r#"{"power_kw": 50, "energy_kwh": 200}"#;
    while proxy.charge(charge).header("x-substation") != Some("s1") {}
    proxy.charge(charge);
    let width = |name: &str| {
        let script = format!(
            "return document.querySelector('#bars li[data-name={name}] .load').getBoundingClientRect().width"
        );
        browser.run(&script).as_f64().unwrap()
    };
    until("its bar is there", || (width("s1") > 10.0).then_some(()));
    browser.click("#rows tr[data-name=s1] button");
    browser.click("#confirm-yes");
    until("its bar has ended", || (width("s1") < 1.0).then_some(()));
    assert!(width("s2") > 10.0);
    browser.is_clean();
}

#[test]
fn the_page_reports_a_lost_connection_and_reconnects() {
    let substations = Substations::start(&[100.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    proxy.signal(Signal::SIGSTOP);
    browser.until(
        "it says so",
        "return document.getElementById('link').dataset.state === 'lost'",
    );
    let said = browser.text("#link-text");
    assert!(
        said.contains("not connected") && said.contains("showing data from"),
        "{said}"
    );
    assert_eq!(
        browser.run("return document.body.classList.contains('is-old')"),
        true
    );
    assert!(
        browser.text("#bars").contains("s1"),
        "the last snapshot stays"
    );
    proxy.signal(Signal::SIGCONT);
    browser.until(
        "it is live again",
        "return document.getElementById('link').dataset.state === 'live'",
    );
    assert_eq!(
        browser.run("return document.body.classList.contains('is-old')"),
        false
    );
    browser.is_clean();
}

#[test]
fn the_page_reconnects_to_a_restarted_proxy() {
    let substations = Substations::start(&[100.0]);
    let mut proxy = Proxy::start(&substations.addresses, "");
    let Some(browser) = Browser::open(proxy.admin) else {
        return;
    };
    let admin = proxy.admin;
    proxy.signal(Signal::SIGTERM);
    assert!(proxy.wait().success());
    browser.until(
        "it says so",
        "return document.getElementById('link').dataset.state === 'lost'",
    );
    let yaml = yaml(&substations.addresses, "");
    let again = Proxy::start_from(&yaml.replace(
        "admin: {listen: 127.0.0.1:0}",
        &format!("admin: {{listen: {admin}}}"),
    ));
    assert_eq!(again.admin, admin);
    browser.until(
        "it is live again",
        "return document.getElementById('link').dataset.state === 'live'",
    );
    drop(again);
    // Only the failed connections may be in the console.
    browser.is_clean_but_for(|message| {
        message.contains("ERR_CONNECTION_REFUSED")
            || message.contains("ERR_INCOMPLETE_CHUNKED_ENCODING")
    });
}

#[test]
fn the_page_asks_for_a_token_keeps_it_and_rejects_a_wrong_token() {
    let substations = Substations::start(&[100.0]);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("token");
    let token = "0123456789abcdef0123456789abcdef";
    fs::write(&file, token).unwrap();
    let admin = format!(
        "admin: {{listen: 127.0.0.1:0, token_file: {}}}",
        file.display()
    );
    let proxy = Proxy::start(&substations.addresses, &admin);
    let Some(mut browser) = Browser::open_asking(proxy.admin) else {
        return;
    };
    let asks = "return document.getElementById('login').open";
    browser.until("it asks for the token", asks);
    assert_eq!(browser.text("#login-error"), "");
    // Dismissed, it comes again; and then the typed token is used once.
    browser.run("document.getElementById('login').close()");
    browser.until("it asks again", asks);
    browser.click("#token");
    browser.keys("wrong\u{e007}");
    browser.until(
        "it says that it is wrong",
        "return document.getElementById('login-error').textContent.includes('does not match')",
    );
    browser.until("it asks once more", asks);
    browser.click("#token");
    browser.keys(&format!("{token}\u{e007}"));
    browser.until(
        "it is live",
        "return document.getElementById('link').dataset.state === 'live'",
    );
    assert_eq!(browser.run(asks), false);
    // The tab keeps it, and commands send it, too.
    browser.go();
    assert_eq!(browser.run(asks), false);
    browser.click("#rows tr[data-name=s1] button");
    browser.click("#confirm-yes");
    browser.until(
        "the table says so",
        "return document.querySelector('#rows tr[data-name=s1] .tag').textContent === 'draining'",
    );
    browser.is_clean_but_for(|message| message.contains("401 (Unauthorized)"));
}
