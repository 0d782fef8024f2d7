//! A store of a fleet: a `redis-server` of this machine, started on a socket in a folder of its own.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use switchyard_faults::PATIENCE;
use tempfile::TempDir;

use crate::rig::until;

/// A running store; killed when dropped.
pub(super) struct Store {
    child: Child,
    folder: TempDir,
}

impl Store {
    /// Starts an empty one. None where no `redis-server` is installed, which the log says.
    pub(super) fn start() -> Option<Self> {
        let Ok(found) = Command::new("redis-server").arg("--version").output() else {
            eprintln!("skipped: redis-server is not installed");
            return None;
        };
        assert!(found.status.success());
        let folder = TempDir::new().unwrap();
        let child = run(&folder);
        let store = Self { child, folder };
        store.is_up();
        Some(store)
    }

    /// The configuration of a proxy that uses it.
    pub(super) fn yaml(&self) -> String {
        let socket = self.folder.path().join("store.sock");
        format!("fleet: {{store: \"unix:{}\"}}\n", socket.display())
    }

    /// Kills it with SIGKILL, and starts it again with what its log of writes has.
    pub(super) fn restart(&mut self) {
        self.kill();
        self.child = run(&self.folder);
        self.is_up();
    }

    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn is_up(&self) {
        until("the store answers", || {
            (self.tell("PING")? == "+PONG").then_some(())
        });
    }

    /// Sends a command, and returns the first line of the answer. None if it can't be reached.
    pub(super) fn tell(&self, command: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.folder.path().join("store.sock")).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    }

    /// It answers nothing for this time; returns when that is over.
    pub(super) fn sleep(&self, time: Duration) {
        assert_eq!(
            self.tell(&format!("DEBUG SLEEP {}", time.as_secs_f64())),
            Some("+OK".to_owned())
        );
    }

    /// It answers no client for this time; returns at once.
    pub(super) fn pause(&self, time: Duration) {
        assert_eq!(
            self.tell(&format!("CLIENT PAUSE {} ALL", time.as_millis())),
            Some("+OK".to_owned())
        );
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(folder: &TempDir) -> Child {
    Command::new("redis-server")
        .current_dir(folder.path())
        .args(["--port", "0", "--unixsocket", "store.sock", "--save", ""])
        // A write is in the file before its answer leaves, so only the end of the machine could lose one.
        .args(["--appendonly", "yes", "--appendfsync", "everysec"])
        .args(["--enable-debug-command", "yes"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
