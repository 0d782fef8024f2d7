//! Finds substations that the configuration does not list.
//!
//! Each source is a task that looks when something changes or its time has come, and keeps what it found last: a
//! source that fails, hangs or answers with nothing takes nobody out of service. What all of them found is one
//! [`Discovery::listing`]; whoever applies it waits for [`Discovery::changed`].

mod dns;
mod file;
mod http;
mod keeper;
pub mod membership;
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

use dns::Name;
use file::Files;
use http::Url;
use keeper::Keeper;
use membership::Conflict;
use metrics::SourceMetrics;
use switchyard_config::{self as config, DnsSource, FileSource, HttpSource, Substation};

pub use membership::membership;
pub use metrics::DiscoveryFamilies;
pub use targets::Found;

/// A source that failed is asked again after so long, if its own pause is longer.
const RETRY: Duration = Duration::from_secs(5);

/// All sources of a configuration, at work until this is dropped.
#[derive(Debug)]
pub struct Discovery {
    sources: Vec<Source>,
    /// Counts what changed in the answers.
    steps: watch::Receiver<u64>,
    step: watch::Sender<u64>,
    /// Named in the log already.
    told: HashSet<Conflict>,
}

/// Where one source is asked: what it is known by from one configuration to the next.
#[derive(Debug, Clone, PartialEq)]
enum Origin {
    File(FileSource, PathBuf),
    Http(HttpSource),
    Dns(DnsSource),
}

/// One source at work.
#[derive(Debug)]
struct Source {
    origin: Origin,
    answer: watch::Receiver<Answer>,
    refresh: Arc<Notify>,
    metrics: SourceMetrics,
    task: AbortHandle,
}

/// What a source found last.
#[derive(Debug, Clone)]
struct Answer {
    found: Arc<[Found]>,
    /// It was asked once at least, whatever came of it.
    is_settled: bool,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
        self.metrics.forget();
    }
}

impl Discovery {
    /// Puts the sources of a configuration to work, on the runtime that this is called from. Files are relative to
    /// `base`, the folder of the configuration.
    ///
    /// A source that was at work `before` stays so, with what it found; others of `before` end here.
    #[must_use]
    pub fn start(
        config: &config::Discovery,
        base: &Path,
        metrics: &DiscoveryFamilies,
        before: Option<Self>,
    ) -> Self {
        let mut before = before.unwrap_or_else(|| {
            let (step, steps) = watch::channel(0);
            Self {
                sources: Vec::new(),
                steps,
                step,
                told: HashSet::new(),
            }
        });
        let mut running = std::mem::take(&mut before.sources);
        let origins: Vec<_> = origins(config, base).collect();
        let mut kept: Vec<_> = running
            .extract_if(.., |source| origins.contains(&source.origin))
            .collect();
        // Before others begin: one that was only altered has the same series.
        drop(running);
        let sources = origins.into_iter().map(|origin| {
            let at = kept.iter().position(|source| source.origin == origin);
            at.map_or_else(
                || Source::start(origin, metrics, before.step.clone()),
                |at| kept.swap_remove(at),
            )
        });
        before.sources = sources.collect();
        before.step.send_modify(|step| *step += 1);
        before
    }

    /// Waits for a change of the listing since this last returned. A wait that is given up loses nothing.
    pub async fn changed(&mut self) {
        // It has a sender of its own, so the channel does not close.
        let _ = self.steps.changed().await;
    }

    /// What was found, source by source in the order of the configuration, each as in its answer.
    #[must_use]
    pub fn listing(&self) -> Vec<Found> {
        let answers = self
            .sources
            .iter()
            .map(|source| Arc::clone(&source.answer.borrow().found));
        answers.flat_map(|found| found.to_vec()).collect()
    }

    /// Whether each source was asked once at least. Before that, nothing found means nothing.
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
            // A source that is no more will not answer either.
            let _ = answer.wait_for(|answer| answer.is_settled).await;
        }
    }

    /// Has every source asked again, now.
    pub fn refresh(&self) {
        for source in &self.sources {
            source.refresh.notify_one();
        }
    }

    /// The substations that are `listed` and those that were found: [`membership()`]. What is left out is named in the
    /// log, once for as long as it stays so.
    pub fn members(&mut self, listed: &[Substation], own: &[SocketAddr]) -> Vec<Substation> {
        let (all, conflicts) = membership(listed, &self.listing(), own);
        for conflict in &conflicts {
            if !self.told.contains(conflict) {
                warn!(%conflict, "Left out a substation that was found");
            }
        }
        self.told = conflicts.into_iter().collect();
        all
    }
}

fn origins<'a>(config: &'a config::Discovery, base: &'a Path) -> impl Iterator<Item = Origin> + 'a {
    let files = config.file_sd.iter().cloned();
    let http = config.http_sd.iter().cloned();
    let dns = config.dns.iter().cloned();
    files
        .map(|source| Origin::File(source, base.to_path_buf()))
        .chain(http.map(Origin::Http))
        .chain(dns.map(Origin::Dns))
}

impl Origin {
    const fn allows_empty(&self) -> bool {
        match self {
            Self::File(source, _) => source.allow_empty,
            Self::Http(source) => source.allow_empty,
            Self::Dns(source) => source.allow_empty,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source, _) => source.fmt(f),
            Self::Http(source) => source.fmt(f),
            Self::Dns(source) => source.fmt(f),
        }
    }
}

impl Source {
    fn start(origin: Origin, metrics: &DiscoveryFamilies, step: watch::Sender<u64>) -> Self {
        let (answered, answer) = watch::channel(Answer {
            found: Arc::new([]),
            is_settled: false,
        });
        let refresh = Arc::new(Notify::new());
        let metrics = metrics.handles(&origin.to_string());
        let keeper = Keeper::new(origin.to_string(), origin.allows_empty(), metrics.clone());
        let work = Work {
            keeper,
            refresh: Arc::clone(&refresh),
            answered,
            step,
        };
        let task = spawn(work.run(origin.clone())).abort_handle();
        Self {
            origin,
            answer,
            refresh,
            metrics,
            task,
        }
    }
}

/// A source's task.
struct Work {
    keeper: Keeper,
    refresh: Arc<Notify>,
    answered: watch::Sender<Answer>,
    step: watch::Sender<u64>,
}

impl Work {
    async fn run(mut self, origin: Origin) {
        let asked = match origin {
            // It looks at the files, and a file system may hang.
            Origin::File(source, base) => spawn_blocking(move || Files::new(&source, &base))
                .await
                .map(Asked::Files),
            Origin::Http(source) => Ok(Asked::Url(Url::new(&source))),
            Origin::Dns(source) => Ok(Asked::Name(Box::new(Name::new(&source)))),
        };
        // Else the runtime is about to end.
        let Ok(mut asked) = asked else {
            return;
        };
        loop {
            let found = asked.look(&mut self.keeper).await;
            let is_news = found.is_some() || !self.answered.borrow().is_settled;
            self.answered.send_modify(|answer| {
                answer.is_settled = true;
                if let Some(found) = found {
                    answer.found = found;
                }
            });
            if is_news {
                self.step.send_modify(|step| *step += 1);
            }
            let most = if self.keeper.is_failing() {
                RETRY
            } else {
                Duration::MAX
            };
            tokio::select! {
                () = asked.due(most) => {}
                () = self.refresh.notified() => {}
            }
        }
    }
}

/// Whoever is asked.
enum Asked {
    Files(Files),
    Url(Url),
    Name(Box<Name>),
}

impl Asked {
    /// What is found from now on, if that changed.
    async fn look(&self, keeper: &mut Keeper) -> Option<Arc<[Found]>> {
        match self {
            Self::Files(files) => keeper.judge(files.look().await),
            Self::Url(url) => keeper.judge(url.look().await),
            Self::Name(name) => keeper.judge(name.look().await),
        }
    }

    /// Waits until it is time for another look, at most so long.
    async fn due(&mut self, most: Duration) {
        match self {
            Self::Files(files) => files.due(most).await,
            Self::Url(url) => sleep(url.refresh().min(most)).await,
            Self::Name(name) => sleep(name.refresh().min(most)).await,
        }
    }
}

#[cfg(test)]
mod tests;
