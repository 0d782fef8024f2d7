//! Finds substations that the configuration does not list.
//!
//! Each source is a task that refreshes when something changes or its interval has passed, and keeps its last good
//! answer: a source that fails, hangs or returns nothing takes no substation out of service. [`Discovery::listing`]
//! is what all sources found; a caller that applies it waits for [`Discovery::changed`].

mod dns;
mod file;
mod gate;
mod http;
mod last_good;
pub mod merge;
mod metrics;
pub mod targets;

use std::{
    collections::HashSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, spawn, spawn_blocking},
    time::sleep,
};
use tracing::warn;

use dns::DnsClient;
use file::FileClient;
use gate::Gate;
use http::HttpClient;
use last_good::LastGood;
use merge::MergeConflict;
use metrics::SourceMetrics;
use switchyard_config::{self as config, DnsSource, FileSource, HttpSource, Network, Substation};
use switchyard_process::vital::{Ended, Vitals};

pub use merge::merge;
pub use metrics::DiscoveryFamilies;
pub use targets::Found;

/// The pause after a failure, if the source's own interval is longer.
const RETRY: Duration = Duration::from_secs(5);

/// The most conflicts that are logged at once: a wrong answer may have ten thousand.
const MOST_LINES: usize = 20;

/// All sources of a configuration. They run until this is dropped.
#[derive(Debug)]
pub struct Discovery {
    sources: Vec<Source>,
    /// Counts changes of the answers.
    changes: watch::Receiver<u64>,
    change: watch::Sender<u64>,
    /// The conflicts that the log names already.
    logged: HashSet<MergeConflict>,
}

/// The configuration of one source, which identifies it across reloads.
#[derive(Debug, Clone, PartialEq)]
struct SourceConfig {
    kind: SourceKind,
    /// What it may give.
    allow: Vec<Network>,
}

#[derive(Debug, Clone, PartialEq)]
enum SourceKind {
    File(FileSource, PathBuf),
    Http(HttpSource),
    Dns(DnsSource),
}

/// One running source.
#[derive(Debug)]
struct Source {
    config: SourceConfig,
    answer: watch::Receiver<Answer>,
    refresh: Arc<Notify>,
    metrics: SourceMetrics,
    task: AbortHandle,
}

/// The last good answer of a source.
#[derive(Debug, Clone)]
struct Answer {
    found: Arc<[Found]>,
    /// Whether the source has been asked at least once, with any outcome.
    is_settled: bool,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
        self.metrics.forget();
    }
}

impl Discovery {
    /// Starts the sources of a configuration on the current runtime. Files are relative to `base`, the folder of the
    /// configuration.
    ///
    /// A source of `before` that is still configured goes on, with its answer; the others of `before` stop. A source
    /// whose task dies is started again, and is down in `vitals` meanwhile.
    #[must_use]
    pub fn start(
        config: &config::Discovery,
        base: &Path,
        metrics: &DiscoveryFamilies,
        vitals: &Vitals,
        before: Option<Self>,
    ) -> Self {
        let mut before = before.unwrap_or_else(|| {
            let (change, changes) = watch::channel(0);
            Self {
                sources: Vec::new(),
                changes,
                change,
                logged: HashSet::new(),
            }
        });
        let mut running = std::mem::take(&mut before.sources);
        let configs: Vec<_> = source_configs(config, base).collect();
        let mut kept: Vec<_> = running
            .extract_if(.., |source| configs.contains(&source.config))
            .collect();
        // Before new sources start: an altered source has the same series as its predecessor.
        drop(running);
        let sources = configs.into_iter().map(|config| {
            let at = kept.iter().position(|source| source.config == config);
            at.map_or_else(
                || Source::start(config, metrics, vitals, before.change.clone()),
                |at| kept.swap_remove(at),
            )
        });
        before.sources = sources.collect();
        before.change.send_modify(|change| *change += 1);
        before
    }

    /// Waits until the listing has changed since this last returned. Cancel safe.
    pub async fn changed(&mut self) {
        // `self` holds a sender, so the channel does not close.
        let _ = self.changes.changed().await;
    }

    /// All that was found: the sources in the order of the configuration, each as in its answer.
    #[must_use]
    pub fn listing(&self) -> Vec<Found> {
        let answers = self
            .sources
            .iter()
            .map(|source| Arc::clone(&source.answer.borrow().found));
        answers.flat_map(|found| found.to_vec()).collect()
    }

    /// Whether each source was asked at least once. Before that, an empty listing says nothing.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.sources
            .iter()
            .all(|source| source.answer.borrow().is_settled)
    }

    /// Waits until [`Discovery::is_settled`].
    pub async fn settled(&self) {
        for source in &self.sources {
            let mut answer = source.answer.clone();
            // A source that has stopped will not answer either.
            let _ = answer.wait_for(|answer| answer.is_settled).await;
        }
    }

    /// Makes every source refresh now.
    pub fn refresh(&self) {
        for source in &self.sources {
            source.refresh.notify_one();
        }
    }

    /// The substations that are `listed` and those that were found, by [`merge()`]. Each conflict is logged once for
    /// as long as it lasts.
    pub fn merged(&mut self, listed: &[Substation], own: &[SocketAddr]) -> Vec<Substation> {
        let (all, conflicts) = merge(listed, &self.listing(), own);
        let mut news = conflicts.iter().filter(|one| !self.logged.contains(*one));
        for conflict in news.by_ref().take(MOST_LINES) {
            warn!(%conflict, "Discovered substation ignored");
        }
        let more = news.count();
        if more > 0 {
            warn!(more, "Further discovered substations ignored");
        }
        self.logged = conflicts.into_iter().collect();
        all
    }
}

fn source_configs<'a>(
    config: &'a config::Discovery,
    base: &'a Path,
) -> impl Iterator<Item = SourceConfig> + 'a {
    let files = config.file_sd.iter().cloned();
    let http = config.http_sd.iter().cloned();
    let dns = config.dns.iter().cloned();
    files
        .map(|source| SourceKind::File(source, base.to_path_buf()))
        .chain(http.map(SourceKind::Http))
        .chain(dns.map(SourceKind::Dns))
        .map(|kind| SourceConfig {
            kind,
            allow: config.allow.clone(),
        })
}

impl SourceKind {
    const fn allows_empty(&self) -> bool {
        match self {
            Self::File(source, _) => source.allow_empty,
            Self::Http(source) => source.allow_empty,
            Self::Dns(source) => source.allow_empty,
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source, _) => source.fmt(f),
            Self::Http(source) => source.fmt(f),
            Self::Dns(source) => source.fmt(f),
        }
    }
}

impl Source {
    fn start(
        config: SourceConfig,
        metrics: &DiscoveryFamilies,
        vitals: &Vitals,
        change: watch::Sender<u64>,
    ) -> Self {
        let (answered, answer) = watch::channel(Answer {
            found: Arc::new([]),
            is_settled: false,
        });
        let refresh = Arc::new(Notify::new());
        let SourceConfig { kind, allow } = &config;
        let metrics = metrics.handles(&kind.to_string());
        let gate = Gate::new(allow.clone());
        let last_good = LastGood::new(kind.to_string(), kind.allows_empty(), gate, metrics.clone());
        let mut vital = vitals.task(&format!("discovery of {kind}"));
        let mut task = SourceTask {
            last_good,
            refresh: Arc::clone(&refresh),
            answered,
            change,
        };
        let running = kind.clone();
        let task = async move {
            // Its answer, and what is known of its health, outlive a run.
            while vital.run(task.run(running.clone())).await == Ended::TooSoon {
                vital.pause().await;
            }
        };
        let task = spawn(task).abort_handle();
        Self {
            config,
            answer,
            refresh,
            metrics,
            task,
        }
    }
}

/// A source's task.
struct SourceTask {
    last_good: LastGood,
    refresh: Arc<Notify>,
    answered: watch::Sender<Answer>,
    change: watch::Sender<u64>,
}

impl SourceTask {
    /// Refreshes the source for as long as the runtime runs.
    async fn run(&mut self, kind: SourceKind) -> Ended {
        let client = match kind {
            // It reads the files, and a file system may hang.
            SourceKind::File(source, base) => {
                spawn_blocking(move || FileClient::new(&source, &base))
                    .await
                    .map(SourceClient::File)
            }
            SourceKind::Http(source) => Ok(SourceClient::Http(HttpClient::new(&source))),
            SourceKind::Dns(source) => Ok(SourceClient::Dns(Box::new(DnsClient::new(&source)))),
        };
        let mut client = match client {
            Ok(client) => client,
            Err(error) if error.is_panic() => return Ended::TooSoon,
            // The runtime is shutting down.
            Err(_) => return Ended::Finished,
        };
        loop {
            let found = client.fetch(&mut self.last_good).await;
            let is_news = found.is_some() || !self.answered.borrow().is_settled;
            self.answered.send_modify(|answer| {
                answer.is_settled = true;
                if let Some(found) = found {
                    answer.found = found;
                }
            });
            if is_news {
                self.change.send_modify(|change| *change += 1);
            }
            let most = if self.last_good.is_failing() {
                RETRY
            } else {
                Duration::MAX
            };
            tokio::select! {
                () = client.due(most) => {}
                () = self.refresh.notified() => {}
            }
        }
    }
}

/// The client of a source.
enum SourceClient {
    File(FileClient),
    Http(HttpClient),
    Dns(Box<DnsClient>),
}

impl SourceClient {
    /// Refreshes once; `Some` is the new answer, if it changed.
    async fn fetch(&self, last_good: &mut LastGood) -> Option<Arc<[Found]>> {
        match self {
            Self::File(client) => match client.fetch().await.transpose() {
                Some(answer) => last_good.accept(answer),
                None => last_good.accept_nothing_yet(),
            },
            Self::Http(client) => last_good.accept(client.fetch().await),
            Self::Dns(client) => last_good.accept(client.fetch().await),
        }
    }

    /// Waits until the next refresh is due, at most `most`.
    async fn due(&mut self, most: Duration) {
        match self {
            Self::File(client) => client.due(most).await,
            Self::Http(client) => sleep(client.refresh().min(most)).await,
            Self::Dns(client) => sleep(client.refresh().min(most)).await,
        }
    }
}

#[cfg(test)]
mod tests;
