//! Reloads of the configuration, unnoticed by clients.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::PathBuf,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::Value;
use switchyard_faults::{
    self as client, Act, Answer, Audit, Connection, Faulty, Load, Scripted, Told, fault::booked,
};

use crate::rig::{Proxy, replace, until, yaml};

/// Substations without faults.
fn substations(count: u64) -> Vec<Faulty> {
    (1..=count)
        .map(|at| Faulty::start(&format!("s{at}"), at, &[], 0.0))
        .collect()
}

fn addresses(all: &[Faulty]) -> Vec<SocketAddr> {
    all.iter().map(Faulty::address).collect()
}

fn file(proxy: &Proxy) -> PathBuf {
    proxy.files.path().join("switchyard.yaml")
}

/// Replaces the file as an editor does: write a new file, and rename it over the old one.
fn write(proxy: &Proxy, text: &str) {
    replace(file(proxy), text);
}

pub(crate) fn reload(proxy: &Proxy) -> Answer {
    client::post(proxy.admin, "/reload", "")
}

fn config(proxy: &Proxy) -> Value {
    proxy.get("/config").json()
}

/// The names and addresses of `some`, by their numbers from 1, as the file lists them.
fn listed(all: &[SocketAddr], some: &[usize]) -> String {
    let lines = some
        .iter()
        .map(|at| format!("  - {{name: s{at}, address: \"{}\"}}\n", all[at - 1]));
    let lines: String = lines.collect();
    format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\nsubstations:\n{lines}"
    )
}

fn texts(value: &Value) -> Vec<&str> {
    let all = value.as_array().unwrap().iter();
    all.map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn a_hundred_reloads_under_load_fail_no_request_and_lose_no_ledger() {
    const RELOADS: u32 = 100;
    const APART: Duration = Duration::from_millis(100);
    let all = substations(6);
    let at = addresses(&all);
    let proxy = Proxy::start(&at, "");
    let load = Load::new(proxy.charge, 2_000.0, RELOADS * APART);
    let mut assigned: HashMap<String, u64> = HashMap::new();
    let records = thread::scope(|scope| {
        let load = scope.spawn(|| load.run());
        let start = Instant::now();
        for step in 0..RELOADS {
            let due = start + step * APART;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            match step % 10 {
                0 => write(&proxy, &listed(&at, &[1, 2, 3, 4, 5, 6])),
                1 => write(&proxy, &listed(&at, &[1, 4, 5])),
                2 => write(&proxy, &listed(&at, &[6, 5, 1, 2])),
                3 => write(
                    &proxy,
                    &(listed(&at, &[1, 2]) + "policy: power_of_two\nload: {interval: 100ms}"),
                ),
                4 | 8 => write(
                    &proxy,
                    &(listed(&at, &[1, 2]) + "policy: fastest\nlisten: here"),
                ),
                5 => write(
                    &proxy,
                    &(listed(&at, &[1, 3, 6]) + "limits: {requests: 5000}"),
                ),
                6 => {
                    let path =
                        format!("/substations/s{}/drain", if step % 20 == 6 { 3 } else { 1 });
                    assert_eq!(client::post(proxy.admin, &path, "").status, 200);
                }
                7 => {
                    for name in ["s1", "s3"] {
                        let path = format!("/substations/{name}/undrain");
                        assert_eq!(client::post(proxy.admin, &path, "").status, 200);
                    }
                }
                _ => fs::write(file(&proxy), listed(&at, &[2, 1, 3])).unwrap(),
            }
            let is_wrong = matches!(step % 10, 4 | 8);
            if is_wrong {
                let answer = reload(&proxy);
                assert_eq!(answer.status, 422);
                let faults = answer.json()["faults"].clone();
                let faults = texts(&faults).join("\n");
                assert!(
                    faults.contains("listen: appears twice") && faults.contains("policy:"),
                    "{faults}"
                );
                assert_eq!(
                    proxy.metric("switchyard_config_last_reload_successful"),
                    0.0
                );
            } else if step % 2 == 0 {
                proxy.signal(Signal::SIGHUP);
            } else if step % 3 == 0 {
                assert_eq!(reload(&proxy).status, 200);
            }
            for substation in proxy.status()["substations"].as_array().unwrap() {
                let name = substation["name"].as_str().unwrap().to_owned();
                let now = substation["assigned_total"].as_u64().unwrap();
                let before = assigned.insert(name.clone(), now).unwrap_or(0);
                assert!(now >= before, "{name}: {before}, and then {now}");
            }
        }
        // Otherwise the last reloads would have met no load.
        assert!(start.elapsed() < RELOADS * APART, "{:?}", start.elapsed());
        load.join().unwrap()
    });
    assert_eq!(records.len(), 20_000);
    let failed: Vec<_> = records
        .iter()
        .filter(|record| !matches!(record.told, Told::Booked(_)))
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed[0]
    );
    let mut audit = Audit::default();
    audit.add(all.iter().flat_map(Faulty::bookings));
    assert!(audit.hold_against(&records).is_sound());
    assert_eq!(audit.booked(), records.len());
    assert_eq!(assigned.len(), 6, "all of them were seen");
    write(&proxy, &listed(&at, &[1, 2]));
    let last = reload(&proxy).json();
    assert_eq!(last["success"], true);
    assert_eq!(
        proxy.metric("switchyard_config_last_reload_successful"),
        1.0
    );
    let version = proxy.metric("switchyard_config_version");
    assert!(version > 50.0, "{version}");
    assert_eq!(last["version"], version);
}

#[test]
fn a_reload_reports_its_changes_and_keeps_what_needs_a_restart() {
    let all = substations(2);
    let at = addresses(&all);
    let proxy = Proxy::start(&at, "");
    let before = config(&proxy);
    assert_eq!(
        (&before["version"], &before["last_reload"]),
        (&1.into(), &Value::Null)
    );
    let unchanged = reload(&proxy).json();
    assert_eq!(
        (&unchanged["success"], &unchanged["version"]),
        (&true.into(), &1.into())
    );

    let text = listed(&at, &[2]).replace("threads: 2", "threads: 1")
        + "load: {interval: 100ms}\nretry: {attempts: 2}\n";
    write(
        &proxy,
        &text.replace("listen: 127.0.0.1:0\nadmin", "listen: 127.0.0.1:1\nadmin"),
    );
    let answer = reload(&proxy);
    assert_eq!(answer.status, 200);
    let report = answer.json();
    // The file watch may have been faster; then everything is in force already.
    let report = if report["changes"] == Value::Array(Vec::new()) {
        let needs_restart = report["needs_restart"].clone();
        assert_eq!(texts(&needs_restart).len(), 2);
        report
    } else {
        let changes = texts(&report["changes"]).join("\n");
        assert!(changes.contains("substation s1"), "{changes}");
        assert!(changes.contains("removed"), "{changes}");
        assert!(
            changes.contains("load.interval: 500ms → 100ms"),
            "{changes}"
        );
        assert!(changes.contains("retry.attempts: 3 → 2"), "{changes}");
        report
    };
    let restart = texts(&report["needs_restart"]).join("\n");
    assert!(
        restart.contains("listen: 127.0.0.1:0 stays until a restart"),
        "{restart}"
    );
    assert!(
        restart.contains("threads: 2 stays until a restart, then 1"),
        "{restart}"
    );
    let after = config(&proxy);
    assert_eq!(after["version"], 2);
    assert_eq!(after["threads"], 2);
    assert_eq!(after["load"]["interval"], "100ms");
    assert_eq!(after["last_reload"]["success"], true);
    assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));

    assert_eq!(proxy.get("/reload").status, 405);
    let foreign = "origin: http://evil.example\r\nconnection: close\r\n";
    let asked = client::request("POST", "/reload", foreign, "");
    assert_eq!(client::raw(proxy.admin, asked).status, 403);
}

#[test]
fn a_file_that_is_removed_restored_or_swapped_behind_a_link_is_followed() {
    let all = substations(3);
    let at = addresses(&all);
    let proxy = Proxy::start(&at[..1], "");
    let names = |wanted: &[&str]| {
        until("the substations", || {
            let status = proxy.status();
            let names = status["substations"].as_array().unwrap().clone();
            let names: Vec<_> = names
                .iter()
                .map(|one| one["name"].as_str().unwrap())
                .collect();
            (names == wanted).then_some(())
        });
    };
    fs::remove_file(file(&proxy)).unwrap();
    proxy.logged("Reload refused");
    assert_eq!(proxy.charge("").status, 200, "the old stays");
    write(&proxy, &listed(&at, &[1, 2]));
    names(&["s1", "s2"]);
    // As in Kubernetes: the file is a link through another link, which is swapped.
    let folder = proxy.files.path();
    for (name, some) in [("one", &[2, 3][..]), ("two", &[3])] {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("switchyard.yaml"), listed(&at, some)).unwrap();
    }
    symlink("one", folder.join("..data")).unwrap();
    symlink("..data/switchyard.yaml", folder.join("link")).unwrap();
    fs::rename(folder.join("link"), file(&proxy)).unwrap();
    names(&["s2", "s3"]);
    symlink("two", folder.join("..next")).unwrap();
    fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
    names(&["s3"]);
}

#[test]
fn a_request_in_flight_at_a_removed_substation_is_answered_by_it() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let leaving = Scripted::charging(move || {
        let _ = held.lock().unwrap().recv();
        Act::Write(booked())
    });
    let stays = substations(1);
    let proxy = Proxy::start(&[leaving.address], "");
    thread::scope(|scope| {
        let charge = proxy.charge;
        let begun = scope.spawn(move || client::post(charge, "/request_charge", ""));
        until("it is under way", || {
            let in_flight = proxy.metric("switchyard_upstream_in_flight{substation=\"s1\"}");
            (in_flight > 0.0).then_some(())
        });
        write(
            &proxy,
            &yaml(&addresses(&stays), "").replace("name: s1", "name: s2"),
        );
        assert_eq!(reload(&proxy).status, 200);
        assert!(!begun.is_finished());
        release.send(()).unwrap();
        let answer = begun.join().unwrap();
        assert_eq!(
            (answer.status, answer.header("x-substation")),
            (200, Some("s1"))
        );
    });
}

#[test]
fn a_removed_substation_keeps_its_sessions_and_its_keys() {
    let all = substations(2);
    let at = addresses(&all);
    let proxy = Proxy::start(&at[..1], "");
    let keyed = client::request(
        "POST",
        "/request_charge",
        "idempotency-key: k\r\nconnection: close\r\n",
        "{}",
    );
    let first = client::raw(proxy.charge, &keyed);
    assert_eq!(first.header("x-substation"), Some("s1"));
    let session = first.json()["session_id"].as_str().unwrap().to_owned();
    // A request of which half has arrived when its substation is removed.
    let mut begun = Connection::open(proxy.charge);
    begun.send("POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{");
    assert!(proxy.metric("switchyard_upstream_in_flight{substation=\"s1\"}") < 1.0);

    write(&proxy, &yaml(&at[1..], "").replace("name: s1", "name: s2"));
    assert_eq!(reload(&proxy).status, 200);
    until("the new one is sampled", || {
        (proxy.charge("").status == 200).then_some(())
    });
    begun.send("}");
    assert_eq!(begun.answer().status, 200);
    for _ in 0..20 {
        assert_eq!(proxy.charge("").header("x-substation"), Some("s2"));
    }
    let again = client::raw(proxy.charge, &keyed);
    assert_eq!(again.header("x-substation"), Some("s1"), "its key is there");
    let seen = client::get(proxy.charge, &format!("/sessions/{session}"));
    assert_eq!(seen.header("x-substation"), Some("s1"), "so is its session");
    let page = String::from_utf8(proxy.get("/metrics").body).unwrap();
    assert!(!page.contains("switchyard_substation_state{state=\"up\",substation=\"s1\"}"));
    assert!(page.contains("switchyard_substation_state{state=\"up\",substation=\"s2\"}"));
    assert!(page.contains("switchyard_upstream_requests_total{outcome=\"ok\",substation=\"s1\"}"));
}
