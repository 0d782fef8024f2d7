//! Starts the binary and waits for its log lines and answers; nothing here sleeps for a fixed time.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use switchyard_faults::{self as client, Answer, PATIENCE};

/// The variable that names another proxy than this build's, such as an earlier version to compare with.
const BINARY: &str = "SWITCHYARD_BINARY";

/// Waits until `condition` holds.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Replaces a file in one step, so that a proxy that watches it reads all of it or the old one: writes a new file, and
/// renames it over the old one.
pub(crate) fn replace(file: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let beside = file.as_ref().with_extension("new~");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, file).unwrap();
}

/// A running proxy; killed when dropped.
pub(crate) struct Proxy {
    child: Child,
    log: Receiver<String>,
    pub(crate) charge: SocketAddr,
    /// Where it listens for charges, that address included.
    pub(crate) charges: Vec<SocketAddr>,
    pub(crate) admin: SocketAddr,
    pub(crate) files: TempDir,
}

impl Proxy {
    /// Starts it with these substations and `extra` in the configuration, and waits until it is ready.
    pub(crate) fn start(substations: &[SocketAddr], extra: &str) -> Self {
        Self::ready_from(&yaml(substations, extra))
    }

    /// The same with this whole configuration.
    pub(crate) fn ready_from(yaml: &str) -> Self {
        let proxy = Self::start_from(yaml);
        proxy.wait_until_ready();
        proxy
    }

    /// Starts it without waiting for samples. Before its first samples it refuses charges where there are feeders.
    pub(crate) fn start_unready(substations: &[SocketAddr], extra: &str) -> Self {
        Self::start_from(&yaml(substations, extra))
    }

    /// The same with this whole configuration.
    pub(crate) fn start_from(yaml: &str) -> Self {
        Self::launch(yaml, |_| {})
    }

    /// Starts it with this configuration and whatever `arrange` adds to its command, and waits until it logs where it
    /// listens.
    pub(crate) fn launch(yaml: &str, arrange: impl FnOnce(&mut Command)) -> Self {
        Self::launch_in(TempDir::new().unwrap(), yaml, arrange)
    }

    /// Starts it with this configuration, and these files (name and text) beside it.
    pub(crate) fn launch_beside(yaml: &str, beside: &[(&str, &str)]) -> Self {
        let files = TempDir::new().unwrap();
        for (name, text) in beside {
            fs::write(files.path().join(name), text).unwrap();
        }
        Self::launch_in(files, yaml, |_| {})
    }

    fn launch_in(files: TempDir, yaml: &str, arrange: impl FnOnce(&mut Command)) -> Self {
        let file = files.path().join("switchyard.yaml");
        fs::write(&file, yaml).unwrap();
        let binary = env::var_os(BINARY);
        let binary = binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_switchyard").into());
        let mut command = Command::new(binary);
        command.args(["run", "--config"]).arg(&file);
        arrange(&mut command);
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = lines(&mut child);
        let mut charges = Vec::new();
        // It names the admin port last.
        let admin = loop {
            let line = log
                .recv_timeout(PATIENCE)
                .expect("it logs where it listens");
            let address = line
                .split("address=")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            let address = address.and_then(|address| address.parse().ok());
            if line.contains("Listening for charge requests") {
                charges.extend(address);
            } else if line.contains("Listening on the admin port") {
                break address.unwrap();
            }
        };
        Self {
            child,
            log,
            charge: charges[0],
            charges,
            admin,
            files,
        }
    }

    /// Waits until it has a sample of each substation.
    pub(crate) fn wait_until_ready(&self) {
        until("a first round of samples", || {
            (self.get("/ready").status == 200).then_some(())
        });
    }

    /// A charge on a connection of its own.
    pub(crate) fn charge(&self, body: &str) -> Answer {
        client::post(self.charge, "/request_charge", body)
    }

    /// A page of the admin port.
    pub(crate) fn get(&self, path: &str) -> Answer {
        client::get(self.admin, path)
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_slice(&self.get("/status").body).unwrap()
    }

    /// The state of the substation at that place of `/status`.
    pub(crate) fn state(&self, at: usize) -> String {
        let state = &self.status()["substations"][at]["state"];
        state.as_str().unwrap().to_owned()
    }

    /// The value of a series of `/metrics`; `series` is its text on the page.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        self.metrics(&[series])[0]
    }

    /// The values of these series on one page of `/metrics`.
    pub(crate) fn metrics<S: AsRef<str>>(&self, series: &[S]) -> Vec<f64> {
        let page = String::from_utf8(self.get("/metrics").body).unwrap();
        let values: HashMap<&str, &str> = page
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .collect();
        let value = |series: &S| {
            let series = series.as_ref();
            let value = values.get(series);
            value.unwrap_or_else(|| panic!("{series} is not in\n{page}"))
        };
        series
            .iter()
            .map(|series| value(series).parse().unwrap())
            .collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the end of the process", || self.child.try_wait().unwrap())
    }

    /// Reads the log until a line with `word`, and returns that line.
    pub(crate) fn logged(&self, word: &str) -> String {
        self.logged_until(word).pop().unwrap()
    }

    /// Reads the log until a line with `word`, and returns all lines up to it.
    pub(crate) fn logged_until(&self, word: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self
                .log
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("never logged: {word}"));
            let is_last = line.contains(word);
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration on free ports.
pub(crate) fn yaml(substations: &[SocketAddr], extra: &str) -> String {
    let listed: Vec<_> = substations
        .iter()
        .enumerate()
        .map(|(at, address)| format!("  - {{name: s{}, address: \"{address}\"}}", at + 1))
        .collect();
    let listed = listed.join("\n");
    let admin = if extra.contains("admin:") {
        ""
    } else {
        "admin: {listen: 127.0.0.1:0}\n"
    };
    format!("listen: 127.0.0.1:0\n{admin}threads: 2\nsubstations:\n{listed}\n{extra}\n")
}

fn lines(child: &mut Child) -> Receiver<String> {
    let (send, lines) = channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            eprintln!("{line}");
            if send.send(line).is_err() {
                break;
            }
        }
    });
    lines
}
