//! The configuration in force, and whether the last reload succeeded.

use enum_map::{Enum, EnumMap};
use prometheus::{IntCounter, IntGauge};
use strum::IntoStaticStr;
use switchyard_telemetry::{Error, Registrar, Stamps, counter_by};

/// The families of the configuration.
#[derive(Clone, Debug)]
pub struct ConfigMetrics {
    version: IntGauge,
    last_successful: IntGauge,
    last_success_at: Stamps,
    reloads: EnumMap<ReloadOutcome, IntCounter>,
}

/// The result of a reload.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum ReloadOutcome {
    /// The new configuration is in force and differs from the old one.
    Changed,
    /// The configuration that was read was in force already.
    Unchanged,
    /// The new configuration has faults; the old one stays in force.
    Refused,
}

impl ConfigMetrics {
    pub(super) fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let reloads = make.counters(
            "config_reloads_total",
            "Reloads of the configuration, by outcome.",
            &["outcome"],
        )?;
        let metrics = Self {
            version: make.gauge(
                "config_version",
                "Number of the configuration in force; 1 at the start, plus 1 for each change.",
            )?,
            last_successful: make.gauge(
                "config_last_reload_successful",
                "1 if the last reload succeeded, else 0.",
            )?,
            last_success_at: make.stamps(
                "config_last_reload_success_timestamp_seconds",
                "Time of the last successful reload, in seconds since the Unix epoch.",
                &[],
            )?,
            reloads: counter_by(&reloads, &[]),
        };
        metrics.version.set(1);
        metrics.note_success();
        Ok(metrics)
    }

    /// Notes that the configuration with this number is in force.
    pub fn in_force(&self, version: u64) {
        self.version.set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    /// Counts a reload.
    pub fn reloaded(&self, outcome: ReloadOutcome) {
        self.reloads[outcome].inc();
        if outcome == ReloadOutcome::Refused {
            self.last_successful.set(0);
        } else {
            self.note_success();
        }
    }

    fn note_success(&self) {
        self.last_successful.set(1);
        self.last_success_at.stamp(&[]);
    }
}
