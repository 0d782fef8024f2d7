//! What the sources of substations answer.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use enum_map::{Enum, EnumMap};
use strum::{IntoStaticStr, VariantArray};
use switchyard_telemetry::{Error, Registrar, counter_by, forget_by};

/// The families of discovery.
#[derive(Clone, Debug)]
pub struct DiscoveryFamilies {
    refreshes: IntCounterVec,
    targets: IntGaugeVec,
    last_success: GaugeVec,
}

/// How a look at a source ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum AnswerOutcome {
    /// It found substations.
    Ok,
    /// It answered, and there is none.
    Empty,
    /// No answer, or one that breaks a rule.
    Failed,
}

impl DiscoveryFamilies {
    /// Makes and registers them.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        Ok(Self {
            refreshes: make.counters(
                "discovery_refreshes_total",
                "Looks at a source of substations, by how they ended.",
                &["source", "outcome"],
            )?,
            targets: make.int_gauges(
                "discovery_targets",
                "Substations in the last good answer of a source.",
                &["source"],
            )?,
            last_success: make.gauges(
                "discovery_last_success_timestamp_seconds",
                "When a source last gave a good answer, in seconds since the Unix epoch.",
                &["source"],
            )?,
        })
    }

    /// The handles of one source; its series are there until it is forgotten.
    pub(crate) fn handles(&self, source: &str) -> SourceMetrics {
        SourceMetrics {
            refreshes: counter_by(&self.refreshes, &[source]),
            targets: self.targets.with_label_values(&[source]),
            source: source.to_owned(),
            families: self.clone(),
        }
    }
}

/// The series of one source.
#[derive(Clone, Debug)]
pub(crate) struct SourceMetrics {
    refreshes: EnumMap<AnswerOutcome, IntCounter>,
    targets: IntGauge,
    source: String,
    families: DiscoveryFamilies,
}

impl SourceMetrics {
    /// Counts a look.
    pub(crate) fn count(&self, outcome: AnswerOutcome) {
        self.refreshes[outcome].inc();
    }

    /// Notes a good answer, of so many substations.
    pub(crate) fn answered(&self, targets: usize) {
        self.targets.set(i64::try_from(targets).unwrap_or(i64::MAX));
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // Made with the first answer: 0 would read as half a century ago.
        let families = &self.families;
        families
            .last_success
            .with_label_values(&[self.source.as_str()])
            .set(unix.as_secs_f64());
    }

    /// How many looks ended so.
    #[cfg(test)]
    pub(crate) fn counted(&self, outcome: AnswerOutcome) -> u64 {
        self.refreshes[outcome].get()
    }

    /// How many substations the last good answer had.
    #[cfg(test)]
    pub(crate) fn targets(&self) -> i64 {
        self.targets.get()
    }

    /// Takes the series off the page: nobody asks the source any more.
    pub(crate) fn forget(&self) {
        let source = self.source.as_str();
        // Each fails where the series is not there, which is as good.
        let _ = self.families.targets.remove_label_values(&[source]);
        let _ = self.families.last_success.remove_label_values(&[source]);
        forget_by::<AnswerOutcome>(&self.families.refreshes, &[source]);
    }
}
