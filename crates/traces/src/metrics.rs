//! What became of spans.

use enum_map::{Enum, EnumMap};
use prometheus::IntCounter;
use strum::{IntoStaticStr, VariantArray};
use switchyard_telemetry::{Error, Registrar, counter_by};

/// Why a span did not get to the collector.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Lost {
    /// The queue was full, because the collector is slower than the requests, or gone.
    QueueFull,
    /// The collector could not be reached for too long, or said for too long that it is busy.
    Unreachable,
    /// The collector refused it.
    Refused,
    /// The process ended first.
    Stopping,
}

/// The families of traces. Without `tracing` none of them counts.
#[derive(Clone, Debug)]
pub struct TraceMetrics {
    exported: IntCounter,
    dropped: EnumMap<Lost, IntCounter>,
}

impl TraceMetrics {
    /// Makes and registers them.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let dropped = make.counters(
            "trace_spans_dropped_total",
            "Spans of traces that did not get to the collector, by reason.",
            &["reason"],
        )?;
        Ok(Self {
            exported: make.counter(
                "trace_spans_exported_total",
                "Spans of traces that the collector has taken.",
            )?,
            dropped: counter_by(&dropped, &[]),
        })
    }

    pub(crate) fn taken(&self, spans: usize) {
        self.exported.inc_by(spans as u64);
    }

    pub(crate) fn lost(&self, why: Lost, spans: usize) {
        self.dropped[why].inc_by(spans as u64);
    }

    /// How many spans the collector has taken.
    #[must_use]
    pub fn exported(&self) -> u64 {
        self.exported.get()
    }

    /// How many spans were lost for this reason.
    #[must_use]
    pub fn count(&self, why: Lost) -> u64 {
        self.dropped[why].get()
    }
}
