//! A real store for tests: Debian's `redis-server`, with a folder and a socket to itself.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::PATIENCE;

/// A `redis-server` that ends with the test. It listens on a unix socket, and keeps its data in a folder of its own.
#[derive(Debug)]
pub struct RedisServer {
    folder: TempDir,
    options: Vec<String>,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one that keeps nothing on disk.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with these options, as on its command line: `&["--appendonly", "yes"]`.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let mut server = Self::stopped_with(options);
        server.start_again();
        server
    }

    /// One that is not started yet: nothing listens on its socket.
    #[must_use]
    pub fn stopped_with(options: &[&str]) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            options: options.iter().map(ToString::to_string).collect(),
            process: None,
        }
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Its address, as `fleet.store` takes it.
    #[must_use]
    pub fn store(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    /// The folder of its data, for what a test keeps beside it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it again, with what it kept on disk, and waits until it answers.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let log = File::create(self.folder.path().join("log")).unwrap();
        let spawned = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(self.socket())
            .args(&self.options)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.process = Some(spawned.unwrap_or_else(|error| {
            panic!("redis-server can't be started ({error}): install it, as by `make setup` or `apt-get install redis-server`")
        }));
        let begun = Instant::now();
        // It says LOADING, NOAUTH or NOPERM as well as PONG: what matters is that it answers.
        while self.try_ask(["ping"]).is_none() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "redis-server does not start: {}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it at once, as a lost machine would: what it has not written is gone.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it does not run");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Stops its process, which keeps its connections but does nothing, until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it does not run");
        let pid = i32::try_from(process.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Sends a command with `redis-cli`, and returns what that prints.
    pub fn ask<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> String {
        self.try_ask(words).expect("redis-server does not answer")
    }

    fn try_ask<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Option<String> {
        let mut client = Command::new("redis-cli");
        client.arg("-s").arg(self.socket()).args(words);
        let output = client
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| {
                panic!("redis-cli can't be started ({error}): install redis-tools")
            });
        let text = String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned();
        (output.status.success() && !text.is_empty() || text.contains(' ')).then_some(text)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
