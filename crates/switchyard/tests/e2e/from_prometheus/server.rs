//! A real Prometheus, as a process of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::rig::until;

/// Whether there is no Prometheus here. Says so.
pub(super) fn is_missing() -> bool {
    let found = Command::new("prometheus")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_missing = found.is_err();
    if is_missing {
        println!("SKIPPED: prometheus is not installed (Debian: prometheus)");
    }
    is_missing
}

/// A Prometheus; killed when dropped.
pub(super) struct Prometheus {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Prometheus {
    /// Scrapes these targets every `interval`.
    pub(super) fn start(targets: &[SocketAddr], interval: Duration) -> Self {
        let folder = TempDir::new().unwrap();
        let targets: Vec<_> = targets.iter().map(|one| format!("\"{one}\"")).collect();
        let millis = interval.as_millis();
        let config = format!(
            "global: {{scrape_interval: {millis}ms, scrape_timeout: {millis}ms}}\nscrape_configs:\n\
             - {{job_name: substations, static_configs: [{{targets: [{}]}}]}}\n",
            targets.join(", ")
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let (child, address) = run(folder.path(), ([127, 0, 0, 1], 0).into());
        Self {
            folder,
            address,
            child,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn kill(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Starts it again at its address, with the samples that it had.
    pub(super) fn start_again(&mut self) {
        (self.child, _) = run(self.folder.path(), self.address);
    }
}

fn run(folder: &Path, listen: SocketAddr) -> (Child, SocketAddr) {
    let child = Command::new("prometheus")
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={listen}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let address = until("Prometheus listens", || listens_at(&process));
    (child, address)
}

/// The address of the one socket of a process that listens: with port 0 no log says which port it got.
fn listens_at(process: &Path) -> Option<SocketAddr> {
    let sockets: Vec<_> = fs::read_dir(process.join("fd"))
        .ok()?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = fs::read_to_string(process.join("net/tcp")).ok()?;
    table.lines().find_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        let is_own = *state == "0A" && sockets.iter().any(|own| own == inode);
        let (_, port) = local.split_once(':').filter(|_| is_own)?;
        let port = u16::from_str_radix(port, 16).ok()?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}
