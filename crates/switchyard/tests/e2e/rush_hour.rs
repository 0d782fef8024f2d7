//! Rush hours through the real proxy to real substations, and their reports.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use requester::{Cars, Curve, Energy, Load, Options, Report, Watch};
use tempfile::TempDir;

use switchyard_faults as client;

use crate::{rig::Proxy, substations::Substations};

const SECOND: Duration = Duration::from_secs(1);

/// A constant load through a proxy whose admin port is watched.
fn watched(proxy: &Proxy, rate: f64, duration: Duration) -> Options {
    let target = format!("http://{}", proxy.charge).parse().unwrap();
    let curve = Curve::steady(rate, duration).unwrap();
    Options {
        watch: Watch {
            admin: Some(format!("http://{}", proxy.admin).parse().unwrap()),
            interval: Duration::from_millis(100),
            ..Watch::default()
        },
        ..Options::new(target, Load::Curve(curve))
    }
}

fn run(options: Options) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = requester::run(options, |_| {}, std::future::pending());
    runtime.block_on(report).unwrap()
}

/// Runs the demo with `arguments` to its end. Returns its summary, its progress, and the paths of its reports: the page
/// and the JSON.
fn demo(folder: &TempDir, arguments: &str) -> (String, String, [PathBuf; 2]) {
    let reports = ["run.html", "run.json"].map(|name| folder.path().join(name));
    let output = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .arg("demo")
        .args(arguments.split(' '))
        .arg("--report")
        .arg(&reports[0])
        .arg("--output")
        .arg(&reports[1])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}{progress}");
    (said, progress, reports)
}

/// The demo, shortened for a test: the peak hour of 10,000 cars in ten seconds, at the full rate.
#[test]
fn the_demo_loses_nothing_balances_evenly_and_all_counts_agree() {
    let folder = TempDir::new().unwrap();
    let arguments = "--duration 10s --hours 17:30-18:30 --sessions 10000 --fail-if lost>0";
    let (said, progress, [page, json]) = demo(&folder, arguments);

    // The live figures, the summary, and the file's path.
    assert!(
        progress.contains("% full") && progress.contains("p99"),
        "{progress}"
    );
    assert!(said.contains("passed          fail if lost>0: 0"), "{said}");
    let path = said
        .lines()
        .find_map(|line| line.strip_prefix("HTML report: "));
    assert_eq!(
        fs::canonicalize(path.unwrap()).unwrap(),
        page.canonicalize().unwrap()
    );
    assert!(
        fs::read_to_string(&page)
            .unwrap()
            .starts_with("<!doctype html>")
    );

    assert!(said.contains("\nWith --stay "), "{said}");
    assert_next_step_works(&said);

    let report: Report = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    // 16.5 % of the day's cars arrive between 17:30 and 18:30.
    assert!(
        report.offered.requests.abs_diff(1629) < 170,
        "{}",
        report.offered.requests
    );
    assert_eq!(
        (report.unanswered(), report.errors(), report.refused()),
        (0, 0, 0)
    );
    let counters = report.counters.as_ref().unwrap();
    assert!(counters.agree, "{counters:#?}");
    assert_eq!(counters.proxy.unwrap().booked, report.offered.requests);
    let accepted: u64 = counters
        .substations
        .values()
        .map(|station| station.accepted)
        .sum();
    assert_eq!(accepted, report.offered.requests);
    assert!((report.energy_kwh.booked - report.energy_kwh.asked).abs() < 1e-6);

    // Even within 2 points over time. A single reading may also catch two of the largest cars, 50 kW each, that
    // ended on the smallest substation since the last scrape. With ten times the cars the effect vanishes.
    let grid = report.grid.as_ref().unwrap();
    let spread = grid.spread_points.unwrap();
    let smallest = grid.substations["substation1"].capacity.unwrap();
    assert!(spread.time_weighted < 2.0, "{spread:?}");
    assert!(
        spread.peak < 2.0 + 100.0 * 2.0 * 50.0 / smallest,
        "{spread:?}"
    );
    assert!(
        grid.utilisation.unwrap().peak > 0.2,
        "{:?}",
        grid.utilisation
    );
    assert_eq!(grid.capacity_violations, Some(0));
}

/// Types the command of the last line into a shell.
fn assert_next_step_works(said: &str) {
    let last = said.lines().last().unwrap();
    let command = last
        .strip_prefix("Next: `")
        .and_then(|rest| rest.split_once('`'));
    let (command, _) = command.unwrap_or_else(|| panic!("no command in {last:?}"));
    let ran = Command::new("sh").args(["-c", command]).output().unwrap();
    let shown = String::from_utf8(ran.stdout).unwrap();
    assert!(
        ran.status.success() && shown.contains("--config"),
        "{command}: {shown}"
    );
}

/// The word after `name` in the list of addresses.
fn address<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    let line = lines.iter().find(|line| line.starts_with(name))?;
    let (_, address) = line.split_once("http://")?;
    address.split('/').next()
}

#[test]
fn the_demo_stays_until_ctrl_c_if_told_to_and_names_the_ports_that_it_moved_to() {
    let folder = TempDir::new().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .args([
            "demo",
            "--stay",
            "--duration",
            "1s",
            "--sessions",
            "3000",
            "--report",
        ])
        .arg(folder.path().join("run.html"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(demo.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().unwrap().starts_with("Next: ") {
            break;
        }
    }
    let goes_on = lines
        .iter()
        .any(|line| line.starts_with("Proxy and substations go on: "));
    assert!(goes_on, "{lines:#?}");
    let admin: SocketAddr = address(&lines, "  status").unwrap().parse().unwrap();
    assert_eq!(client::get(admin, "/ready").status, 200);
    let moved = lines.iter().find(|line| line.starts_with("  ports"));
    for (name, usual) in [
        ("  charge", 8080),
        ("  status", 9901),
        ("  substation3", 5003),
    ] {
        let address: SocketAddr = address(&lines, name).unwrap().parse().unwrap();
        let now = address.port();
        let is_named = moved.is_some_and(|moved| moved.contains(&format!("{usual} is now {now}")));
        assert_eq!(is_named, now != usual, "{lines:#?}");
    }
    kill(Pid::from_raw(demo.id().cast_signed()), Signal::SIGINT).unwrap();
    assert!(demo.wait().unwrap().success());
}

#[test]
fn malformed_requests_are_refused_and_book_nothing() {
    let substations = Substations::start(&[1e6, 2e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut options = watched(&proxy, 300.0, 2 * SECOND);
    options.cars = Cars {
        malformed: 0.2,
        ..Cars::default()
    };
    let report = run(options);
    assert!(report.malformed.offered > 60, "{:?}", report.malformed);
    assert_eq!(report.malformed.refused, report.malformed.offered);
    assert_eq!(report.errors(), 0);
    let booked = report.offered.requests - report.malformed.offered;
    assert_eq!(substations.started().iter().sum::<u64>(), booked);
    let counters = report.counters.unwrap();
    assert!(counters.agree, "{counters:#?}");
}

#[test]
fn cars_that_leave_early_free_their_load() {
    let substations = Substations::start(&[1e6, 2e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut options = watched(&proxy, 200.0, 2 * SECOND);
    // A session takes two seconds; the car leaves after a random part of them.
    options.cars = Cars {
        powers_kw: requester::Powers::even(&[36.0]).unwrap(),
        energy_kwh: Energy::Fixed(0.02),
        early_unplug: 0.5,
        ..Cars::default()
    };
    let report = run(options);
    let unplugged = report.unplugged.unwrap();
    assert!(unplugged.planned > 120, "{unplugged:?}");
    assert!(unplugged.done > 20, "{unplugged:?}");
    assert_eq!(unplugged.failed, 0, "{unplugged:?}");
    let ended = unplugged.done + unplugged.already_over + unplugged.pending;
    assert_eq!(ended, unplugged.planned);
    let cancelled: u64 = substations
        .addresses
        .iter()
        .map(|address| {
            let page = String::from_utf8(client::get(*address, "/metrics").body).unwrap();
            let series = r#"substation_sessions_ended_total{reason="cancelled"} "#;
            let value = page
                .lines()
                .find_map(|line| line.strip_prefix(series))
                .unwrap();
            value.parse::<u64>().unwrap()
        })
        .sum();
    assert_eq!(cancelled, unplugged.done);
}

#[test]
fn a_full_grid_refuses_and_that_is_no_error() {
    let substations = Substations::start(&[110.0, 220.0]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut options = watched(&proxy, 100.0, 2 * SECOND);
    options.cars.powers_kw = requester::Powers::even(&[11.0]).unwrap();
    let report = run(options);
    assert_eq!(report.answers[&200], 30, "as many as fit");
    assert_eq!(report.refused(), report.offered.requests - 30);
    assert_eq!((report.errors(), report.unanswered()), (0, 0));
    let grid = report.grid.unwrap();
    assert_eq!(grid.capacity_violations, Some(0));
    assert!((grid.substations["s1"].utilisation.unwrap().peak - 1.0).abs() < 1e-9);
    assert!(report.counters.unwrap().agree);
}

#[test]
fn many_clients_are_held_open_and_used_in_turn() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut options = watched(&proxy, 400.0, 2 * SECOND);
    options.clients = 200;
    let report = run(options);
    assert_eq!(report.connections.opened, 200, "none was opened on the way");
    assert_eq!(report.answers[&200], report.offered.requests);
}

#[test]
fn an_admin_port_that_can_not_be_watched_is_an_error_before_the_run() {
    let substations = Substations::start(&[1e6]);
    let proxy = Proxy::start(&substations.addresses, "");
    let mut options = watched(&proxy, 100.0, SECOND);
    options.watch.admin = Some(
        format!("http://{}", substations.addresses[0])
            .parse()
            .unwrap(),
    );
    let ran = requester::run(options, |_| {}, std::future::pending());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(ran).unwrap_err().to_string();
    assert!(
        error.contains("/status") && error.contains("status 404"),
        "{error}"
    );
    assert_eq!(substations.started(), [0]);
}

#[test]
fn the_demos_town_keeps_every_limit_and_its_report_says_how_full_each_got() {
    let folder = TempDir::new().unwrap();
    let arguments = "--grid --duration 10s --sessions 5000 --fail-if over>0 --fail-if lost>0 \
                     --fail-if violations>0";
    let (said, _, [page, json]) = demo(&folder, arguments);
    let report: Report = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let feeders = report.grid.unwrap().feeders;
    assert_eq!(feeders.len(), 4);
    for (name, feeder) in &feeders {
        assert_eq!(feeder.over_capacity_readings, 0, "{name}");
        assert!(feeder.peak_utilisation.unwrap() > 0.3, "{name}: {feeder:?}");
        assert!(said.contains(name), "{said}");
    }
    for label in &report.labels {
        for (value, counts) in &label.values {
            assert!(
                counts.booked > 0 && counts.no_match == 0,
                "{value}: {counts:?}"
            );
        }
    }
    assert!(
        fs::read_to_string(&page)
            .unwrap()
            .contains("<h2>Feeders</h2>")
    );
}
