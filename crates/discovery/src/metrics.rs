//! Metrics of the discovery sources.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use enum_map::{Enum, EnumMap};
use strum::{IntoStaticStr, VariantArray};
use switchyard_telemetry::{Error, Registrar, Stamps, counter_by, forget_by};

/// The families of discovery.
#[derive(Clone, Debug)]
pub struct DiscoveryFamilies {
    refreshes: IntCounterVec,
    targets: IntGaugeVec,
    left_out: IntGaugeVec,
    last_success: Stamps,
}

/// The outcome of a refresh.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum AnswerOutcome {
    /// It found substations.
    Ok,
    /// It answered, and there is none.
    Empty,
    /// A pattern that has never matched a file: nothing is expected there yet.
    NoFile,
    /// No answer, or one that breaks a rule.
    Failed,
}

impl DiscoveryFamilies {
    /// Makes and registers them.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        Ok(Self {
            refreshes: make.counters(
                "discovery_refreshes_total",
                "Refreshes of a discovery source, by outcome.",
                &["source", "outcome"],
            )?,
            targets: make.int_gauges(
                "discovery_targets",
                "Substations in the last good answer of a source.",
                &["source"],
            )?,
            left_out: make.int_gauges(
                "discovery_left_out",
                "Addresses in the last good answer of a source that may not be substations.",
                &["source"],
            )?,
            last_success: make.stamps(
                "discovery_last_success_timestamp_seconds",
                "When a source last gave a good answer, in seconds since the Unix epoch.",
                &["source"],
            )?,
        })
    }

    /// The handles of one source; its series exist until [`SourceMetrics::forget`].
    pub(crate) fn handles(&self, source: &str) -> SourceMetrics {
        SourceMetrics {
            refreshes: counter_by(&self.refreshes, &[source]),
            targets: self.targets.with_label_values(&[source]),
            left_out: self.left_out.with_label_values(&[source]),
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
    left_out: IntGauge,
    source: String,
    families: DiscoveryFamilies,
}

impl SourceMetrics {
    /// Counts a refresh.
    pub(crate) fn count(&self, outcome: AnswerOutcome) {
        self.refreshes[outcome].inc();
    }

    /// Records a good answer with this many substations.
    pub(crate) fn answered(&self, targets: usize) {
        self.targets.set(i64::try_from(targets).unwrap_or(i64::MAX));
        self.families.last_success.stamp(&[self.source.as_str()]);
    }

    /// Records how many addresses of an answer may not be substations.
    pub(crate) fn left_out(&self, count: usize) {
        self.left_out.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many refreshes had this outcome.
    #[cfg(test)]
    pub(crate) fn counted(&self, outcome: AnswerOutcome) -> u64 {
        self.refreshes[outcome].get()
    }

    /// How many substations the last good answer had.
    #[cfg(test)]
    pub(crate) fn targets(&self) -> i64 {
        self.targets.get()
    }

    /// How many addresses of the last good answer may not be substations.
    #[cfg(test)]
    pub(crate) fn left_out_now(&self) -> i64 {
        self.left_out.get()
    }

    /// Removes the series: the source has stopped.
    pub(crate) fn forget(&self) {
        let source = self.source.as_str();
        // Each fails if the series does not exist, which is fine.
        let _ = self.families.targets.remove_label_values(&[source]);
        let _ = self.families.left_out.remove_label_values(&[source]);
        self.families.last_success.forget(&[source]);
        forget_by::<AnswerOutcome>(&self.families.refreshes, &[source]);
    }
}
