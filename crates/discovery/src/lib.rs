//! Finds substations that the configuration does not list.
//!
//! Each source is a task that refreshes when something changes or its interval has passed, and keeps its last good
//! answer: a source that fails, hangs or returns nothing takes no substation out of service. [`Discovery::listing`]
//! is what all sources found; a caller that applies it waits for [`Discovery::changed`].

mod dns;
mod feeders;
mod file;
mod gate;
mod http;
mod last_good;
pub mod merge;
mod metrics;
mod targets;
mod task;

use std::{
    collections::HashSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, spawn},
};
use tracing::warn;

use feeders::FeederNames;
use gate::Gate;
use last_good::LastGood;
use merge::{ConflictCause, MergeConflict};
use metrics::SourceMetrics;
use switchyard_config::{
    self as config, Config, DnsSource, Feeder, FileSource, HttpSource, Network, Substation,
};
use switchyard_process::vital::{Ended, Vitals};
use task::SourceTask;

pub use merge::merge;
pub use metrics::DiscoveryFamilies;
pub use switchyard_target_groups::Found;

/// The most conflicts that are logged at once: a wrong answer may have ten thousand.
const MOST_LINES: usize = 20;

/// All sources of a configuration. They run until this is dropped.
#[derive(Debug)]
pub struct Discovery {
    sources: Vec<Source>,
    /// What their answers may name.
    feeders: FeederNames,
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
        config: &Config,
        base: &Path,
        metrics: &DiscoveryFamilies,
        vitals: &Vitals,
        before: Option<Self>,
    ) -> Self {
        let mut before = before.unwrap_or_else(|| {
            let (change, changes) = watch::channel(0);
            Self {
                sources: Vec::new(),
                feeders: FeederNames::default(),
                changes,
                change,
                logged: HashSet::new(),
            }
        });
        before.expect_feeders(&config.feeders);
        let mut running = std::mem::take(&mut before.sources);
        let configs: Vec<_> = source_configs(&config.discovery, base).collect();
        let mut kept: Vec<_> = running
            .extract_if(.., |source| configs.contains(&source.config))
            .collect();
        // Before new sources start: an altered source has the same series as its predecessor.
        drop(running);
        let sources = configs.into_iter().map(|config| {
            let at = kept.iter().position(|source| source.config == config);
            at.map_or_else(
                || {
                    let feeders = before.feeders.clone();
                    Source::start(config, feeders, metrics, vitals, before.change.clone())
                },
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

    /// Holds answers against these feeders from now on. If they are others than before, every source refreshes: an
    /// answer that was refused may be right now.
    pub fn expect_feeders(&self, feeders: &[Feeder]) {
        if self.feeders.set(feeders) {
            self.refresh();
        }
    }

    /// Accepts answers that name these feeders too, and refreshes.
    pub fn expect_also(&self, feeders: &[Feeder]) {
        self.feeders.add(feeders);
        self.refresh();
    }

    /// What does not fit the feeders of `config` in the answers of the sources that it keeps, one line a source.
    #[must_use]
    pub fn misplaced(&self, config: &Config, base: &Path) -> Vec<String> {
        let feeders: HashSet<_> = config.feeders.iter().map(|one| one.name.as_str()).collect();
        let kept: Vec<_> = source_configs(&config.discovery, base).collect();
        let sources = self.sources.iter().filter(|one| kept.contains(&one.config));
        let lines = sources.filter_map(|source| {
            let found = Arc::clone(&source.answer.borrow().found);
            let misplaced = feeders::check(&found, |name| feeders.contains(name)).err()?;
            Some(format!("{}: {misplaced}", source.config.kind))
        });
        lines.collect()
    }

    /// Makes every source refresh now.
    pub fn refresh(&self) {
        for source in &self.sources {
            source.refresh.notify_one();
        }
    }

    /// The substations that are listed and those that were found, by [`merge()`]. Each conflict is logged once for
    /// as long as it lasts.
    pub fn merged(&mut self, config: &Config, own: &[SocketAddr]) -> Vec<Substation> {
        let (all, conflicts) = merge(&config.substations, &config.feeders, &self.listing(), own);
        let mut news = conflicts.iter().filter(|one| !self.logged.contains(*one));
        for conflict in news.by_ref().take(MOST_LINES) {
            if matches!(conflict.cause, ConflictCause::NoFeeder(_)) {
                warn!(%conflict, "Discovered substation drained");
            } else {
                warn!(%conflict, "Discovered substation ignored");
            }
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
        feeders: FeederNames,
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
        let last_good = LastGood::new(
            kind.to_string(),
            kind.allows_empty(),
            (gate, feeders),
            metrics.clone(),
        );
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

#[cfg(test)]
mod tests;
