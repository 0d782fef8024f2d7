//! The binary: its output, its exit codes, its signals.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Client, DEADLINE, get, post, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use switchyard_faults::Deaf;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) fn command(args: &str) -> Command {
    piped(Command::new(env!("CARGO_BIN_EXE_substation")), args)
}

fn piped(mut command: Command, args: &str) -> Command {
    command
        .args(args.split_whitespace())
        .env_remove("RUST_LOG")
        .kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end: exit code, standard output, standard error.
pub(crate) async fn output(args: &str) -> (i32, String, String) {
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

struct Started {
    child: Child,
    /// Kept open: the binary writes its lines to this pipe.
    _out: BufReader<ChildStdout>,
    bound: Vec<(String, SocketAddr)>,
}

/// Starts it and reads the lines that say where it listens.
async fn start(args: &str, count: usize) -> Started {
    started(command(args), count).await
}

async fn started(mut command: Command, count: usize) -> Started {
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut bound = Vec::new();
    while bound.len() < count {
        let mut line = String::new();
        timeout(DEADLINE, out.read_line(&mut line))
            .await
            .expect("no line in time")
            .unwrap();
        let (name, address) = line
            .trim_end()
            .split_once(" listening on http://")
            .expect(&line);
        bound.push((name.to_owned(), address.parse().unwrap()));
    }
    Started {
        child,
        _out: out,
        bound,
    }
}

impl Started {
    async fn client(&self) -> Client {
        Client::connect(self.bound[0].1).await
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    async fn ended(&mut self) -> Option<i32> {
        timeout(DEADLINE, self.child.wait())
            .await
            .expect("still running")
            .unwrap()
            .code()
    }
}

#[tokio::test]
async fn a_signal_ends_it_at_once_also_while_sessions_run() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut started = start("--name s --listen 127.0.0.1:0 --capacity-kw 100", 1).await;
        let mut client = started.client().await;
        assert_eq!(client.ask(&post("")).await.json()["substation"], "s");
        let _fresh = started.client().await;
        let begun = Instant::now();
        started.signal(signal);
        assert_eq!(started.ended().await, Some(0));
        assert!(
            begun.elapsed() < Duration::from_millis(1500),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn within_its_grace_it_waits_for_sessions_and_takes_no_new_ones() {
    let args = "--name s --listen 127.0.0.1:0 --capacity-kw 100 --grace 1h";
    let mut started = start(args, 1).await;
    let mut client = started.client().await;
    let id = client.ask(&post("")).await.json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    started.signal(Signal::SIGTERM);
    until("it drains", async || {
        client.ask(&get("/ready")).await.status == 503
    })
    .await;
    assert_eq!(client.ask(&post("")).await.code(), "draining");
    let page = started.client().await.ask(&get("/metrics")).await;
    assert_eq!(page.metric("substation_active_sessions"), 1.0);
    let unplug = format!("DELETE /sessions/{id} HTTP/1.1\r\nhost: s\r\n\r\n");
    assert_eq!(client.ask(&unplug).await.status, 200);
    assert_eq!(started.ended().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_cuts_the_grace_short() {
    let args = "--name s --listen 127.0.0.1:0 --capacity-kw 100 --grace 1h";
    let mut started = start(args, 1).await;
    let mut client = started.client().await;
    assert_eq!(client.ask(&post("")).await.status, 200);
    started.signal(Signal::SIGTERM);
    until("it drains", async || {
        client.ask(&get("/ready")).await.status == 503
    })
    .await;
    started.signal(Signal::SIGTERM);
    assert_eq!(started.ended().await, Some(0));
}

#[tokio::test]
async fn each_of_several_has_its_own_number_port_and_capacity() {
    let args = "--name sub --listen 127.0.0.1:0 --capacity-kw 500,300 --count 3";
    let started = start(args, 3).await;
    let mut seen = Vec::new();
    for (name, address) in &started.bound {
        let mut client = Client::connect(*address).await;
        assert_eq!(
            client.ask(&post("")).await.json()["substation"],
            name.as_str()
        );
        let page = client.ask(&get("/metrics")).await;
        assert_eq!(page.metric("substation_current_load"), 11.0);
        seen.push((name.as_str(), page.metric("substation_capacity")));
    }
    assert_eq!(seen, [("sub1", 500.0), ("sub2", 300.0), ("sub3", 500.0)]);
}

#[tokio::test]
async fn a_thousand_substations_start_and_serve_in_one_process() {
    let args = "--name s --listen 127.0.0.1:0 --capacity-kw 100 --count 1000";
    // With a low soft limit of open files, which the binary raises for itself.
    let mut shell = Command::new("sh");
    shell.args([
        "-c",
        "ulimit -Sn 256 && exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_substation"),
    ]);
    let mut started = started(piped(shell, args), 1000).await;
    for (name, address) in &started.bound {
        let mut client = Client::connect(*address).await;
        assert_eq!(
            client.ask(&post("")).await.json()["substation"],
            name.as_str()
        );
        let page = client.ask(&get("/metrics")).await;
        assert_eq!(page.metric("substation_current_load"), 11.0);
    }
    started.signal(Signal::SIGTERM);
    assert_eq!(started.ended().await, Some(0));
}

#[tokio::test]
async fn a_port_in_use_is_one_line_with_the_address_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, out, err) = output(&format!("--name s --listen {address} --capacity-kw 100")).await;
    assert_eq!(code, 1);
    assert_eq!(out, "");
    assert_eq!(err.lines().count(), 1, "{err}");
    for part in [address.to_string().as_str(), "in use", "--listen"] {
        assert!(err.contains(part), "{part} in {err}");
    }
}

#[tokio::test]
async fn its_healthcheck_reports_whether_another_process_is_ready() {
    let args = "--name s --listen 127.0.0.1:0 --capacity-kw 100 --grace 1h";
    let mut started = start(args, 1).await;
    let mut client = started.client().await;
    assert_eq!(client.ask(&post("")).await.status, 200);
    let check = format!("healthcheck --url http://{}/ready", started.bound[0].1);
    assert_eq!(output(&check).await, (0, String::new(), String::new()));
    // While it drains it is not ready. The check reports its answer, and later that there is none.
    started.signal(Signal::SIGTERM);
    until("it drains", async || {
        client.ask(&get("/ready")).await.status == 503
    })
    .await;
    let (code, _, err) = output(&check).await;
    assert_eq!(code, 1);
    assert!(err.contains("503"), "{err}");
    started.signal(Signal::SIGTERM);
    assert_eq!(started.ended().await, Some(0));
    let (code, _, err) = output(&check).await;
    assert_eq!(code, 1);
    assert!(err.contains("no answer"), "{err}");
}

#[tokio::test]
async fn without_a_name_it_has_the_name_of_its_host() {
    let started = start("--listen 127.0.0.1:0 --capacity-kw 100", 1).await;
    let host = nix::unistd::gethostname().unwrap();
    assert_eq!(started.bound[0].0, host.to_str().unwrap());
}

#[tokio::test]
async fn wrong_usage_exits_with_2_and_names_the_option() {
    let usual = "--name s --listen 127.0.0.1:0 --capacity-kw 100";
    let faults = [
        (String::new(), "--listen"),
        ("--name s --capacity-kw 100".to_owned(), "--listen"),
        (
            "--name s --listen nowhere --capacity-kw 1".to_owned(),
            "HOST:PORT",
        ),
        (
            "--name a/b --listen 127.0.0.1:0 --capacity-kw 1".to_owned(),
            "--name",
        ),
        (
            "--name s --listen 127.0.0.1:0 --capacity-kw 0".to_owned(),
            "--capacity-kw",
        ),
        (
            "--name s --listen 127.0.0.1:0 --capacity-kw 5,nan".to_owned(),
            "--capacity-kw",
        ),
        (
            "--name s --listen 127.0.0.1:0 --capacity-kw 5,,6".to_owned(),
            "--capacity-kw",
        ),
        (
            "--name s --listen 127.0.0.1:65000 --capacity-kw 5 --count 999".to_owned(),
            "--count",
        ),
        (format!("{usual} --count 0"), "--count"),
        (format!("{usual} --time-scale 0"), "--time-scale"),
        (
            format!("{usual} --default-power-kw=-1"),
            "--default-power-kw",
        ),
        (
            format!("{usual} --default-energy-kwh inf"),
            "--default-energy-kwh",
        ),
        (format!("{usual} --grace 10"), "--grace"),
        (format!("{usual} --threads 0"), "--threads"),
        (format!("{usual} --answer-after 5"), "--answer-after"),
        (format!("{usual} --what"), "--what"),
    ];
    for (args, named) in faults {
        let (code, _, err) = output(&args).await;
        assert_eq!(code, 2, "{args}: {err}");
        assert!(err.contains(named), "{args}: {err}");
    }
}

#[tokio::test]
async fn one_substation_takes_the_first_capacity_of_a_list() {
    let started = start(
        "--name s --listen 127.0.0.1:0 --capacity-kw 7,9 --threads 2",
        1,
    )
    .await;
    let page = started.client().await.ask(&get("/metrics")).await;
    assert_eq!(page.metric("substation_capacity"), 7.0);
}

#[tokio::test]
async fn help_reads_as_documentation_with_examples() {
    let (code, out, _) = output("--help").await;
    assert_eq!(code, 0);
    for part in [
        "Examples:",
        "--capacity-kw 500,300,200 --count 3",
        "Exit codes",
        "SIGTERM",
        "/charge",
        "--report-load",
        "--answer-after",
    ] {
        assert!(out.contains(part), "{part} in {out}");
    }
    let mut version = String::new();
    let mut child = command("--version").spawn().unwrap();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut version)
        .await
        .unwrap();
    assert!(version.starts_with("substation 0."), "{version}");
}

#[tokio::test]
async fn a_standard_error_that_takes_nothing_changes_nothing() {
    for what in Deaf::ALL {
        let (stderr, _kept) = what.open();
        let args = "--name s --listen 127.0.0.1:0 --capacity-kw 100 --grace 1h";
        let mut command = command(args);
        command.stderr(stderr).env("RUST_LOG", "debug");
        let mut started = started(command, 1).await;
        let mut client = started.client().await;
        assert_eq!(client.ask(&post("")).await.status, 200, "{what:?}");
        // It logs that it waits for the session, and on the second signal that it does not.
        started.signal(Signal::SIGTERM);
        until("it drains", async || {
            client.ask(&get("/ready")).await.status == 503
        })
        .await;
        started.signal(Signal::SIGTERM);
        assert_eq!(started.ended().await, Some(0), "{what:?}");
    }
}

#[tokio::test]
async fn an_error_that_can_t_be_printed_still_has_its_exit_code() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let args = format!(
        "--name s --capacity-kw 100 --listen {}",
        taken.local_addr().unwrap()
    );
    for what in Deaf::ALL {
        let (stderr, _kept) = what.open();
        let mut child = command(&args).stderr(stderr).spawn().unwrap();
        let ended = timeout(DEADLINE, child.wait())
            .await
            .expect("still running");
        assert_eq!(ended.unwrap().code(), Some(1), "{what:?}");
    }
}

#[tokio::test]
async fn a_standard_output_that_nothing_reads_keeps_no_substation_from_serving() {
    let (out, _reader) = Deaf::Unread.open();
    // Held by a socket that does not listen, so that no other process gets the port meanwhile.
    let port = tokio::net::TcpSocket::new_v4().unwrap();
    port.set_reuseaddr(true).unwrap();
    port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = port.local_addr().unwrap();
    let args = format!("--name s --capacity-kw 100 --listen {address}");
    let mut child = command(&args).stdout(out).spawn().unwrap();
    until("it listens", async || {
        tokio::net::TcpStream::connect(address).await.is_ok()
    })
    .await;
    let mut client = Client::connect(address).await;
    assert_eq!(client.ask(&post("")).await.status, 200);
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    let ended = timeout(DEADLINE, child.wait()).await.expect("it ends");
    assert_eq!(ended.unwrap().code(), Some(0));
}
