//! Changes of the configuration while the proxy runs.
//!
//! One task applies all changes, in order: the file when it changes, on SIGHUP and on `POST /reload`, and what
//! [`Discovery`] finds. Each time the whole configuration is built (from the file, the settings that stay until a
//! restart, and the discovered substations), checked, and swapped in one step. On any fault nothing changes, and
//! every fault is reported. A configuration equal to the one in force is not swapped.

mod changes;
mod file;
mod reading;
mod unused;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};
use tracing::{error, info, warn};

use switchyard_access_log::Output;
use switchyard_config::Config;
use switchyard_discovery::Discovery;
use switchyard_status::Reload;
use switchyard_tls::trust_files;
use switchyard_transport::TrustFiles;

use switchyard_process::{
    change_log_filter, signals,
    vital::{Ended, VitalTask},
};

use crate::{access_log, log_filter, metrics::ReloadOutcome, runtime::Runtime, systemd};
use file::ConfigFile;
use reading::Reading;
use unused::Unused;

/// How long a start waits for the first answers of discovery sources; later answers are applied when they come.
const SOURCES_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reload waits until the last lines are in the old access log.
const LAST_LINES: Duration = Duration::from_secs(3);
/// How many requests for a reload may queue.
const QUEUE: usize = 16;

/// Requests reloads.
#[derive(Clone, Debug)]
pub struct ReloadHandle(mpsc::Sender<oneshot::Sender<Reload>>);

impl ReloadHandle {
    /// Requests a reload of the file and waits for its result. `None` if the proxy is stopping.
    pub async fn reload(&self) -> Option<Reload> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        answered.await.ok()
    }
}

/// What applying a configuration changed, one line per item.
#[derive(Debug, Default)]
struct Applied {
    changes: Vec<String>,
    needs_restart: Vec<String>,
}

/// The task that applies changes, before it runs.
#[derive(Debug)]
pub struct Reloader {
    runtime: Arc<Runtime>,
    file: Option<ConfigFile>,
    /// The last configuration read from the file, without the changes that need a restart.
    file_config: Config,
    discovery: Option<Discovery>,
    /// What nothing belongs to, and the log names already.
    noted: Unused,
    /// Whether the file waits for discovery: what was found does not fit its feeders.
    is_file_waiting: bool,
    reading: Reading,
    /// Where the proxy itself listens: not allowed as a substation.
    own_addresses: Vec<SocketAddr>,
    asked: mpsc::Receiver<oneshot::Sender<Reload>>,
    /// Installed from the start: without a handler SIGHUP would end the process.
    hangup: signals::Watch,
}

impl Reloader {
    /// For the configuration in force, which was read from `path`, if from a file. `own_addresses` is where the proxy
    /// itself listens. Must be called on a runtime.
    #[must_use]
    pub fn new(
        runtime: Arc<Runtime>,
        path: Option<PathBuf>,
        own_addresses: Vec<SocketAddr>,
    ) -> (Self, ReloadHandle) {
        let (ask, asked) = mpsc::channel(QUEUE);
        let file_config = Config::clone(&runtime.now().config);
        let reloader = Self {
            runtime,
            file: path.map(ConfigFile::new),
            file_config,
            discovery: None,
            noted: Unused::default(),
            is_file_waiting: false,
            reading: Reading::default(),
            own_addresses,
            asked,
            hangup: signals::Watch::hangup(),
        };
        (reloader, ReloadHandle(ask))
    }

    /// Starts the discovery sources, and waits a while for their first answers.
    pub async fn start(&mut self) {
        self.start_discovery().await;
        if let Err(faults) = self.apply() {
            warn!(?faults, "Discovered substations rejected");
        }
    }

    /// Applies changes until dropped. If that panics, it goes on with what is in force.
    pub async fn run(mut self, mut vital: VitalTask) {
        while vital.run(Box::pin(self.follow())).await == Ended::TooSoon {
            vital.pause().await;
        }
    }

    async fn follow(&mut self) -> Ended {
        self.watch().await;
        if self.file.is_some() {
            // It may have changed between the first read and the start of the watch.
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
                    // The client may have closed its connection.
                    let _ = answer.send(reload);
                }
                () = file::changed(&mut self.file) => {
                    self.reload_file("the file changed", true).await;
                }
                () = changed(&mut self.discovery) => self.follow_discovery().await,
                () = sleep_until(forget_at.unwrap_or_else(Instant::now)), if forget_at.is_some() => {}
            }
        }
    }

    /// Reads the file and puts it into force. With `is_quiet`, an unchanged file is neither logged nor counted.
    async fn reload_file(&mut self, why: &str, is_quiet: bool) -> Reload {
        let path = self.file.as_ref().map(|file| file.path().to_owned());
        let read = match path {
            // Resolves host names too.
            Some(path) => self.reading.run(move || file::read(&path)).await,
            None => Err(vec!["this configuration came from no file".to_owned()]),
        };
        let applied = match read {
            Ok(config) => self.put_in_force(config).await,
            Err(faults) => Err(faults),
        };
        let outcome = match &applied {
            Ok(applied) if applied.changes.is_empty() => ReloadOutcome::Unchanged,
            Ok(_) => ReloadOutcome::Changed,
            Err(_) => ReloadOutcome::Refused,
        };
        let is_news = match &applied {
            Ok(applied) => !(applied.changes.is_empty() && applied.needs_restart.is_empty()),
            Err(_) => true,
        };
        // A file that is valid again is news, even if it equals the configuration in force.
        let was_refused = || self.runtime.last_reload().is_some_and(|last| !last.success);
        let is_noted = is_news || !is_quiet || was_refused();
        let reload = self.report(applied);
        if is_noted {
            self.runtime.metrics.config.reloaded(outcome);
            log(&reload, why);
            self.runtime.note_reload(reload.clone());
        }
        reload
    }

    /// Puts the configuration of the file into force, and reads the certificate and the token that it names.
    async fn put_in_force(&mut self, mut config: Config) -> Result<Applied, Vec<String>> {
        let needs_restart = changes::keep_fixed(&mut config, &self.file_config);
        self.require_fit(&config)?;
        let is_other_credential = self.read_credentials(config.clone()).await?;
        let moves_log = access_log::moves(&self.file_config, &config);
        let access_log = if moves_log {
            self.open_access_log(config.clone()).await?
        } else {
            None
        };
        let before = std::mem::replace(&mut self.file_config, config);
        let has_same_tokens = self
            .file_config
            .credentials_files()
            .eq(before.credentials_files());
        let has_same_files = self.file_config.tls == before.tls
            && self.file_config.admin == before.admin
            && self.file_config.clients_file == before.clients_file
            && self.file_config.upstream.tls == before.upstream.tls;
        if !has_same_files || !has_same_tokens {
            self.watch().await;
        }
        if self.file_config.discovery == before.discovery {
            self.expect_feeders();
        } else {
            self.start_discovery().await;
        }
        let mut changes = match self.apply() {
            Ok(changes) => changes,
            Err(fault) => {
                self.file_config = before;
                self.expect_feeders();
                return Err(vec![fault]);
            }
        };
        if moves_log {
            self.move_access_log(access_log).await;
        }
        if self.file_config.log.level != before.log.level {
            change_log_filter(&log_filter(self.file_config.log.level));
        }
        if is_other_credential {
            changes.push("certificate or token replaced".to_owned());
        }
        Ok(Applied {
            changes,
            needs_restart,
        })
    }

    async fn open_access_log(&mut self, config: Config) -> Result<Option<Output>, Vec<String>> {
        let open = move || access_log::open(&config, "access log");
        self.reading.run(open).await
    }

    /// Lines go there from now on. Those so far are written where they were to go, unless that takes nothing.
    async fn move_access_log(&self, output: Option<Output>) {
        let log = self.runtime.access_log.clone();
        if let Err(error) = log.write_to(output) {
            warn!(%error, "Access log can't be started");
        }
        // It fails only at the end of the process.
        let _ = spawn_blocking(move || log.flush(LAST_LINES)).await;
    }

    async fn read_credentials(&mut self, config: Config) -> Result<bool, Vec<String>> {
        let runtime = Arc::clone(&self.runtime);
        let reload = move || runtime.credentials.reload(&config, "credentials");
        self.reading.run(reload).await
    }

    /// Watches the file, and the files that it names.
    async fn watch(&mut self) {
        let admin = &self.file_config.admin;
        let named = [
            self.file_config
                .tls
                .as_ref()
                .map(|tls| tls.certificate.clone()),
            self.file_config.tls.as_ref().map(|tls| tls.key.clone()),
            admin.tls.as_ref().map(|tls| tls.certificate.clone()),
            admin.tls.as_ref().map(|tls| tls.key.clone()),
            admin.token_file.clone(),
            self.file_config
                .tls
                .as_ref()
                .and_then(|tls| tls.client_ca.clone()),
            self.file_config.clients_file.clone(),
        ];
        let trust = self.file_config.upstream.tls.as_ref().map(trust_files);
        let TrustFiles {
            ca,
            certificate,
            key,
        } = trust.unwrap_or_default();
        let named = named.into_iter().chain([ca, certificate, key]);
        let tokens = self.file_config.credentials_files();
        let tokens: Vec<_> = tokens.map(|(_, file)| file.to_owned()).collect();
        if let Some(file) = &mut self.file {
            file.watch(named.flatten().chain(tokens)).await;
        }
    }

    /// Refuses a configuration whose feeders do not fit what was found: a substation would be without its limit. Both
    /// may have been changed at once, so answers that fit the new feeders are accepted, and the file is read again when
    /// they come.
    fn require_fit(&mut self, config: &Config) -> Result<(), Vec<String>> {
        let folder = self.folder();
        let Some(discovery) = &self.discovery else {
            return Ok(());
        };
        let faults: Vec<_> = discovery
            .misplaced(config, &folder)
            .into_iter()
            .map(|source| format!("feeders: {source}: change it there first"))
            .collect();
        self.is_file_waiting = !faults.is_empty();
        if faults.is_empty() {
            return Ok(());
        }
        discovery.expect_also(&config.feeders);
        Err(faults)
    }

    fn expect_feeders(&self) {
        if let Some(discovery) = &self.discovery {
            discovery.expect_feeders(&self.file_config.feeders);
        }
    }

    async fn follow_discovery(&mut self) {
        if self.is_file_waiting {
            self.reload_file("discovery changed", true).await;
        }
        match self.apply() {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => {
                let version = self.runtime.now().version;
                let changes = changes.join("; ");
                info!(version, changes, "Substations updated from discovery");
            }
            Err(fault) => warn!(fault, "Discovered substations rejected"),
        }
    }

    /// Puts the file's configuration and the discovered substations into force. Returns the changes.
    fn apply(&mut self) -> Result<Vec<String>, String> {
        let mut config = self.file_config.clone();
        if let Some(discovery) = &mut self.discovery {
            config.substations = discovery.merged(&config, &self.own_addresses);
        }
        if self.discovery.as_ref().is_none_or(Discovery::is_settled) {
            self.noted.note(&config);
        }
        let before = Arc::clone(&self.runtime.now().config);
        if config == *before && changes::has_same_hosts(&before, &config) {
            return Ok(Vec::new());
        }
        let changes = changes::between(&before, &config);
        self.runtime
            .put_in_force(config, fastrand::u64(..))
            .map_err(|error| format!("charge.upstream_path: {error}"))?;
        Ok(changes)
    }

    async fn start_discovery(&mut self) {
        if self.file_config.discovery.is_empty() {
            self.discovery = None;
            return;
        }
        let folder = self.folder();
        let before = self.discovery.take();
        let Runtime {
            metrics, vitals, ..
        } = &*self.runtime;
        let config = &self.file_config;
        let discovery = Discovery::start(config, &folder, &metrics.discovery, vitals, before);
        if timeout(SOURCES_TIMEOUT, discovery.settled()).await.is_err() {
            warn!("Proxy starts before all discovery sources have answered");
        }
        self.discovery = Some(discovery);
    }

    /// The folder that relative paths in the file start from.
    fn folder(&self) -> PathBuf {
        let file = self.file.as_ref();
        file.map(ConfigFile::folder).unwrap_or_default()
    }

    fn refresh(&self) {
        if let Some(discovery) = &self.discovery {
            discovery.refresh();
        }
    }

    fn report(&self, applied: Result<Applied, Vec<String>>) -> Reload {
        let now = self.runtime.now();
        let clock = now.grid.clock();
        let success = applied.is_ok();
        let (applied, faults) = match applied {
            Ok(applied) => (applied, Vec::new()),
            Err(faults) => (Applied::default(), faults),
        };
        Reload {
            version: now.version,
            unix_seconds: clock.unix_seconds(clock.now()),
            success,
            faults,
            changes: applied.changes,
            needs_restart: applied.needs_restart,
        }
    }
}

fn log(reload: &Reload, why: &str) {
    let version = reload.version;
    for fault in &reload.faults {
        error!(
            why,
            version, fault, "Reload refused: the old configuration stays in force"
        );
    }
    if reload.success {
        let changes = reload.changes.join("; ");
        info!(why, version, changes, "Configuration reloaded");
    }
    for key in &reload.needs_restart {
        warn!(why, key, "Setting changes only at a restart");
    }
}

/// Completes with the next discovery change; never without discovery.
async fn changed(discovery: &mut Option<Discovery>) {
    match discovery {
        Some(discovery) => discovery.changed().await,
        None => std::future::pending().await,
    }
}
