//! Start and stop of the process, and its command line.

use std::{
    fs,
    process::{Command, Output},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use switchyard_faults::{self as client, Act, Connection, Scripted, fault::booked};

use crate::rig::{Proxy, until, yaml};

fn run(arguments: &[&str], yaml: &str) -> Output {
    let files = TempDir::new().unwrap();
    let file = files.path().join("c.yaml");
    fs::write(&file, yaml).unwrap();
    Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(arguments)
        .arg("--config")
        .arg(&file)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn healthcheck_says_whether_a_running_proxy_is_ready() {
    let check = |url: &str| {
        Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["healthcheck", "--url", url])
            .output()
            .unwrap()
    };
    let silent = Scripted::charging(|| Act::Hang);
    let proxy = Proxy::start(&[silent.address], "");
    let url = |path: &str| format!("http://{}{path}", proxy.admin);
    assert_eq!(check(&url("/ready")).status.code(), Some(0));
    let unwell = check(&url("/nowhere"));
    assert_eq!(unwell.status.code(), Some(1));
    assert!(stderr(&unwell).contains("404"), "{}", stderr(&unwell));
    // With the configuration it finds the admin port by itself, and looks up and checks nothing else.
    let by_config = |admin: &str| {
        let elsewhere = "substations: [{name: a, address: unknown.invalid:5001}]";
        run(
            &["healthcheck"],
            &format!("admin: {{listen: \"{admin}\"}}\n{elsewhere}"),
        )
    };
    let port = proxy.admin.port();
    for admin in [
        format!("127.0.0.1:{port}"),
        format!("0.0.0.0:{port}"),
        format!("localhost:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
    ] {
        assert_eq!(by_config(&admin).status.code(), Some(0), "{admin}");
    }
    for (admin, words) in [("127.0.0.1:0", "--url"), ("127.1:9901", "is ambiguous")] {
        let unwell = by_config(admin);
        assert_eq!(unwell.status.code(), Some(1));
        assert!(stderr(&unwell).contains(words), "{}", stderr(&unwell));
    }
    let admin = url("/ready");
    drop(proxy);
    let unwell = check(&admin);
    assert_eq!(unwell.status.code(), Some(1));
    assert!(stderr(&unwell).contains("no answer"), "{}", stderr(&unwell));
}

#[test]
fn sigterm_finishes_the_request_in_flight_and_ends_within_a_second_of_it() {
    let (release, released) = channel::<()>();
    let released = std::sync::Mutex::new(released);
    let slow = Scripted::charging(move || {
        released.lock().unwrap().recv().unwrap();
        Act::Write(booked())
    });
    let mut proxy = Proxy::start(&[slow.address], "");
    let mut idle = Connection::open(proxy.charge);
    let mut busy = Connection::open(proxy.charge);
    busy.send(client::request("POST", "/request_charge", "", "{}"));
    until("the request is with the substation", || {
        (slow.charges().len() == 1).then_some(())
    });
    assert_eq!(proxy.metric("switchyard_requests_in_flight"), 1.0);
    until("both clients are seen", || {
        (proxy.metric("switchyard_connections") == 2.0).then_some(())
    });
    proxy.signal(Signal::SIGTERM);
    proxy.logged("finishes the requests in flight");
    assert_eq!(
        proxy.get("/ready").status,
        503,
        "it should get no more requests"
    );
    assert_eq!(proxy.get("/live").status, 200);
    assert!(proxy.is_running(), "it waits for the request in flight");
    release.send(()).unwrap();
    let answer = busy.answer();
    let answered = Instant::now();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert!(proxy.wait().success());
    assert!(
        answered.elapsed() < Duration::from_secs(1),
        "{:?}",
        answered.elapsed()
    );
    assert!(idle.is_ended());
}

#[test]
fn sigterm_without_work_ends_at_once_even_with_idle_clients() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut proxy = Proxy::start(&[substation.address], "");
        let mut idle = Connection::open(proxy.charge);
        idle.send(client::request("POST", "/request_charge", "", "{}"));
        assert_eq!(idle.answer().status, 200);
        let signalled = Instant::now();
        proxy.signal(signal);
        assert!(proxy.wait().success());
        assert!(
            signalled.elapsed() < Duration::from_secs(1),
            "{:?}",
            signalled.elapsed()
        );
    }
}

#[test]
fn with_a_drain_delay_requests_are_taken_for_that_long_while_it_is_not_ready() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let mut proxy = Proxy::start(&[substation.address], "drain: {delay: 1500ms}");
    let charge = client::request("POST", "/request_charge", "", "{}");
    let mut kept = Connection::open(proxy.charge);
    kept.send(&charge);
    assert_eq!(kept.answer().status, 200);
    let signalled = Instant::now();
    proxy.signal(Signal::SIGTERM);
    proxy.logged("Proxy is leaving");
    assert_eq!(proxy.get("/ready").status, 503);
    assert_eq!(proxy.get("/live").status, 200);
    // A load balancer that has not noticed yet: over its connection, and over new ones.
    while signalled.elapsed() < Duration::from_secs(1) {
        kept.send(&charge);
        let answer = kept.answer();
        assert_eq!(answer.status, 200);
        assert_ne!(answer.header("connection"), Some("close"));
        assert_eq!(proxy.charge("{}").status, 200);
        assert_eq!(proxy.get("/ready").status, 503);
    }
    assert!(proxy.wait().success());
    let took = signalled.elapsed();
    assert!(
        (Duration::from_millis(1500)..Duration::from_millis(2500)).contains(&took),
        "{took:?}"
    );
    assert!(kept.is_ended());
}

#[test]
fn a_second_signal_ends_the_drain_delay_and_a_reload_changes_it() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let mut proxy = Proxy::start(&[substation.address], "");
    let longer = yaml(&[substation.address], "drain: {delay: 1h}");
    fs::write(proxy.files.path().join("switchyard.yaml"), longer).unwrap();
    assert_eq!(client::post(proxy.admin, "/reload", "").status, 200);
    proxy.signal(Signal::SIGTERM);
    proxy.logged("Proxy is leaving");
    assert_eq!(proxy.charge("{}").status, 200);
    let signalled = Instant::now();
    proxy.signal(Signal::SIGINT);
    assert!(proxy.wait().success());
    assert!(
        signalled.elapsed() < Duration::from_secs(1),
        "{:?}",
        signalled.elapsed()
    );
}

#[test]
fn sighup_does_not_kill_it() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let mut proxy = Proxy::start(&[substation.address], "");
    proxy.signal(Signal::SIGHUP);
    proxy.logged("SIGHUP");
    assert!(proxy.is_running());
    assert_eq!(proxy.charge("").status, 200);
}

#[test]
fn under_load_a_sigterm_loses_no_request_that_was_begun() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let mut proxy = Proxy::start(&[substation.address], "");
    let address = proxy.charge;
    let (begun, has_begun) = channel();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let begun = begun.clone();
            thread::spawn(move || {
                let mut connection = Connection::open(address);
                let mut booked = 0;
                loop {
                    connection.send(client::request("POST", "/request_charge", "", "{}"));
                    // The connection may end only between two requests.
                    let Some(answer) = connection.any_answer() else {
                        return booked;
                    };
                    assert_eq!(answer.status, 200);
                    booked += 1;
                    let _ = begun.send(());
                    if answer.header("connection") == Some("close") {
                        return booked;
                    }
                }
            })
        })
        .collect();
    has_begun.iter().take(200).for_each(drop);
    proxy.signal(Signal::SIGTERM);
    let booked: usize = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum();
    assert!(proxy.wait().success());
    assert_eq!(
        substation.charges().len(),
        booked,
        "the client of each booking got its answer"
    );
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let yaml = yaml(&[([127, 0, 0, 1], 9).into()], "");
    let yaml = yaml.replacen("listen: 127.0.0.1:0", &format!("listen: {address}"), 1);
    let output = run(&["run"], &yaml);
    assert_eq!(output.status.code(), Some(1));
    let stderr = stderr(&output);
    let faults: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("switchyard:"))
        .collect();
    assert_eq!(faults.len(), 1, "{stderr}");
    assert!(
        faults[0].contains(&address.to_string()) && faults[0].contains("another process has it"),
        "{stderr}"
    );
}

#[test]
fn a_wrong_configuration_names_each_fault_and_exits_78() {
    for command in ["run", "check"] {
        let output = run(
            &[command],
            "listen: nowhere\nsubstatons: []\nload: {interval: 5}\n",
        );
        assert_eq!(output.status.code(), Some(78), "{command}");
        let stderr = stderr(&output);
        for part in [
            "listen",
            "nowhere",
            "substatons",
            "substations",
            "load.interval",
        ] {
            assert!(stderr.contains(part), "{part} in {stderr}");
        }
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args(["run", "--config", "/no/such/file"])
        .output();
    assert_eq!(missing.unwrap().status.code(), Some(78));
}

#[test]
fn check_shows_the_defaults_and_its_output_is_a_configuration() {
    let output = run(
        &["check"],
        "substations: [{name: a, address: 127.0.0.1:5001}]",
    );
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("interval: 500ms"), "{shown}");
    let again = run(&["check"], &shown);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(
        String::from_utf8(again.stdout)
            .unwrap()
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        shown.lines().skip(1).collect::<Vec<_>>()
    );
}

#[test]
fn check_warns_of_what_is_legal_but_unwise_and_refuses_nothing_for_it() {
    let one = "substations: [{name: a, address: 127.0.0.1:5001}]\n";
    let output = run(&["check"], &format!("{one}load: {{timeout: 1s}}"));
    assert_eq!(output.status.code(), Some(0));
    let warning = stderr(&output);
    assert!(
        warning.contains("c.yaml: warning: load.timeout: 1s"),
        "{warning}"
    );
    assert_eq!(stderr(&run(&["check"], one)), "", "nothing to warn of");
}

#[test]
fn schema_prints_the_json_schema() {
    let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .arg("schema")
        .output()
        .unwrap();
    assert!(output.status.success());
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["title"], "Switchyard's configuration");
    assert!(schema["properties"]["substations"].is_object());
}

#[test]
fn wrong_usage_exits_2_and_help_helps() {
    let binary = env!("CARGO_BIN_EXE_switchyard");
    let wrong = Command::new(binary).arg("--no-such-flag").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let help = Command::new(binary).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for word in ["run", "check", "schema", "demo", "Examples", "Exit codes"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}
