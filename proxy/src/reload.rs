//! Changes of the configuration while the proxy runs.
//!
//! One task applies all of them, so that none overtakes another: the file when it changes, on SIGHUP and on
//! `POST /reload`, and what [`Discovery`] finds. Each time the whole is made anew (what the file says, what
//! stays until a restart, what was found), checked, and swapped in one step; on any fault nothing changes and
//! all faults are told. What is the same as before is not swapped at all.

mod changes;
mod file;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};
use tracing::{error, info, warn};

use switchyard_config::Config;
use switchyard_discovery::Discovery;
use switchyard_status::Reload;

use switchyard_process::signals;

use crate::{metrics::ReloadOutcome, runtime::Runtime, systemd};
use file::File;

/// How long new sources of substations are waited for before what they found counts as nothing.
const SOURCES: Duration = Duration::from_secs(5);
/// Reloads that may wait for their turn.
const QUEUE: usize = 16;

/// Asks for reloads.
#[derive(Clone, Debug)]
pub struct Handle(mpsc::Sender<oneshot::Sender<Reload>>);

impl Handle {
    /// Has the file read again, and waits for what comes of it. None if the proxy is about to end.
    pub async fn reload(&self) -> Option<Reload> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        answered.await.ok()
    }
}

/// What became of a configuration that was taken, a line each.
#[derive(Debug, Default)]
struct Taken {
    changes: Vec<String>,
    needs_restart: Vec<String>,
}

/// The task that applies changes, before it runs.
#[derive(Debug)]
pub struct Reloader {
    runtime: Arc<Runtime>,
    file: Option<File>,
    /// What the file said last, less what needs a restart.
    written: Config,
    discovery: Option<Discovery>,
    /// Where the proxy itself listens.
    own: [SocketAddr; 2],
    asked: mpsc::Receiver<oneshot::Sender<Reload>>,
    /// Taken from the first moment: without a handler it would end the process.
    hangup: signals::Watch,
}

impl Reloader {
    /// For the configuration in force, which came from `path`, or from no file. `own` is where the proxy itself listens.
    /// To be called on a runtime.
    #[must_use]
    pub fn new(
        runtime: Arc<Runtime>,
        path: Option<PathBuf>,
        own: [SocketAddr; 2],
    ) -> (Self, Handle) {
        let (ask, asked) = mpsc::channel(QUEUE);
        let written = Config::clone(&runtime.now().config);
        let reloader = Self {
            runtime,
            file: path.map(File::new),
            written,
            discovery: None,
            own,
            asked,
            hangup: signals::Watch::hangup(),
        };
        (reloader, Handle(ask))
    }

    /// Puts the sources of substations to work, and waits a while for what they find.
    pub async fn start(&mut self) {
        self.start_discovery().await;
        if let Err(faults) = self.apply() {
            warn!(?faults, "What was found can't be used");
        }
    }

    /// Applies changes until dropped.
    pub async fn run(mut self) {
        self.watch().await;
        if self.file.is_some() {
            // It may have changed between being read and being watched.
            self.reload_file("the file had changed", true).await;
        }
        loop {
            let forget_at = self.runtime.forget_departed(Instant::now());
            tokio::select! {
                () = self.hangup.next() => {
                    systemd::reloading();
                    let reload = self.reload_file("SIGHUP", false).await;
                    self.refresh();
                    let version = reload.version;
                    systemd::ready(&format!("Configuration {version} in force"));
                }
                Some(answer) = self.asked.recv() => {
                    let reload = self.reload_file("POST /reload", false).await;
                    self.refresh();
                    // Whoever asked may have hung up.
                    let _ = answer.send(reload);
                }
                () = file::changed(&mut self.file) => {
                    self.reload_file("the file changed", true).await;
                }
                () = changed(&mut self.discovery) => self.follow_discovery(),
                () = sleep_until(forget_at.unwrap_or_else(Instant::now)), if forget_at.is_some() => {}
            }
        }
    }

    /// Reads the file and puts it into force. `is_quiet`: nothing is told of a file that says what it said before.
    async fn reload_file(&mut self, why: &str, is_quiet: bool) -> Reload {
        let read = match &self.file {
            Some(file) => file.read().await,
            None => Err(vec!["this configuration came from no file".to_owned()]),
        };
        let taken = match read {
            Ok(config) => self.take(config).await,
            Err(faults) => Err(faults),
        };
        let outcome = match &taken {
            Ok(taken) if taken.changes.is_empty() => ReloadOutcome::Unchanged,
            Ok(_) => ReloadOutcome::Changed,
            Err(_) => ReloadOutcome::Refused,
        };
        let is_news = match &taken {
            Ok(taken) => !(taken.changes.is_empty() && taken.needs_restart.is_empty()),
            Err(_) => true,
        };
        // A file that is right again is news, although nothing of it is new.
        let was_refused = || self.runtime.last_reload().is_some_and(|last| !last.success);
        let is_told = is_news || !is_quiet || was_refused();
        let reload = self.report(taken);
        if is_told {
            self.runtime.metrics.config.reloaded(outcome);
            tell(&reload, why);
            self.runtime.note_reload(reload.clone());
        }
        reload
    }

    /// Puts what the file says into force, and reads the certificate and the token that it names.
    async fn take(&mut self, mut config: Config) -> Result<Taken, Vec<String>> {
        let needs_restart = changes::keep(&mut config, &self.written);
        let is_other_credential = self.read_credentials(config.clone()).await?;
        let before = std::mem::replace(&mut self.written, config);
        if self.written.tls != before.tls || self.written.admin != before.admin {
            self.watch().await;
        }
        if self.written.discovery != before.discovery {
            self.start_discovery().await;
        }
        let mut changes = match self.apply() {
            Ok(changes) => changes,
            Err(fault) => {
                self.written = before;
                return Err(vec![fault]);
            }
        };
        if is_other_credential {
            changes.push("certificate or token replaced".to_owned());
        }
        Ok(Taken {
            changes,
            needs_restart,
        })
    }

    async fn read_credentials(&self, config: Config) -> Result<bool, Vec<String>> {
        let runtime = Arc::clone(&self.runtime);
        let read = spawn_blocking(move || runtime.credentials.reload(&config, "credentials"));
        match read.await {
            Ok(read) => read.map_err(file::lines),
            Err(error) => Err(vec![format!("credentials can't be read: {error}")]),
        }
    }

    /// Has the file watched, and those that it names.
    async fn watch(&mut self) {
        let named = [
            self.written.tls.as_ref().map(|tls| tls.certificate.clone()),
            self.written.tls.as_ref().map(|tls| tls.key.clone()),
            self.written.admin.token_file.clone(),
        ];
        if let Some(file) = &mut self.file {
            file.watch(named.into_iter().flatten()).await;
        }
    }

    fn follow_discovery(&mut self) {
        match self.apply() {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => {
                let version = self.runtime.now().version;
                let changes = changes.join("; ");
                info!(version, changes, "Other substations were found");
            }
            Err(fault) => warn!(fault, "What was found can't be used"),
        }
    }

    /// Puts what the file says and what was found into force, and says what that changes.
    fn apply(&mut self) -> Result<Vec<String>, String> {
        let mut config = self.written.clone();
        if let Some(discovery) = &mut self.discovery {
            config.substations = discovery.merged(&config.substations, &self.own);
        }
        let before = Arc::clone(&self.runtime.now().config);
        if config == *before {
            return Ok(Vec::new());
        }
        let changes = changes::between(&before, &config);
        self.runtime
            .put_in_force(config, fastrand::u64(..))
            .map_err(|error| format!("charge.upstream_path: {error}"))?;
        Ok(changes)
    }

    async fn start_discovery(&mut self) {
        let sources = &self.written.discovery;
        if sources.is_empty() {
            self.discovery = None;
            return;
        }
        let folder = self.file.as_ref().map(File::folder).unwrap_or_default();
        let before = self.discovery.take();
        let discovery = Discovery::start(sources, &folder, &self.runtime.metrics.discovery, before);
        if timeout(SOURCES, discovery.settled()).await.is_err() {
            warn!("Not all sources of substations have answered yet: going on without");
        }
        self.discovery = Some(discovery);
    }

    fn refresh(&self) {
        if let Some(discovery) = &self.discovery {
            discovery.refresh();
        }
    }

    fn report(&self, taken: Result<Taken, Vec<String>>) -> Reload {
        let now = self.runtime.now();
        let clock = now.grid.clock();
        let success = taken.is_ok();
        let (taken, faults) = match taken {
            Ok(taken) => (taken, Vec::new()),
            Err(faults) => (Taken::default(), faults),
        };
        Reload {
            version: now.version,
            unix_seconds: clock.unix_seconds(clock.now()),
            success,
            faults,
            changes: taken.changes,
            needs_restart: taken.needs_restart,
        }
    }
}

fn tell(reload: &Reload, why: &str) {
    let version = reload.version;
    for fault in &reload.faults {
        error!(why, version, fault, "Reload refused: the old stays");
    }
    if reload.success {
        let changes = reload.changes.join("; ");
        info!(why, version, changes, "Reloaded");
    }
    for key in &reload.needs_restart {
        warn!(why, key, "Needs a restart");
    }
}

/// The next change of what is found; never where nothing is looked for.
async fn changed(discovery: &mut Option<Discovery>) {
    match discovery {
        Some(discovery) => discovery.changed().await,
        None => std::future::pending().await,
    }
}
