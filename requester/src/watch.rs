//! What the substations and the proxy report about themselves during the run.
//!
//! A load generator sees only answers. Whether the load is even, whether a substation was filled
//! above its capacity, and whether all counters agree can only be read where Prometheus would read
//! it. So this scrapes the same pages, all of them at once and again and again, and keeps the
//! series.

mod compare;
mod exposition;
mod feeders;
mod pages;
mod series;
mod time_weighted;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::{Method, Uri};
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::access::Access;
use crate::client::Client;
use crate::error::{Error, TargetError};
use crate::options::Watch;
use crate::report::{Counters, Grid};
use crate::tally::Tally;
use crate::target::Target;

use pages::{ProxyPage, SubstationPage};
use series::{Level, Series};

pub(crate) use series::imbalance;

/// Longer than a page takes, shorter than two readings.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The proxy counts an answer a moment after the client has it.
const SETTLE_TIME: Duration = Duration::from_secs(3);
const SETTLE_INTERVAL: Duration = Duration::from_millis(20);

/// A substation that is watched.
#[derive(Debug)]
struct Watched {
    name: String,
    client: Client,
}

/// Reads the pages.
#[derive(Debug)]
pub(crate) struct Watcher {
    proxy: Option<Client>,
    substations: Vec<Watched>,
    path: Uri,
    before: (Option<ProxyPage>, Vec<SubstationPage>),
    series: Arc<Mutex<Series>>,
}

/// The latest reading, for a progress view.
#[derive(Clone, Debug)]
pub(crate) struct CurrentLevels(Arc<Mutex<Series>>);

impl CurrentLevels {
    /// The load of each substation at the latest reading.
    pub(crate) fn get(&self) -> Vec<Level> {
        lock(&self.0).levels()
    }
}

impl Watcher {
    /// Finds everything to watch, and reads each page once. A page that cannot be read is an error.
    pub(crate) async fn start(options: &Watch, access: &Access) -> Result<Self, Error> {
        let mut proxy = options.admin.clone().map(|admin| {
            let client = Client::new(admin, TIMEOUT, access.clone());
            client.with_bearer(access.admin_bearer.clone())
        });
        let mut targets = Vec::new();
        if let Some(proxy) = &mut proxy {
            targets = substations(proxy).await?;
        }
        targets.extend(options.substations.iter().cloned());
        let watched = targets.into_iter().map(|(name, target)| Watched {
            name,
            client: Client::new(target, TIMEOUT, access.clone()),
        });
        let mut this = Self {
            proxy,
            substations: watched.collect(),
            path: Uri::from_static("/metrics"),
            before: (None, Vec::new()),
            series: Arc::new(Mutex::new(Series::default())),
        };
        let pages = this.read_substations().await;
        let pages = pages.into_iter().collect::<Result<Vec<_>, _>>()?;
        let proxy = match &mut this.proxy {
            Some(client) => Some(ProxyPage::read(&page(client, &this.path).await?)),
            None => None,
        };
        let watched = this.substations.iter();
        let names = watched.map(|watched| watched.name.clone());
        *lock(&this.series) = Series::new(names, &pages).with_feeders(&options.feeders);
        this.before = (proxy, pages);
        Ok(this)
    }

    pub(crate) fn levels(&self) -> CurrentLevels {
        CurrentLevels(Arc::clone(&self.series))
    }

    /// The address of each substation, where its sessions can be ended.
    pub(crate) fn addresses(&self) -> Vec<(String, Target)> {
        let each = self.substations.iter();
        each.map(|watched| (watched.name.clone(), watched.client.target().clone()))
            .collect()
    }

    /// Reads until it is dropped.
    pub(crate) async fn watch(&mut self, start: Instant, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let pages = self.read_substations().await;
            let pages = pages.iter().map(|page| page.as_ref().ok());
            lock(&self.series).push(start.elapsed(), pages);
        }
    }

    /// After the last answer: the loads over the run, and whether all counters agree.
    pub(crate) async fn end(&mut self, tally: &Tally) -> (Grid, Counters) {
        let deadline = Instant::now() + SETTLE_TIME;
        loop {
            let pages = self.read_substations().await;
            let pages = pages.into_iter().map(Result::ok).collect();
            let proxy = match &mut self.proxy {
                Some(client) => page(client, &self.path)
                    .await
                    .ok()
                    .map(|page| ProxyPage::read(&page)),
                None => None,
            };
            let names = self.substations.iter().map(|watched| watched.name.as_str());
            let after = (proxy, pages);
            let counters = compare::compare(names, &self.before, &after, tally);
            if counters.differences.is_empty() || Instant::now() > deadline {
                let delivered = compare::delivered_kwh(&self.before.1, &after.1);
                return (lock(&self.series).report(delivered), counters);
            }
            sleep(SETTLE_INTERVAL).await;
        }
    }

    async fn read_substations(&mut self) -> Vec<Result<SubstationPage, Error>> {
        let path = &self.path;
        let pages = self.substations.iter_mut().map(|watched| async {
            let text = page(&mut watched.client, path).await?;
            Ok(SubstationPage::read(&text))
        });
        join_all(pages).await
    }
}

fn lock(series: &Mutex<Series>) -> MutexGuard<'_, Series> {
    series.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn page(client: &mut Client, path: &Uri) -> Result<String, Error> {
    let answer = client.send(Method::GET, path).await;
    let answer = answer.and_then(|answer| match answer.status() {
        200 => Ok(String::from_utf8_lossy(answer.body()).into_owned()),
        status => Err(format!("it answers with status {status}")),
    });
    answer.map_err(|why| Error::Watch {
        url: client.target().sibling(path),
        why,
    })
}

/// The substations that the proxy knows.
async fn substations(proxy: &mut Client) -> Result<Vec<(String, Target)>, Error> {
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
        let target = target.map_err(|error: TargetError| fault(error.to_string()))?;
        Ok((named.name, target))
    });
    targets.collect()
}
