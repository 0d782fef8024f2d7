//! Limits that go on: over a reload, in the next process, after a restart.

use std::{collections::HashMap, fs, net::SocketAddr, thread, time::Duration};

use nix::sys::signal::Signal;
use serde_json::Value;
use switchyard_faults as client;

use super::{ask, books, comes, in_force, put, time};
use crate::{
    rig::{Proxy, replace, until},
    substations::Substations,
    upgrade::{Here, same_ports},
};

/// What `/limits` says, without what grows with time.
fn listed(proxy: &Proxy) -> Value {
    let mut all = ask(proxy, "GET", "/limits", "").json();
    for one in all["limits"].as_array_mut().unwrap() {
        one["heartbeat_age_seconds"].take();
    }
    all["limits"].take()
}

/// One limit in each state, of `s1` to `s4`.
fn arrange(proxy: &Proxy) {
    let (from, until_) = (time(Duration::from_hours(1)), time(Duration::from_hours(2)));
    put(proxy, "s1", r#"{"value": 0, "source": "dso"}"#);
    put(
        proxy,
        "s2",
        &format!(r#"{{"value": 7, "source": "dso", "from": "{from}", "until": "{until_}"}}"#),
    );
    put(
        proxy,
        "s3",
        r#"{"value": 8, "source": "dso", "fallback": 0, "heartbeat": "1ms"}"#,
    );
    put(
        proxy,
        "s3",
        r#"{"value": 900, "source": "ems", "fallback": 1, "heartbeat": "1h"}"#,
    );
    put(
        proxy,
        "s4",
        &format!(r#"{{"value": 5, "source": "Süd & Co", "until": "{until_}"}}"#),
    );
    until("the fallback", || {
        in_force(proxy, "s3")["fallback_in_force"]
            .as_bool()
            .filter(|is| *is)
    });
}

#[test]
fn a_reload_keeps_limits_and_a_name_that_comes_back_has_its_own() {
    let substations = Substations::start(&[1e6; 3]);
    let [one, two, three] = substations.addresses[..] else {
        unreachable!()
    };
    let proxy = Proxy::start(&[one, two], "");
    let reload = |addresses: &[SocketAddr], extra: &str| {
        let file = proxy.files.path().join("switchyard.yaml");
        replace(file, same_ports(&proxy, addresses, extra));
        assert_eq!(client::post(proxy.admin, "/reload", "").status, 200);
    };
    put(&proxy, "s2", r#"{"value": 0, "source": "dso"}"#);
    put(&proxy, "s1", r#"{"value": 0, "source": "dso"}"#);
    let before = listed(&proxy);
    assert!(!books(&proxy));
    reload(&[one, two], "policy: random");
    assert_eq!(listed(&proxy), before);
    assert!(!books(&proxy));
    // It moves to another address, and leaves, and comes back.
    reload(&[one, three], "");
    until("it is sampled", || {
        (proxy.status()["substations"][1]["sample_age_seconds"] != Value::Null).then_some(())
    });
    assert!(!books(&proxy));
    reload(&[one], "");
    assert!(!books(&proxy));
    assert_eq!(listed(&proxy), before);
    // While it is away, its source is heard, and may set another.
    put(&proxy, "s2", r#"{"value": 2, "source": "dso"}"#);
    assert!(!books(&proxy));
    reload(&[one, two], "");
    // While a sample can't say whether it has the first, there is no room for the second.
    for _ in 0..2 {
        until("it takes charges", || books(&proxy).then_some(()));
    }
    assert!(!books(&proxy));
    assert_eq!(substations.started(), [0, 2, 0]);
    // A name that never was has none.
    assert_eq!(ask(&proxy, "GET", "/limits/s3", "").status, 404);
}

#[test]
fn an_upgrade_keeps_limits_and_silence_goes_on() {
    let substations = Substations::start(&[1e6; 4]);
    let here = Here::new();
    let mut proxy = here.first_with(&substations.addresses, "");
    arrange(&proxy);
    let heard = r#"{"value": 500, "source": "box", "fallback": 0, "heartbeat": "2s"}"#;
    put(&proxy, "s4", heard);
    let before = listed(&proxy);
    for _ in 0..2 {
        let next = here.next(&proxy, &substations.addresses, "");
        next.logged("took over from the old one");
        assert!(proxy.wait().success());
        assert_eq!(listed(&next), before);
        let answer = ask(
            &next,
            "POST",
            "/limits/s4/heartbeat",
            r#"{"source": "box"}"#,
        );
        assert_eq!(answer.json()["state"], "in_force");
        proxy = next;
    }
    assert_eq!(in_force(&proxy, "s4")["value"], 5.0);
    until("it is silent", || {
        (in_force(&proxy, "s4")["value"] == 0.0).then_some(())
    });
}

#[test]
fn a_restart_keeps_limits_and_silence_goes_on_while_there_is_no_process() {
    let substations = Substations::start(&[1e6; 4]);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("state").display().to_string();
    // Written as seldom as it may be: only because limits change.
    let extra = format!("state: {{file: {file}, interval: 1h}}");
    for end in [Signal::SIGTERM, Signal::SIGKILL] {
        let _ = fs::remove_file(&file);
        let mut proxy = Proxy::start(&substations.addresses, &extra);
        arrange(&proxy);
        put(
            &proxy,
            "s2",
            r#"{"value": 500, "source": "box", "fallback": 3, "heartbeat": "500ms"}"#,
        );
        let heard = listed(&proxy);
        until("it is written", || {
            let state = fs::read(&file).ok()?;
            state.windows(3).any(|some| some == b"box").then_some(())
        });
        proxy.signal(end);
        proxy.wait();
        thread::sleep(Duration::from_millis(500));
        let next = Proxy::start(&substations.addresses, &extra);
        next.logged("Source of a limit is silent");
        let after = listed(&next);
        let names = |all: &Value| -> HashMap<String, String> {
            let all = all.as_array().unwrap().iter();
            all.map(|one| {
                (
                    format!("{}/{}", one["name"], one["source"]),
                    one["state"].to_string(),
                )
            })
            .collect()
        };
        let mut expected = names(&heard);
        expected.insert("\"s2\"/\"box\"".to_owned(), "\"fallback\"".to_owned());
        assert_eq!(names(&after), expected, "{end}");
        comes(&next, "s1", Some("in_force"));
        assert_eq!(
            ask(&next, "DELETE", "/limits/s4?source=S%C3%BCd+%26+Co", "").status,
            200
        );
    }
}

/// Both processes accept at the admin port for a while. What either answers with 200 holds in the new one.
#[test]
fn no_limit_that_was_accepted_is_lost_in_an_upgrade() {
    let substations = Substations::start(&[1e6]);
    let here = Here::new();
    let mut proxy = here.first_with(&substations.addresses, "");
    let limits = (1..).map(|value: u32| {
        let body = format!(r#"{{"value": {value}, "source": "dso"}}"#);
        let put = client::request("PUT", "/limits/s1", "connection: close\r\n", &body);
        (value, put)
    });
    let (next, accepted, refused) = here.next_during(&proxy, &substations.addresses, "", limits);
    let accepted = accepted.last().copied().unwrap_or_default();
    assert!(proxy.wait().success());
    println!("{accepted} accepted last, {refused} refused");
    assert!(accepted > 10 && refused > 0);
    assert_eq!(in_force(&next, "s1")["value"], f64::from(accepted));
}
