//! The binary from outside: output, exit codes, files.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{DEADLINE, answer, serve};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use requester::Report;
use switchyard_faults::Deaf;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_requester"));
    command.args(args).kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end. Returns the exit code, standard output and standard error.
pub(crate) async fn output(args: &[&str]) -> (i32, String, String) {
    let output = timeout(DEADLINE, command(args).output())
        .await
        .expect("still running")
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A short run against an address, with additional options.
async fn short(address: SocketAddr, more: &[&str]) -> (i32, String, String) {
    let url = format!("http://{address}");
    let mut args = vec![
        "steady",
        "--target",
        &url,
        "--rate",
        "100",
        "--duration",
        "1200ms",
    ];
    args.extend_from_slice(more);
    output(&args).await
}

async fn ok() -> SocketAddr {
    serve(|_| async { answer(200, "substation1", "{}") })
        .await
        .0
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_run_prints_a_summary_and_its_progress_and_exits_with_0() {
    let (code, out, err) = short(ok().await, &["--arrivals", "even"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("\noffered                 120  100.0/s\n"),
        "{out}"
    );
    assert!(
        out.contains("\nsubstation1             120  100.00 %\n"),
        "{out}"
    );
    assert!(out.contains("  p99.9 "), "{out}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(
        err.starts_with("   1 s  offered ") && !err.contains('\x1b'),
        "{err}"
    );
}

#[tokio::test]
async fn the_report_is_one_complete_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    fs::write(&file, "old").unwrap();
    let path = file.to_str().unwrap();
    let (code, _, err) = short(ok().await, &["--seed", "9", "--quiet", "--output", path]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let report: Report = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(report.seed, 9);
    assert!(report.offered.requests > 60);
    assert_eq!(report.answers[&200], report.offered.requests);
    assert_eq!(
        files(folder.path()),
        ["run.json"],
        "no temporary file is left"
    );
}

#[tokio::test]
async fn a_dash_is_standard_output_and_a_device_stays_a_device() {
    let (code, out, _) = short(ok().await, &["--quiet", "--output", "-"]).await;
    assert_eq!(code, 0);
    let report: Report = serde_json::from_str(&out).unwrap();
    assert_eq!(report.connections.limit, 10_000);

    let (code, _, err) = short(ok().await, &["--quiet", "--output", "/dev/null"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[tokio::test]
async fn an_unwritable_output_is_an_error_before_the_run() {
    let (address, seen) = serve(|_| async { answer(200, "s", "") }).await;
    let (code, _, err) = short(address, &["--output", "/nowhere/run.json"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("cannot write /nowhere/run.json"), "{err}");
    assert_eq!(seen.connections(), 0);
}

#[tokio::test]
async fn an_unreachable_target_is_one_line_and_exit_code_1_and_leaves_no_file() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let (code, out, err) = short(address, &["--output", path.to_str().unwrap()]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(
        err.starts_with("requester: cannot reach http://127.0.0.1:"),
        "{err}"
    );
    assert!(err.contains("start the proxy"), "{err}");
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn a_run_without_a_success_reports_and_exits_with_1() {
    let body = r#"{"error":{"code":"no_substation"}}"#;
    let (address, _) = serve(move |_| async move { answer(503, "s", body) }).await;
    let (code, out, err) = short(address, &["--quiet"]).await;
    assert_eq!(code, 1);
    assert!(
        out.contains("status 503") && out.contains("  no_substation"),
        "{out}"
    );
    assert!(
        err.contains("requests succeeded (503, no_substation)"),
        "{err}"
    );
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_explains_the_fault() {
    let target = ["steady", "--target", "http://127.0.0.1:1"];
    for (args, message) in [
        (&["steady"][..], "--target"),
        (
            &["steady", "--target", "ftp://grid:21"],
            "http://HOST:PORT[/PATH]",
        ),
        (
            &[&target[..], &["--rate", "0"]].concat(),
            "--rate 0 must be a number above 0",
        ),
        (&[&target[..], &["--duration", "10"]].concat(), "time unit"),
        (
            &[&target[..], &["--power-kw", "-1"]].concat(),
            "--power-kw -1 must be",
        ),
        (
            &[&target[..], &["--arrivals", "never"]].concat(),
            "poisson or even",
        ),
        (
            &[&target[..], &["--fail-if", "p99>50"]].concat(),
            "such as 50ms",
        ),
        (
            &[&target[..], &["--early-unplug", "0.1"]].concat(),
            "unless --admin or --substation",
        ),
        (&["rush"], "unrecognized subcommand"),
    ] {
        let (code, out, err) = output(args).await;
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
}

#[tokio::test]
async fn help_has_examples_and_exit_codes() {
    for args in [
        &["--help"][..],
        &["steady", "--help"],
        &["rush-hour", "--help"],
    ] {
        let (code, out, _) = output(args).await;
        assert_eq!(code, 0);
        assert!(
            out.contains("Examples:") && out.contains("Exit codes:"),
            "{out}"
        );
    }
}

#[tokio::test]
async fn a_signal_ends_the_load_and_the_report_is_written() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let url = format!("http://{}", ok().await);
        let args = [
            "steady",
            "--target",
            &url,
            "--duration",
            "1h",
            "--output",
            "-",
        ];
        let mut child = command(&args).spawn().unwrap();
        // The first line of progress shows that it runs.
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        timeout(DEADLINE, err.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
        kill(pid, signal).unwrap();
        let output = timeout(DEADLINE, child.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report.duration_seconds < Duration::from_mins(1).as_secs_f64());
        assert!(
            (report.offered.rate - 100.0).abs() < 60.0,
            "{}",
            report.offered.rate
        );
        assert_eq!(report.succeeded(), report.offered.requests);
    }
}

#[tokio::test]
async fn the_same_seed_offers_the_same_bytes_which_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let offers = |seed: &'static str, name: &str| {
        let path = folder.path().join(name);
        async move {
            let file = path.to_str().unwrap();
            let args = [
                "rush-hour",
                "--target",
                "http://127.0.0.1:1",
                "--sessions",
                "3000",
                "--duration",
                "2s",
                "--seed",
                seed,
                "--malformed",
                "0.02",
                "--offers",
                file,
            ];
            let (code, out, err) = output(&args).await;
            assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
            fs::read_to_string(&path).unwrap()
        }
    };
    let first = offers("5", "a.csv").await;
    assert!(first.lines().count() > 2700);
    assert_eq!(first, offers("5", "b.csv").await);
    assert_ne!(first, offers("6", "c.csv").await);

    let url = format!("http://{}", ok().await);
    let file = folder.path().join("a.csv");
    let args = [
        "replay",
        file.to_str().unwrap(),
        "--target",
        &url,
        "--quiet",
        "--output",
        "-",
    ];
    let (code, out, err) = output(&args).await;
    assert_eq!(code, 0, "{err}");
    let report: Report = serde_json::from_str(&out).unwrap();
    assert_eq!(report.offered.requests + 1, first.lines().count() as u64);
    assert_eq!(report.scenario, "replay of a.csv");
    // This target accepts everything, malformed requests included, and that is an error.
    assert!(report.malformed.offered > 20);
    assert_eq!(
        (report.malformed.accepted, report.errors()),
        (report.malformed.offered, report.malformed.offered)
    );
}

#[tokio::test]
async fn an_invalid_line_of_a_replay_is_reported_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.csv");
    fs::write(&file, "at_seconds\n1\nsoon\n").unwrap();
    let args = [
        "replay",
        file.to_str().unwrap(),
        "--target",
        "http://127.0.0.1:1",
    ];
    let (code, _, err) = output(&args).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("bad.csv: line 3: at_seconds is \"soon\""),
        "{err}"
    );
}

#[tokio::test]
async fn a_failed_check_is_exit_code_3_and_is_in_summary_and_report() {
    let refuse = |number: u64| async move {
        let status = if number.is_multiple_of(2) { 500 } else { 200 };
        answer(status, "s", "{}")
    };
    let (address, _) = serve(refuse).await;
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("run.json");
    let args = [
        "--quiet",
        "--fail-if",
        "errors>1%",
        "--fail-if",
        "lost>0",
        "--output",
        json.to_str().unwrap(),
    ];
    let (code, out, err) = short(address, &args).await;
    assert_eq!((code, err.as_str()), (3, ""));
    assert!(out.contains("FAILED          fail if errors>1%: "), "{out}");
    assert!(out.contains("passed          fail if lost>0: 0"), "{out}");
    let report: Report = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let passed: Vec<_> = report.checks.iter().map(|check| check.passed).collect();
    assert_eq!(passed, [false, true]);
}

#[tokio::test]
async fn requests_that_timed_out_fail_a_check_of_the_latency() {
    let (address, _) = serve(|number| async move {
        if number.is_multiple_of(8) {
            std::future::pending::<()>().await;
        }
        answer(200, "s", "{}")
    })
    .await;
    let args = [
        "--quiet",
        "--arrivals",
        "even",
        "--timeout",
        "200ms",
        "--fail-if",
        "p99>10s",
        "--fail-if",
        "p50>10s",
    ];
    let (code, out, err) = short(address, &args).await;
    assert_eq!((code, err.as_str()), (3, ""), "{out}");
    assert!(
        out.contains(
            "FAILED          fail if p99>10s: above any limit, because 15 of 120 requests were not answered"
        ),
        "{out}"
    );
    assert!(out.contains("passed          fail if p50>10s: "), "{out}");
    assert!(out.contains("  p99           not answered"), "{out}");
}

#[tokio::test]
async fn the_page_is_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("run.html");
    let (code, _, err) = short(ok().await, &["--quiet", "--report", page.to_str().unwrap()]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!doctype html>") && text.ends_with("</html>\n"));
    assert!(text.contains("<title>steady 100/s for 1s 200ms</title>"));
    assert_eq!(files(folder.path()), ["run.html"]);
}

#[tokio::test]
async fn a_standard_error_that_takes_nothing_changes_no_result() {
    let folder = tempfile::tempdir().unwrap();
    for what in Deaf::ALL {
        let (stderr, _kept) = what.open();
        let json = folder.path().join(format!("{what:?}.json"));
        let target = format!("http://{}", ok().await);
        let args = [
            "steady",
            "--target",
            &target,
            "--rate",
            "100",
            "--duration",
            "2500ms",
            "--arrivals",
            "even",
            "--output",
            json.to_str().unwrap(),
        ];
        let mut child = command(&args).stderr(stderr).spawn().unwrap();
        let ended = timeout(DEADLINE, child.wait())
            .await
            .expect("still running");
        assert_eq!(ended.unwrap().code(), Some(0), "{what:?}");
        let report: Report = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        assert_eq!(report.answers[&200], 250, "{what:?}");
        assert!(report.duration_seconds < 10.0, "{what:?}");
    }
}

#[tokio::test]
async fn a_failure_that_can_t_be_printed_still_has_its_exit_code() {
    for what in Deaf::ALL {
        let (stderr, _kept) = what.open();
        let args = [
            "steady",
            "--target",
            "http://127.0.0.1:9",
            "--rate",
            "1",
            "--duration",
            "1s",
        ];
        let mut child = command(&args).stderr(stderr).spawn().unwrap();
        let ended = timeout(DEADLINE, child.wait())
            .await
            .expect("still running");
        assert_eq!(ended.unwrap().code(), Some(1), "{what:?}");
    }
}
