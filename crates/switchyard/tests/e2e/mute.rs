//! Standard error that takes nothing: gone, full, or a pipe that no process reads. It may cost log lines, and nothing
//! else.

use std::{
    fs::{self, File},
    io::PipeReader,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Mutex, mpsc::channel},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use socket2::{Domain, Socket, Type};
use switchyard_faults::{
    self as client, Act, Connection, Deaf, Scripted,
    fault::{booked, no_capacity},
};
use tempfile::TempDir;

use crate::rig::{until, yaml};

/// A port that no other process gets meanwhile: held by a socket that does not listen.
fn held_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A process whose log can't be read, so its ports are known beforehand; killed when dropped.
struct Mute {
    child: Child,
    charge: SocketAddr,
    admin: SocketAddr,
    files: TempDir,
    _ports: [Socket; 2],
    _reader: Option<PipeReader>,
}

impl Drop for Mute {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Mute {
    fn start(sink: Deaf, substations: &[SocketAddr]) -> Self {
        let [(first, charge), (second, admin)] = [held_port(), held_port()];
        let files = TempDir::new().unwrap();
        let yaml = yaml(substations, "load: {interval: 50ms, timeout: 50ms}")
            .replacen("listen: 127.0.0.1:0", &format!("listen: {charge}"), 1)
            .replacen("listen: 127.0.0.1:0", &format!("listen: {admin}"), 1);
        let file = files.path().join("switchyard.yaml");
        fs::write(&file, yaml).unwrap();
        let (stderr, reader) = sink.open();
        let child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
            .args(["run", "--config"])
            .arg(&file)
            .env("RUST_LOG", "debug")
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mute = Self {
            child,
            charge,
            admin,
            files,
            _ports: [first, second],
            _reader: reader,
        };
        until("it listens", || {
            std::net::TcpStream::connect(admin).ok().map(drop)
        });
        until("it is ready", || {
            (client::get(admin, "/ready").status == 200).then_some(())
        });
        mute
    }

    fn metric(&self, series: &str) -> f64 {
        let page = String::from_utf8(client::get(self.admin, "/metrics").body).unwrap();
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value
            .unwrap_or_else(|| panic!("{series} is not in\n{page}"))
            .parse()
            .unwrap()
    }

    /// Waits until `series` has grown after `cause`: the task that moves it is alive.
    fn grows(&self, series: &str, cause: impl FnOnce(&Self)) {
        let before = self.metric(series);
        cause(self);
        until(series, || (self.metric(series) > before).then_some(()));
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

#[test]
fn a_standard_error_that_takes_nothing_stops_no_task_and_costs_no_request() {
    for sink in Deaf::ALL {
        let (release, released) = channel::<()>();
        let released = Mutex::new(released);
        let slow = Scripted::charging(move || {
            let _ = released.lock().unwrap().recv();
            Act::Write(booked())
        });
        let full = Scripted::charging(|| Act::Write(no_capacity()));
        let mut proxy = Mute::start(sink, &[slow.address]);

        // The reload task logs a fault, then what changed: a substation that can't be reached, and one that is full.
        let file = proxy.files.path().join("switchyard.yaml");
        let valid = fs::read_to_string(&file).unwrap();
        fs::write(&file, "substatons: []").unwrap();
        until("the fault is reported", || {
            (client::post(proxy.admin, "/reload", "").status == 422).then_some(())
        });
        let more = format!(
            "substations:\n  - {{name: gone, address: \"127.0.0.1:9\"}}\n  - {{name: full, address: \"{}\"}}",
            full.address
        );
        fs::write(&file, valid.replacen("substations:", &more, 1)).unwrap();
        let reloaded = client::post(proxy.admin, "/reload", "");
        assert_eq!(reloaded.status, 200, "{sink:?}");
        // The scraper has logged that a substation is unreachable, and goes on.
        let failed = "switchyard_load_polls_total{outcome=\"connect\",substation=\"gone\"}";
        proxy.grows(failed, |_| {});
        proxy.grows(failed, |_| {});
        let unchanged = "switchyard_config_reloads_total{outcome=\"unchanged\"}";
        proxy.grows(unchanged, |proxy| proxy.signal(Signal::SIGHUP));
        fs::write(&file, valid).unwrap();
        assert_eq!(client::post(proxy.admin, "/reload", "").status, 200);

        assert_eq!(proxy.metric("switchyard_panics_total"), 0.0, "{sink:?}");
        if sink != Deaf::Unread {
            assert!(proxy.metric("switchyard_log_dropped_total") > 0.0);
        }
        let mut busy = Connection::open(proxy.charge);
        busy.send(client::request("POST", "/request_charge", "", "{}"));
        until("the request is with the substation", || {
            (slow.charges().len() == 1).then_some(())
        });
        proxy.signal(Signal::SIGTERM);
        until("it is not ready", || {
            (client::get(proxy.admin, "/ready").status == 503).then_some(())
        });
        drop(release);
        let answer = busy.answer();
        let answered = Instant::now();
        assert_eq!(
            (answer.status, answer.header("connection")),
            (200, Some("close")),
            "{sink:?}"
        );
        let status = until("the end of the process", || proxy.child.try_wait().unwrap());
        assert!(status.success(), "{sink:?}: {status}");
        assert!(
            answered.elapsed() < Duration::from_secs(1),
            "{sink:?}: {:?}",
            answered.elapsed()
        );
    }
}

#[test]
fn a_program_that_can_t_say_why_it_fails_still_ends_with_its_exit_code() {
    let files = TempDir::new().unwrap();
    let file = files.path().join("switchyard.yaml");
    let many = "substatons: []\n".to_owned();
    fs::write(&file, many).unwrap();
    for sink in Deaf::ALL {
        for command in ["run", "check"] {
            let (stderr, _reader) = sink.open();
            let mut child = Command::new(env!("CARGO_BIN_EXE_switchyard"))
                .args([command, "--config"])
                .arg(&file)
                .stdout(File::create("/dev/null").unwrap())
                .stderr(stderr)
                .spawn()
                .unwrap();
            let status = until("its end", || child.try_wait().unwrap());
            assert_eq!(status.code(), Some(78), "{sink:?}");
        }
    }
}
