//! Hot restart: a new process takes over from the old one under load, or fails to.

use std::{
    fs::{self, Permissions},
    io::Write,
    net::SocketAddr,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixDatagram, UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use h2::Reason;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use switchyard_faults::{
    self as client, Act, Audit, Connection, Faulty, Load, PATIENCE, Scripted, Told,
    fault::{booked, page},
};
use tempfile::TempDir;

use crate::{
    events::Viewer,
    h2::{Client, runtime, whole},
    rig::{Proxy, until, yaml},
    secure::Certificate,
};

/// A folder for the socket that only this user can enter.
pub(crate) struct Here {
    pub(crate) folder: TempDir,
}

impl Here {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("private/upgrade.sock")
    }

    /// The first process, on free ports.
    fn first(&self, substations: &[SocketAddr]) -> Proxy {
        self.first_with(substations, "")
    }

    /// The same with `extra` in the configuration.
    pub(crate) fn first_with(&self, substations: &[SocketAddr], extra: &str) -> Proxy {
        let proxy = self.launch(&yaml(substations, extra), &[]);
        proxy.wait_until_ready();
        proxy
    }

    /// A process with this configuration, which meets others at this place.
    pub(crate) fn launch(&self, yaml: &str, more: &[&str]) -> Proxy {
        Proxy::launch(yaml, |command| {
            command
                .arg("--upgrade-socket")
                .arg(self.socket())
                .args(more);
        })
    }

    /// The next process, on the same ports, which its configuration names.
    pub(crate) fn next(&self, before: &Proxy, substations: &[SocketAddr], extra: &str) -> Proxy {
        let yaml = same_ports(before, substations, extra);
        self.launch(&yaml, &["--upgrade"])
    }

    /// The next process, and which of `commands` either process accepted at the admin port until it had taken over;
    /// and how many they refused. Each command is a name for it and its request.
    pub(crate) fn next_during<T: Send>(
        &self,
        before: &Proxy,
        substations: &[SocketAddr],
        extra: &str,
        commands: impl Iterator<Item = (T, String)> + Send,
    ) -> (Proxy, Vec<T>, usize) {
        let admin = before.admin;
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let (mut accepted, mut refused) = (Vec::new(), 0);
                for (name, request) in commands {
                    let mut connection = Connection::open(admin);
                    connection.send(request);
                    match connection.any_answer() {
                        Some(answer) if answer.status == 200 => accepted.push(name),
                        Some(answer) => {
                            let code = answer.code();
                            assert_eq!((answer.status, code.as_str()), (503, "not_ready"));
                            refused += 1;
                        }
                        // The old process accepted the connection, and stopped.
                        None => {}
                    }
                    if is_over.load(SeqCst) {
                        break;
                    }
                }
                (accepted, refused)
            });
            let next = self.next(before, substations, extra);
            next.logged("took over from the old one");
            is_over.store(true, SeqCst);
            let (accepted, refused) = sender.join().unwrap();
            (next, accepted, refused)
        })
    }

    /// A process that is expected to fail.
    pub(crate) fn attempt(&self, yaml: &str, arguments: &[&str]) -> Output {
        let file = self.folder.path().join("attempt.yaml");
        fs::write(&file, yaml).unwrap();
        Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["run", "--config"])
            .arg(file)
            .arg("--upgrade-socket")
            .arg(self.socket())
            .args(arguments)
            .output()
            .unwrap()
    }
}

pub(crate) fn same_ports(of: &Proxy, substations: &[SocketAddr], extra: &str) -> String {
    on_ports_of(of, &yaml(substations, extra))
}

/// A configuration with ports of its own, on those of another proxy.
pub(crate) fn on_ports_of(of: &Proxy, yaml: &str) -> String {
    let listen = |at| format!("listen: {at}");
    yaml.replacen("listen: 127.0.0.1:0", &listen(of.charge), 1)
        .replacen("listen: 127.0.0.1:0", &listen(of.admin), 1)
}

/// Waits until it has booked `more` charges.
fn takes(proxy: &Proxy, more: f64) {
    let booked = "switchyard_requests_total{code=\"200\",result=\"booked\"}";
    let before = proxy.metric(booked);
    until("it takes requests", || {
        (proxy.metric(booked) >= before + more).then_some(())
    });
}

pub(crate) fn fails_with(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr}");
    }
}

#[test]
fn under_load_two_upgrades_lose_no_request_and_refuse_no_connection() {
    let all: Vec<_> = (1..=3)
        .map(|at| Faulty::start(&format!("s{at}"), at, &[], 0.0))
        .collect();
    let addresses: Vec<_> = all.iter().map(Faulty::address).collect();
    let here = Here::new();
    let mut first = here.first(&addresses);
    let load = |name: &str, fresh| Load {
        name: name.to_owned(),
        fresh,
        ..Load::new(first.charge, 1_000.0, Duration::from_secs(6))
    };
    let loads = [load("kept", false), load("fresh", true)];
    let records = thread::scope(|scope| {
        let loads = loads.map(|load| scope.spawn(move || load.run()));
        takes(&first, 500.0);
        let mut second = here.next(&first, &addresses, "");
        second.logged("took over from the old one");
        assert!(first.wait().success());
        takes(&second, 500.0);
        let third = here.next(&second, &addresses, "");
        third.logged("took over from the old one");
        assert!(second.wait().success());
        takes(&third, 500.0);
        loads
            .into_iter()
            .flat_map(|load| load.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(records.len(), 12_000);
    let failed: Vec<_> = records
        .iter()
        .filter(|record| !matches!(record.told, Told::Booked(_)))
        .collect();
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
    let mut audit = Audit::default();
    audit.add(all.iter().flat_map(Faulty::bookings));
    assert!(audit.hold_against(&records).is_sound());
    assert_eq!(audit.booked(), records.len());
}

#[test]
fn an_idle_client_is_answered_once_more_with_connection_close() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let mut first = here.first(&[substation.address()]);
    let mut kept = Connection::open(first.charge);
    let charge = client::request("POST", "/request_charge", "", "{}");
    kept.send(&charge);
    assert_ne!(kept.answer().header("connection"), Some("close"));
    let next = here.next(&first, &[substation.address()], "");
    first.logged("New process took over");
    next.logged("took over from the old one");
    assert!(first.is_running(), "a client may still use its connection");
    kept.send(&charge);
    let answer = kept.answer();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert!(kept.is_ended());
    assert!(first.wait().success());
    assert_eq!(next.charge("{}").status, 200);
}

#[test]
fn a_client_that_idles_is_waited_for_as_long_as_it_may_idle() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    // With the timeouts of the start the old process would give up earlier; those in force must count.
    let short = "timeouts: {connect: 50ms, request: 100ms, client: 100ms, idle: 100ms}";
    let idle = Duration::from_secs(2);
    let mut first = here.first_with(&[substation.address()], short);
    let longer = same_ports(
        &first,
        &[substation.address()],
        &short.replace("idle: 100ms", "idle: 2s"),
    );
    fs::write(first.files.path().join("switchyard.yaml"), longer).unwrap();
    assert_eq!(client::post(first.admin, "/reload", "").status, 200);
    let mut kept = Connection::open(first.charge);
    let asked = Instant::now();
    kept.send(client::request("POST", "/request_charge", "", "{}"));
    assert_eq!(kept.answer().status, 200);
    let next = here.next(&first, &[substation.address()], "");
    next.logged("took over from the old one");
    assert!(first.wait().success());
    assert!(asked.elapsed() >= idle, "{:?}", asked.elapsed());
    assert!(kept.is_ended());
}

/// Charges over one HTTP/2 connection, eight at once, until `stop`; over a new connection once that one takes no more.
/// Only requests that by the protocol were not accepted stay unanswered. Returns the number of answers and connections.
async fn charge_over_http2(
    address: SocketAddr,
    certificate: &Certificate,
    stop: &AtomicBool,
) -> (usize, usize) {
    let (mut answered, mut connections) = (0, 0);
    while !stop.load(SeqCst) {
        let client = Client::tls(address, certificate).await;
        connections += 1;
        let mut is_open = true;
        while is_open && !stop.load(SeqCst) {
            let mut begun = Vec::new();
            while is_open && begun.len() < 8 {
                match client.try_begin("POST", "/request_charge", "{}").await {
                    Ok(answer) => begun.push(answer),
                    Err(_) => is_open = false,
                }
            }
            for answer in begun {
                match whole(answer).await {
                    Ok(answer) => {
                        assert_eq!(answer.status, 200);
                        answered += 1;
                    }
                    Err(error) => {
                        let is_refused = error.is_remote()
                            && (error.is_go_away() && error.reason() == Some(Reason::NO_ERROR)
                                || error.reason() == Some(Reason::REFUSED_STREAM));
                        assert!(is_refused, "{error:?}");
                        is_open = false;
                    }
                }
            }
        }
    }
    (answered, connections)
}

#[test]
fn http2_over_tls_goes_on_at_the_new_process_and_no_answer_is_lost() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let addresses = [substation.address()];
    let certificate = Certificate::new();
    let here = Here::new();
    // One worker: of several, one that has not heard of the end yet may take the client a second time.
    let one_worker = |yaml: String| yaml.replacen("threads: 2", "threads: 1", 1);
    let mut first = here.launch(&one_worker(yaml(&addresses, &certificate.yaml())), &[]);
    first.wait_until_ready();
    let charge = first.charge;
    let stop = AtomicBool::new(false);
    let (answered, connections) = thread::scope(|scope| {
        let charging =
            scope.spawn(|| runtime().block_on(charge_over_http2(charge, &certificate, &stop)));
        takes(&first, 200.0);
        let ports = same_ports(&first, &addresses, &certificate.yaml());
        let next = here.launch(&one_worker(ports), &["--upgrade"]);
        next.logged("took over from the old one");
        assert!(first.wait().success());
        takes(&next, 200.0);
        stop.store(true, SeqCst);
        charging.join().unwrap()
    });
    assert_eq!(connections, 2);
    assert_eq!(substation.bookings().len(), answered);
}

#[test]
fn a_viewer_delays_no_handover_and_finds_the_new_process_at_the_same_port() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let mut first = here.first(&[substation.address()]);
    assert_eq!(first.charge("{}").status, 200);
    let mut viewer = Viewer::open(first.admin);
    assert_eq!(viewer.snapshot()["traffic"]["total"], 1);
    let next = here.next(&first, &[substation.address()], "");
    next.logged("took over from the old one");
    let signalled = Instant::now();
    assert!(first.wait().success(), "nothing was in flight");
    assert!(
        signalled.elapsed() < Duration::from_secs(1),
        "{:?}",
        signalled.elapsed()
    );
    while viewer.event().is_some() {}
    let snapshot = Viewer::open(first.admin).snapshot();
    assert_eq!(snapshot["traffic"]["total"], 0, "{snapshot}");
}

#[test]
fn sigterm_ends_the_wait_for_idle_clients() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let mut first = here.first(&[substation.address()]);
    let mut idle = Connection::open(first.charge);
    idle.send(client::request("POST", "/request_charge", "", "{}"));
    assert_eq!(idle.answer().status, 200);
    let next = here.next(&first, &[substation.address()], "");
    next.logged("took over from the old one");
    assert!(first.is_running());
    let signalled = Instant::now();
    first.signal(Signal::SIGTERM);
    assert!(first.wait().success());
    assert!(signalled.elapsed() < Duration::from_secs(1));
    assert_eq!(next.charge("{}").status, 200);
    assert!(here.socket().exists(), "it is the new process's by now");
}

#[test]
fn a_new_process_that_can_t_run_leaves_the_old_one_serving() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let mut old = here.first(&[substation.address()]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("listen: {}", taken.local_addr().unwrap());

    let bad = here.attempt("listen: nowhere", &["--upgrade"]);
    fails_with(&bad, 78, &["listen"]);
    let elsewhere = same_ports(&old, &[substation.address()], "");
    let elsewhere = elsewhere.replacen(&format!("listen: {}", old.charge), &taken, 1);
    let bad = here.attempt(&elsewhere, &["--upgrade"]);
    fails_with(&bad, 1, &["another process has it"]);
    old.logged("Handover failed: this process continues");

    // Its only substation is unreachable, so it is never ready; then it is killed.
    let never = here.next(&old, &[([127, 0, 0, 1], 9).into()], "");
    old.logged("Listening sockets sent to a new process");
    drop(never);
    old.logged("Handover failed: this process continues");

    let second = here.attempt(&same_ports(&old, &[substation.address()], ""), &[]);
    fails_with(&second, 1, &["a running process listens", "--upgrade"]);
    assert!(old.is_running());
    for _ in 0..20 {
        assert_eq!(old.charge("{}").status, 200, "the old process still serves");
    }
    // Another process can still take over.
    let next = here.next(&old, &[substation.address()], "");
    next.logged("took over from the old one");
    assert!(old.wait().success());
    assert_eq!(next.charge("{}").status, 200);
}

#[test]
fn an_upgrade_succeeds_although_every_gauge_is_silent() {
    let silent = Scripted::start(|head| {
        if head.starts_with("GET") {
            Act::Write(page("something_else 1\n"))
        } else {
            Act::Write(booked())
        }
    });
    let here = Here::new();
    let mut old = here.first(&[silent.address]);
    let next = here.next(&old, &[silent.address], "");
    next.logged("took over from the old one");
    assert!(old.wait().success());
    assert_eq!(next.charge("{}").status, 200);
}

#[test]
fn without_a_process_to_take_over_from_it_says_so() {
    let here = Here::new();
    let yaml = yaml(&[([127, 0, 0, 1], 9).into()], "");
    let alone = here.attempt(&yaml, &["--upgrade"]);
    fails_with(&alone, 1, &["no process listens", "without --upgrade"]);
    let private = here.socket().parent().unwrap().to_owned();
    fs::set_permissions(&private, Permissions::from_mode(0o755)).unwrap();
    let open = here.attempt(&yaml, &[]);
    fails_with(&open, 1, &["open to others", "mode 0755", "0700"]);
}

#[test]
fn a_file_at_the_place_of_the_socket_stays_as_it_is() {
    let here = Here::new();
    let private = here.socket().parent().unwrap().to_owned();
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o700)).unwrap();
    fs::write(here.socket(), "precious").unwrap();
    let yaml = yaml(&[([127, 0, 0, 1], 9).into()], "");
    for arguments in [&[][..], &["--upgrade"]] {
        let refused = here.attempt(&yaml, arguments);
        fails_with(
            &refused,
            1,
            &["upgrade.sock is a regular file", "nothing is replaced"],
        );
    }
    assert_eq!(fs::read_to_string(here.socket()).unwrap(), "precious");
}

#[test]
fn silence_and_noise_at_the_socket_hold_up_no_upgrade_not_even_at_the_start() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    // Its other substation is never reached, so it is not ready for ten seconds.
    let nobody = ([127, 0, 0, 1], 9).into();
    let mut old = here.launch(&yaml(&[nobody], ""), &[]);
    let mut others = Vec::new();
    for said in [
        &b""[..],
        b"",
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"1",
        &[0; 4096],
    ] {
        let mut other = UnixStream::connect(here.socket()).unwrap();
        other.write_all(said).unwrap();
        others.push(other);
    }
    let begun = Instant::now();
    let next = here.next(&old, &[substation.address()], "");
    next.logged("took over from the old one");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(old.wait().success());
    assert_eq!(next.charge("{}").status, 200);
}

#[test]
fn a_changed_port_is_bound_and_the_old_one_is_closed() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let mut old = here.first(&[substation.address()]);
    let yaml = same_ports(&old, &[substation.address()], "");
    let yaml = yaml.replacen(
        &format!("admin: {{listen: {}}}", old.admin),
        "admin: {listen: 127.0.0.1:0}",
        1,
    );
    let next = Proxy::launch(&yaml, |command| {
        command.arg("--upgrade-socket").arg(here.socket());
        command.arg("--upgrade");
    });
    next.logged("took over from the old one");
    assert!(old.wait().success());
    assert_eq!(next.charge, old.charge);
    assert_ne!(next.admin, old.admin);
    assert!(std::net::TcpStream::connect(old.admin).is_err());
    assert_eq!(next.charge("{}").status, 200);
}

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket }
    }

    /// The next notification, without its status text.
    fn hears(&self) -> Vec<String> {
        let mut said = [0; 4096];
        let length = self.socket.recv(&mut said).expect("a notification");
        let said = String::from_utf8(said[..length].to_vec()).unwrap();
        let lines = said.lines().filter(|line| !line.starts_with("STATUS="));
        lines.map(str::to_owned).collect()
    }
}

/// A process that is not a child of this one; killed when dropped, if it has not ended.
struct Orphan(Pid);

impl Drop for Orphan {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

#[test]
fn the_service_manager_follows_from_process_to_process() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let heard_at = here.folder.path().join("notify");
    let manager = Manager::at(&heard_at);
    let start = |yaml: &str| {
        Proxy::launch(yaml, |command| {
            command
                .env("NOTIFY_SOCKET", &heard_at)
                .env("RUNTIME_DIRECTORY", here.socket().parent().unwrap());
        })
    };
    let mut old = start(&yaml(&[substation.address()], ""));
    assert_eq!(manager.hears(), ["READY=1"]);
    // The ports are named now, so that the next process finds them.
    let named = same_ports(&old, &[substation.address()], "");
    fs::write(old.files.path().join("switchyard.yaml"), named).unwrap();
    old.signal(Signal::SIGUSR2);
    let heard = manager.hears();
    let successor = heard[0].strip_prefix("MAINPID=").unwrap();
    assert_ne!(successor, old.id().to_string());
    assert_eq!(manager.hears(), ["READY=1"]);
    assert!(old.wait().success());
    let successor = Orphan(Pid::from_raw(successor.parse().unwrap()));
    assert_eq!(old.charge("{}").status, 200, "on the old one's port");
    kill(successor.0, Signal::SIGTERM).unwrap();
    assert_eq!(manager.hears(), ["STOPPING=1"]);
    until("the port is closed", || {
        std::net::TcpStream::connect(old.charge)
            .is_err()
            .then_some(())
    });
    until("the socket is gone", || {
        (!here.socket().exists()).then_some(())
    });
}
