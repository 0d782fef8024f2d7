//! What the substations and the proxy say of themselves while the run goes on.
//!
//! A load tester sees only answers. Whether the load lies evenly, whether a substation was filled beyond what
//! it can bear, and whether those who count agree with each other can only be read where Prometheus would
//! read it. So this reads the same pages: all of them at once, again and again, and keeps the series.

mod counters;
mod exposition;
mod series;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, Uri};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::caller::Caller;
use crate::report::{Counters, Grid};
use crate::tally::Tally;
use crate::{Error, Target, options};

use counters::{Proxy, Station};
use series::Series;

pub(crate) use series::{Level, imbalance};

/// Longer than a page takes, shorter than two looks.
const WITHIN: Duration = Duration::from_secs(2);

/// A proxy counts an answer a moment after the client has it.
const SETTLED_WITHIN: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A page of a substation.
#[derive(Debug)]
struct Watched {
    name: String,
    caller: Caller,
}

/// Reads the pages.
#[derive(Debug)]
pub(crate) struct Watcher {
    proxy: Option<Caller>,
    substations: Vec<Watched>,
    page: Uri,
    before: (Option<Proxy>, Vec<Station>),
    seen: Arc<Mutex<Series>>,
}

/// What has been seen so far, for whoever shows it.
#[derive(Clone, Debug)]
pub(crate) struct Seen(Arc<Mutex<Series>>);

impl Seen {
    /// How full each substation was at the last look.
    pub(crate) fn levels(&self) -> Vec<Level> {
        lock(&self.0).levels()
    }
}

impl Watcher {
    /// Finds all that is to be watched, and reads every page once; what can't be read is an error now.
    pub(crate) async fn start(options: &options::Watch) -> Result<Self, Error> {
        let mut proxy = options
            .admin
            .clone()
            .map(|admin| Caller::new(admin, WITHIN));
        let mut named = Vec::new();
        if let Some(proxy) = &mut proxy {
            named = substations(proxy).await?;
        }
        named.extend(options.substations.iter().cloned());
        let watched = named.into_iter().map(|(name, target)| Watched {
            name,
            caller: Caller::new(target, WITHIN),
        });
        let mut this = Self {
            proxy,
            substations: watched.collect(),
            page: Uri::from_static("/metrics"),
            before: (None, Vec::new()),
            seen: Arc::new(Mutex::new(Series::default())),
        };
        let mut stations = Vec::new();
        for station in this.stations().await {
            stations.push(station?);
        }
        let proxy = match &mut this.proxy {
            Some(caller) => Some(Proxy::read(&page(caller, &this.page).await?)),
            None => None,
        };
        let called = this.substations.iter();
        let called = called.map(|watched| watched.name.clone());
        *lock(&this.seen) = Series::new(called, &stations);
        this.before = (proxy, stations);
        Ok(this)
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen(Arc::clone(&self.seen))
    }

    /// Where each substation's sessions can be ended.
    pub(crate) fn addresses(&self) -> Vec<(String, Target)> {
        let each = self.substations.iter();
        each.map(|watched| (watched.name.clone(), watched.caller.target().clone()))
            .collect()
    }

    /// Looks until it is dropped.
    pub(crate) async fn look(&mut self, start: Instant, every: Duration) {
        let mut beat = interval(every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let stations = self.stations().await;
            let loads = stations.iter().map(|station| station.as_ref().ok());
            lock(&self.seen).push(start.elapsed(), loads);
        }
    }

    /// After the last answer: what was seen, and whether all who count agree.
    pub(crate) async fn end(&mut self, tally: &Tally) -> (Grid, Counters) {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let stations: Vec<_> = self.stations().await.into_iter().map(Result::ok).collect();
            let proxy = match &mut self.proxy {
                Some(caller) => page(caller, &self.page)
                    .await
                    .ok()
                    .map(|page| Proxy::read(&page)),
                None => None,
            };
            let names = self.substations.iter().map(|watched| watched.name.as_str());
            let after = (proxy, stations);
            let found = counters::compare(names, &self.before, &after, tally);
            if found.agree || Instant::now() > deadline {
                let delivered = counters::delivered_kwh(&self.before.1, &after.1);
                return (lock(&self.seen).report(delivered), found);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn stations(&mut self) -> Vec<Result<Station, Error>> {
        let uri = &self.page;
        let read = self.substations.iter_mut().map(|watched| async {
            let text = page(&mut watched.caller, uri).await?;
            Ok(Station::read(&text))
        });
        join_all(read).await
    }
}

fn lock(seen: &Mutex<Series>) -> MutexGuard<'_, Series> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn page(caller: &mut Caller, path: &Uri) -> Result<String, Error> {
    let answer = caller.ask(Method::GET, path).await;
    let answer = answer.and_then(|answer| match answer.status() {
        200 => Ok(String::from_utf8_lossy(answer.body()).into_owned()),
        status => Err(format!("it answers with status {status}")),
    });
    answer.map_err(|why| Error::Watch {
        url: caller.target().sibling(path),
        why,
    })
}

/// The substations that the proxy knows.
async fn substations(proxy: &mut Caller) -> Result<Vec<(String, Target)>, Error> {
    #[derive(Deserialize)]
    struct Status {
        substations: Vec<Named>,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
        address: String,
    }
    let path = Uri::from_static("/status");
    let text = page(proxy, &path).await?;
    let fault = |why: String| Error::Watch {
        url: proxy.target().sibling(&path),
        why,
    };
    let status: Status = serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?;
    let targets = status.substations.into_iter().map(|named| {
        let target = format!("http://{}", named.address).parse();
        let target = target.map_err(|error: crate::TargetError| fault(error.to_string()))?;
        Ok((named.name, target))
    });
    targets.collect()
}
