//! All metrics, registered once.
//!
//! Each module declares its own families; this one puts them into one registry. Handles for the label sets that
//! requests need are made in advance, so counting is an atomic addition. Nothing here reads other modules: the
//! admin port sets the gauges of the current state when it renders the page. What there is of each substation is not
//! in the registry, which would make a page of thousands of them dear: the grid writes it.

mod config;
mod exemplars;
mod limits;
mod requests;
mod routed;
mod state;

use std::sync::Once;

use prometheus::{Encoder, IntCounter, Registry, TextEncoder};
use switchyard_access_log::AccessLogMetrics;
use switchyard_discovery::DiscoveryFamilies;
use switchyard_fleet::StoreMetrics;
use switchyard_grid::{Grid, GridMetrics};
use switchyard_telemetry::{Error, Page, Registrar};
use switchyard_tls::TlsMetrics;
use switchyard_traces::TraceMetrics;

pub use config::{ConfigMetrics, ReloadOutcome};
pub use limits::LimitGauges;
pub use requests::{
    Evicted, ProxyHeaderRead, RequestGauges, RequestMetrics, RequestTotals, Share, Waited,
};
pub use state::{StateMetrics, StateWritten};

/// Prefix of every name.
pub(crate) const NAMESPACE: &str = "switchyard";

/// The registry and its families.
#[derive(Debug)]
pub struct Metrics {
    /// Requests, as clients see them.
    pub requests: RequestMetrics,
    /// Substations, and how they are chosen.
    pub grid: GridMetrics,
    /// The configuration and its reloads.
    pub config: ConfigMetrics,
    /// Sources of substations.
    pub discovery: DiscoveryFamilies,
    /// TLS handshakes with clients.
    pub tls: TlsMetrics,
    /// Calls to the store of a fleet.
    pub store: StoreMetrics,
    /// The state file.
    pub state: StateMetrics,
    /// The access log.
    pub access_log: AccessLogMetrics,
    /// Spans of traces.
    pub traces: TraceMetrics,
    panics: IntCounter,
    log_dropped: IntCounter,
    registry: Registry,
    /// Without the prefix: `process_*` has the same names in every program.
    process: Registry,
}

impl Metrics {
    /// Registers every family.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new_custom(Some(NAMESPACE.into()), None)?;
        let make = Registrar::new(&registry);
        let build = make.int_gauges(
            "build_info",
            "Always 1; the labels say what was built.",
            &["version", "revision"],
        )?;
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), switchyard_process::revision()])
            .set(1);
        let process = Registry::new();
        #[cfg(target_os = "linux")]
        process.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self {
            requests: RequestMetrics::register(make)?,
            grid: GridMetrics::register(make)?,
            config: ConfigMetrics::register(make)?,
            discovery: DiscoveryFamilies::register(make)?,
            tls: TlsMetrics::register(make)?,
            store: StoreMetrics::register(make)?,
            state: StateMetrics::register(make)?,
            access_log: AccessLogMetrics::register(make)?,
            traces: TraceMetrics::register(make)?,
            panics: make.counter(
                "panics_total",
                "Panics caught; each one closed a connection.",
            )?,
            log_dropped: make.counter(
                "log_dropped_total",
                "Log lines that standard error did not take.",
            )?,
            registry,
            process,
        })
    }

    /// Counts panics from now on, in addition to what the previous hook does.
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

    /// Sets how many log lines this process has lost so far.
    pub fn log_dropped(&self, lines: u64) {
        let counted = self.log_dropped.get();
        self.log_dropped.inc_by(lines.saturating_sub(counted));
    }

    /// The metrics page, in Prometheus' text format, with the gauges of this grid and of these limits.
    pub fn render(&self, grid: &Grid, limits: &[LimitGauges]) -> Result<Vec<u8>, Error> {
        let mut page = Vec::with_capacity(16 * 1024);
        let mut families = self.registry.gather();
        families.extend(self.process.gather());
        TextEncoder::new().encode(&families, &mut page)?;
        let mut page = Page::after(page, NAMESPACE);
        self.grid.write(&mut page);
        grid.write_gauges(&mut page);
        limits::write(&mut page, limits);
        Ok(page.into_text())
    }
}
