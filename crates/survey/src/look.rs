//! One scrape of one substation, as the proxy would do it.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Ledger, Load, Reading};
use switchyard_config::{Config, Fault, Substation, UpstreamTls};
use switchyard_credentials::Bearer;
use switchyard_gauge::exposition::Verdict;
use switchyard_scrape::{Gauges, Inspection, PollFailure, Probe, ScrapeTicket};
use switchyard_tls::trust_files;
use switchyard_transport::{Belief, Transport, Trust, Which};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::Page;

/// The most scrapes at once.
const AT_ONCE: usize = 64;

/// Scrapes substations as a configuration says.
#[derive(Debug)]
pub struct Surveyor {
    gauges: Gauges,
    path: String,
    bearer: Option<Bearer>,
    trust: Arc<Trust>,
    tls: Option<UpstreamTls>,
}

/// What one scrape met.
#[derive(Debug)]
pub struct Look {
    /// What was asked for.
    pub url: String,
    /// From before the connection until the end of the answer, or the failure.
    pub took: Duration,
    /// The status of the answer; `None` if no whole answer came.
    pub status: Option<u16>,
    /// The answer's `Content-Type`.
    pub content_type: Option<String>,
    /// The size of the page, as far as it came, in bytes.
    pub size: usize,
    /// The page itself.
    pub bytes: Vec<u8>,
    /// What is on it.
    pub page: Page,
    /// What the ledger has after it, or why there is no sample.
    pub sample: Result<Reading, PollFailure>,
    /// Why the page shows no capacity, if it shows its gauge.
    pub capacity_fault: Option<PollFailure>,
}

impl Surveyor {
    /// A surveyor of the substations of `config`. Reads the files of certificates and tokens that scrapes need, and
    /// says which one can't be used.
    pub fn new(config: &Config) -> Result<Self, Fault> {
        let bearer = config.load.authorization.as_ref().map(|it| {
            let file = &it.credentials_file;
            Bearer::read(file).map_err(|rule| Fault {
                path: "load.authorization.credentials_file".to_owned(),
                value: format!("{:?}", file.display().to_string()),
                rule,
                line: None,
            })
        });
        let trust = Trust::default();
        if let Some(tls) = &config.upstream.tls {
            trust.replace(Some(belief(tls)?));
        }
        Ok(Self {
            gauges: Gauges::new(&config.load),
            path: config.load.path.clone(),
            bearer: bearer.transpose()?,
            trust: Arc::new(trust),
            tls: config.upstream.tls.clone(),
        })
    }

    /// Scrapes a substation once.
    pub async fn look(&self, substation: &Substation) -> Look {
        let authority = substation.authority();
        let transport = Arc::new(Transport::default());
        let tls = substation.tls.name(self.tls.as_ref(), &authority);
        if let Some(name) = &tls {
            transport.set_tls(&self.trust, name);
        }
        let mut probe = Probe::new(substation.address, &self.gauges).over(&transport);
        probe.set_host(&authority);
        probe.set_bearer(self.bearer.clone());
        let capacity = substation.capacity.and_then(Load::new);
        let ledger = Ledger::new(capacity);
        let ticket = ScrapeTicket::new(&ledger);
        let Inspection {
            result,
            took,
            status,
            content_type,
            page: bytes,
        } = probe.inspect(&self.gauges, ticket, capacity).await;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (sample, capacity_fault) = match result {
            // What the ledger took, and not what was read for it.
            Ok(fault) => {
                let reading = Reading {
                    load: ledger.value().unwrap_or_default(),
                    capacity: ledger.capacity(),
                };
                (Ok(reading), fault)
            }
            Err(failure) => (Err(failure), None),
        };
        Look {
            url: format!("{scheme}://{authority}{}", self.path),
            took,
            status,
            content_type,
            size: bytes.len(),
            page: Page::read(&bytes),
            bytes,
            sample,
            capacity_fault,
        }
    }

    /// What a scrape by these gauges would read of a page that is there.
    pub fn read(&self, bytes: &[u8]) -> Result<(Reading, Option<PollFailure>), PollFailure> {
        self.gauges.of_page(bytes, None)
    }

    /// What a scrape makes of `line` as a load.
    #[must_use]
    pub fn judge_load(&self, line: &[u8]) -> Verdict<'_> {
        self.gauges.judge_load(line)
    }

    /// What a scrape makes of `line` as a capacity.
    #[must_use]
    pub fn judge_capacity(&self, line: &[u8]) -> Verdict<'_> {
        self.gauges.judge_capacity(line)
    }
}

/// Scrapes each of the substations once, many at the same time. The looks come in the order of the substations.
pub async fn look_at_all(surveyor: Arc<Surveyor>, substations: &[Substation]) -> Vec<Look> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut looks = JoinSet::new();
    for (at, substation) in substations.iter().cloned().enumerate() {
        let (surveyor, turns) = (Arc::clone(&surveyor), Arc::clone(&turns));
        looks.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (at, surveyor.look(&substation).await)
        });
    }
    let mut all = looks.join_all().await;
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, look)| look).collect()
}

impl Look {
    /// Whether a page came.
    #[must_use]
    pub fn has_page(&self) -> bool {
        self.status == Some(200)
    }

    /// What is wrong with it, before any gauge: there is no page, or it is none of metrics.
    #[must_use]
    pub fn no_page(&self) -> Option<String> {
        match &self.sample {
            Err(failure) if !self.has_page() => Some(failure.to_string()),
            _ if self.page.is_html() => {
                Some("the page is HTML and no metrics: correct the path (load.path)".to_owned())
            }
            _ if self.size == 0 => Some("the page is empty".to_owned()),
            _ if self.page.series.is_empty() => Some(
                "no line of the page is a metric in Prometheus' text format: correct the path (load.path)".to_owned(),
            ),
            _ => None,
        }
    }
}

/// What `upstream.tls` says to believe and to show.
fn belief(tls: &UpstreamTls) -> Result<Belief, Fault> {
    let files = trust_files(tls);
    Belief::read(&files).map_err(|unreadable| {
        let file = match unreadable.which {
            Which::Ca => &files.ca,
            Which::Certificate => &files.certificate,
            Which::Key => &files.key,
        };
        let file = file
            .as_ref()
            .map(|file| format!("{:?}", file.display().to_string()));
        Fault {
            path: format!("upstream.tls.{}", unreadable.which.key()),
            value: file.unwrap_or_default(),
            rule: unreadable.rule,
            line: None,
        }
    })
}

#[cfg(test)]
mod tests;
