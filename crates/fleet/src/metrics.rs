//! Metrics of the store.

use std::time::Duration;

use enum_map::EnumMap;
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec};
use switchyard_telemetry::{Error, Registrar, counter_by, request_buckets};

use crate::ErrorKind;

/// The families of the store. Without a store, none of them counts.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    /// Without labels; a family, so that there is no series without a store.
    up: IntGaugeVec,
    seconds: Histogram,
    errors: EnumMap<ErrorKind, IntCounter>,
}

impl StoreMetrics {
    /// Makes and registers them.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let errors = make.counters(
            "store_errors_total",
            "Calls to the shared store without an answer that counts, by kind.",
            &["kind"],
        )?;
        Ok(Self {
            up: make.int_gauges(
                "store_up",
                "Whether the shared store takes claims (1) or not (0). No series without a store.",
                &[],
            )?,
            seconds: make.histogram(
                "store_seconds",
                "Duration of calls to the shared store for a request, with or without an answer.",
                request_buckets(),
            )?,
            errors: counter_by(&errors, &[]),
        })
    }

    pub(crate) fn up(&self) -> IntGauge {
        let none: &[&str] = &[];
        self.up.with_label_values(none)
    }

    pub(crate) fn called(&self, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn failed(&self, kind: ErrorKind) {
        self.errors[kind].inc();
    }
}
