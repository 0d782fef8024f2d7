//! Everything that is counted, as one struct of families registered once.
//!
//! No global registry: each proxy has its own, so a test reads only what it caused. Handles for label sets
//! that the way of a request needs are made beforehand; counting is an atomic addition. Gauges that mirror
//! the grid are set when someone looks ([`Metrics::render`]), so they cost nothing between scrapes.

mod choice;
mod config;
mod discovery;
mod outcomes;
mod requests;
mod substation;
mod tls;

use std::sync::Once;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder, core::Collector,
};

pub use choice::ChoiceMetrics;
pub use config::{ConfigMetrics, ReloadOutcome};
pub use discovery::{AnswerOutcome, SourceMetrics};
pub use outcomes::{PollOutcome, ReportOutcome, UpstreamOutcome};
pub use requests::{Outcome, RequestMetrics, RequestTotals, Waited};
pub use substation::SubstationMetrics;
pub use tls::{Handshake, TlsMetrics};

use crate::dispatch::Shared;
use discovery::DiscoveryFamilies;
use substation::SubstationFamilies;

/// What every name begins with.
const NAMESPACE: &str = "switchyard";

/// The registry and its families.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: RequestMetrics,
    choice: ChoiceMetrics,
    config: ConfigMetrics,
    discovery: DiscoveryFamilies,
    tls: TlsMetrics,
    substations: SubstationFamilies,
    panics: IntCounter,
    /// Without the prefix: `process_*` is called the same everywhere.
    process: Registry,
}

impl Metrics {
    /// Registers every family.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some(NAMESPACE.into()), None)?;
        let make = Register(&registry);
        let requests = RequestMetrics::register(&make)?;
        let choice = ChoiceMetrics::register(&make)?;
        let discovery = DiscoveryFamilies::register(&make)?;
        let tls = TlsMetrics::register(&make)?;
        let substations = SubstationFamilies::register(&make)?;
        let panics = make.counter("panics_total", "Panics caught; each lost one connection.")?;
        let build = make.int_gauges(
            "build_info",
            "1, with the version that runs as a label.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let config = ConfigMetrics::register(&make)?;
        let process = Registry::new();
        #[cfg(target_os = "linux")]
        process.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self {
            registry,
            requests,
            choice,
            config,
            discovery,
            tls,
            substations,
            panics,
            process,
        })
    }

    /// Counters of the way of a request.
    #[must_use]
    pub fn requests(&self) -> &RequestMetrics {
        &self.requests
    }

    /// How good the choices are.
    #[must_use]
    pub fn choice(&self) -> &ChoiceMetrics {
        &self.choice
    }

    /// What clients' handshakes come to.
    #[must_use]
    pub fn tls(&self) -> &TlsMetrics {
        &self.tls
    }

    /// The handles of one substation, all series present from the start.
    #[must_use]
    pub fn substation(&self, name: &str) -> SubstationMetrics {
        self.substations.handles(name)
    }

    /// Takes the series of a substation away that is gone for good.
    pub fn forget_substation(&self, name: &str) {
        self.substations.forget(name);
    }

    /// What is counted of the configuration.
    #[must_use]
    pub fn config(&self) -> &ConfigMetrics {
        &self.config
    }

    /// The handles of one source of substations; its series are there until it is forgotten.
    #[must_use]
    pub fn source(&self, name: &str) -> SourceMetrics {
        self.discovery.handles(name)
    }

    /// Counts panics from here on, besides whatever the hook before did with them.
    pub fn count_panics(&self) {
        static HOOKED: Once = Once::new();
        let panics = self.panics.clone();
        HOOKED.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                panics.inc();
                before(info);
            }));
        });
    }

    /// The metrics page, with the grid and what is in hand as they are now.
    pub fn render(&self, shared: &Shared) -> Result<Vec<u8>, prometheus::Error> {
        let now = shared.now();
        self.substations.mirror(&now.grid, now.version);
        self.requests.mirror(shared);
        self.tls.mirror(shared);
        let mut page = Vec::with_capacity(16 * 1024);
        let mut families = self.registry.gather();
        families.extend(self.process.gather());
        TextEncoder::new().encode(&families, &mut page)?;
        Ok(page)
    }
}

/// Makes and registers in one step.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, prometheus::Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        self.add(IntCounter::new(name, help)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.add(IntGauge::new(name, help)?)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn int_gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<prometheus::IntGaugeVec, prometheus::Error> {
        self.add(prometheus::IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<prometheus::GaugeVec, prometheus::Error> {
        self.add(prometheus::GaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: Vec<f64>,
    ) -> Result<Histogram, prometheus::Error> {
        self.add(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets),
        )?)
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: Vec<f64>,
    ) -> Result<HistogramVec, prometheus::Error> {
        self.add(HistogramVec::new(
            HistogramOpts::new(name, help).buckets(buckets),
            labels,
        )?)
    }
}

/// Buckets for what takes a proxied request: a proxy adds well under a millisecond, and beyond three
/// seconds everything is equally too long. 50 µs · 2ⁿ.
fn request_buckets() -> Vec<f64> {
    (0..17).map(|n| 50e-6 * 2_f64.powi(n)).collect()
}
