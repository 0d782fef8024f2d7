//! What the sources of substations answer.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::Register;

/// The families of discovery.
#[derive(Clone, Debug)]
pub(super) struct DiscoveryFamilies {
    refreshes: IntCounterVec,
    targets: IntGaugeVec,
    last_success: GaugeVec,
}

/// How a look at a source ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerOutcome {
    /// It found substations.
    Ok,
    /// It answered, and there is none.
    Empty,
    /// No answer, or one that breaks a rule.
    Failed,
}

impl AnswerOutcome {
    const ALL: [Self; 3] = [Self::Ok, Self::Empty, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Empty => "empty",
            Self::Failed => "failed",
        }
    }
}

impl DiscoveryFamilies {
    pub(super) fn register(make: &Register<'_>) -> Result<Self, prometheus::Error> {
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

    pub(super) fn handles(&self, source: &str) -> SourceMetrics {
        let counter =
            |outcome: AnswerOutcome| self.refreshes.with_label_values(&[source, outcome.label()]);
        SourceMetrics {
            refreshes: AnswerOutcome::ALL.map(counter),
            targets: self.targets.with_label_values(&[source]),
            source: source.to_owned(),
            families: self.clone(),
        }
    }
}

/// The series of one source.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    refreshes: [IntCounter; 3],
    targets: IntGauge,
    source: String,
    families: DiscoveryFamilies,
}

impl SourceMetrics {
    /// Counts a look.
    pub fn count(&self, outcome: AnswerOutcome) {
        let [ok, empty, failed] = &self.refreshes;
        match outcome {
            AnswerOutcome::Ok => ok,
            AnswerOutcome::Empty => empty,
            AnswerOutcome::Failed => failed,
        }
        .inc();
    }

    /// Notes a good answer, of so many substations.
    pub fn answered(&self, targets: usize) {
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
        let at = AnswerOutcome::ALL.iter().position(|one| *one == outcome);
        at.map_or(0, |at| self.refreshes[at].get())
    }

    /// How many substations the last good answer had.
    #[cfg(test)]
    pub(crate) fn targets(&self) -> i64 {
        self.targets.get()
    }

    /// Takes the series off the page: nobody asks the source any more.
    pub fn forget(&self) {
        let source = self.source.as_str();
        // Each fails where the series is not there, which is as good.
        let _ = self.families.targets.remove_label_values(&[source]);
        let _ = self.families.last_success.remove_label_values(&[source]);
        for outcome in AnswerOutcome::ALL {
            let labels = [source, outcome.label()];
            let _ = self.families.refreshes.remove_label_values(&labels);
        }
    }
}
