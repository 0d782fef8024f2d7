//! Everything that is counted, registered once.
//!
//! Each room declares its own families; here they are put into one registry. Handles for label sets that the way of a
//! request needs are made beforehand, so counting is an atomic addition. Nothing here looks at the rooms: gauges that
//! speak of now are set by the admin port when it renders the page.

mod config;
mod requests;

use std::sync::Once;

use prometheus::{Encoder, IntCounter, Registry, TextEncoder};
use switchyard_discovery::DiscoveryFamilies;
use switchyard_grid::{GridGauges, GridMetrics};
use switchyard_telemetry::{Error, Registrar};
use switchyard_tls::TlsMetrics;

pub use config::{ConfigMetrics, ReloadOutcome};
pub use requests::{RequestGauges, RequestMetrics, RequestTotals, Waited};

/// What every name begins with.
const NAMESPACE: &str = "switchyard";

/// The registry and its families.
#[derive(Debug)]
pub struct Metrics {
    /// Counters of the way of a request.
    pub requests: RequestMetrics,
    /// Substations, and the choice among them.
    pub grid: GridMetrics,
    /// The grid as it is now.
    pub grid_gauges: GridGauges,
    /// What is counted of the configuration.
    pub config: ConfigMetrics,
    /// Sources of substations.
    pub discovery: DiscoveryFamilies,
    /// Clients' handshakes.
    pub tls: TlsMetrics,
    panics: IntCounter,
    registry: Registry,
    /// Without the prefix: `process_*` has the same names everywhere.
    process: Registry,
}

impl Metrics {
    /// Registers every family.
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new_custom(Some(NAMESPACE.into()), None)?;
        let make = Registrar::new(&registry);
        let build = make.int_gauges(
            "build_info",
            "1, with the version that runs as a label.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let process = Registry::new();
        #[cfg(target_os = "linux")]
        process.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self {
            requests: RequestMetrics::register(make)?,
            grid: GridMetrics::register(make)?,
            grid_gauges: GridGauges::register(make)?,
            config: ConfigMetrics::register(make)?,
            discovery: DiscoveryFamilies::register(make)?,
            tls: TlsMetrics::register(make)?,
            panics: make.counter("panics_total", "Panics caught; each lost one connection.")?,
            registry,
            process,
        })
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

    /// The metrics page, in Prometheus' text format.
    pub fn render(&self) -> Result<Vec<u8>, Error> {
        let mut page = Vec::with_capacity(16 * 1024);
        let mut families = self.registry.gather();
        families.extend(self.process.gather());
        TextEncoder::new().encode(&families, &mut page)?;
        Ok(page)
    }
}
