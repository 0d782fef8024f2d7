//! Where traces go: the exporter of the configuration in force, if it has one.

use std::{io, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use switchyard_config::Tracing;
use switchyard_traces::{Endpoint, Exporter, Service, Trace, TraceMetrics};
use tracing::warn;

use crate::fleet::host_name;

/// How long the end of the process waits for the collector.
const LAST: Duration = Duration::from_secs(2);

/// See the [module](self).
#[derive(Debug)]
pub struct Traces {
    exporter: ArcSwapOption<Exporting>,
    metrics: TraceMetrics,
    /// The name of this process among others.
    instance: String,
}

#[derive(Debug)]
struct Exporting {
    url: String,
    exporter: Exporter,
}

impl Traces {
    /// Nothing is exported yet.
    #[must_use]
    pub fn new(metrics: TraceMetrics) -> Self {
        Self {
            exporter: ArcSwapOption::empty(),
            metrics,
            instance: host_name(),
        }
    }

    /// Adds the number of the admin port to the name of this process: several may run on one machine.
    pub fn set_port(&mut self, port: u16) {
        self.instance = format!("{}:{port}", host_name());
    }

    /// Exports to where this configuration says, from now on. The exporter before sends what waits.
    pub fn follow(&self, config: Option<&Tracing>) {
        let url = config.map(|tracing| tracing.otlp.as_str());
        let now = self.exporter.load();
        if now.as_ref().map(|now| now.url.as_str()) == url {
            return;
        }
        let next = url.and_then(|url| {
            let started = self.start(url);
            let started = started.inspect_err(|error| warn!(%error, "Traces can't be sent"));
            started.ok().map(Arc::new)
        });
        self.exporter.store(next);
    }

    fn start(&self, url: &str) -> io::Result<Exporting> {
        // It was checked with the configuration.
        let to = Endpoint::parse(url).ok_or(io::ErrorKind::InvalidInput)?;
        let service = Service {
            name: "switchyard",
            version: env!("CARGO_PKG_VERSION"),
            instance: self.instance.clone(),
        };
        Ok(Exporting {
            url: url.to_owned(),
            exporter: Exporter::start(to, &service, self.metrics.clone())?,
        })
    }

    /// Takes the trace of a request that has ended.
    pub fn take(&self, trace: Box<dyn Trace>) {
        if let Some(now) = &*self.exporter.load() {
            now.exporter.take(trace);
        }
    }

    /// Sends what waits, at the end of the process. Blocks for a moment at most.
    pub fn finish(&self) {
        if let Some(now) = &*self.exporter.load() {
            now.exporter.finish(LAST);
        }
    }
}
