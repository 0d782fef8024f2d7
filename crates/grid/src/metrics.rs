//! The counters of each substation: decisions, exchanges, scrapes and state changes.

use std::sync::OnceLock;

use enum_map::EnumMap;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};
use switchyard_balance::{Policy, Reason, request_limits::Traffic};
use switchyard_scrape::PollOutcome;
use switchyard_telemetry::{Error, Registrar, counter_by, forget_by, request_buckets};

use crate::{
    choice::ChoiceMetrics,
    outcomes::{ReportOutcome, UpstreamOutcome},
    shortages::ShortageMetrics,
    state::SubstationState,
};

/// The metric families of all substations.
#[derive(Debug)]
pub struct GridMetrics {
    /// The metrics of the choices.
    pub choice: ChoiceMetrics,
    /// What the proxy itself lacked.
    pub shortages: ShortageMetrics,
    decisions: IntCounterVec,
    upstream: IntCounterVec,
    shared: IntCounterVec,
    upstream_seconds: HistogramVec,
    polls: IntCounterVec,
    reports: IntCounterVec,
    poll_seconds: HistogramVec,
    transitions: IntCounterVec,
}

/// The metrics of one substation.
#[derive(Debug)]
pub struct SubstationMetrics {
    /// Requests that went to it because it may have booked their key before.
    pub chosen_by_key: IntCounter,
    /// Charges that shared a connection to it with others.
    pub shared: IntCounter,
    /// How long its answers take.
    pub upstream_seconds: Histogram,
    /// How long its metrics page takes.
    pub poll_seconds: Histogram,
    name: String,
    decisions: IntCounterVec,
    /// Choices by each policy; only for policies that were in force.
    by_policy: [OnceLock<IntCounter>; Policy::ALL.len()],
    /// Choices by reason; none at [`Reason::Policy`], which is counted by policy.
    chosen: [Option<IntCounter>; Reason::ALL.len()],
    upstream: EnumMap<UpstreamOutcome, IntCounter>,
    polls: EnumMap<PollOutcome, IntCounter>,
    reports: EnumMap<ReportOutcome, IntCounter>,
    transitions: EnumMap<SubstationState, IntCounter>,
}

impl SubstationMetrics {
    /// Creates the series of choices by `policy`, which is in force from now on.
    pub fn prepare(&self, policy: Policy) {
        self.by(policy);
    }

    /// Counts one choice of it by `policy`.
    pub fn chosen(&self, reason: Reason, policy: Policy) {
        match self.chosen.get(reason as usize) {
            Some(Some(counter)) => counter.inc(),
            _ => {
                if let Some(counter) = self.by(policy) {
                    counter.inc();
                }
            }
        }
    }

    fn by(&self, policy: Policy) -> Option<&IntCounter> {
        let make = || {
            self.decisions
                .with_label_values(&[self.name.as_str(), policy.name()])
        };
        Some(self.by_policy.get(policy as usize)?.get_or_init(make))
    }

    /// Counts one exchange.
    pub fn exchange(&self, outcome: UpstreamOutcome) {
        self.upstream[outcome].inc();
    }

    /// What has come of the charges to it, of which so many are under way.
    pub(crate) fn traffic(&self, in_flight: u64) -> Traffic {
        let answered = [
            UpstreamOutcome::Ok,
            UpstreamOutcome::Refused,
            UpstreamOutcome::Oversize,
        ];
        Traffic {
            answered: answered
                .map(|outcome| self.upstream[outcome].get())
                .iter()
                .sum(),
            ended: self.upstream_seconds.get_sample_count(),
            seconds: self.upstream_seconds.get_sample_sum(),
            in_flight,
        }
    }

    /// Counts one scrape of its gauge.
    pub fn poll(&self, outcome: PollOutcome) {
        self.polls[outcome].inc();
    }

    /// Counts one load report.
    pub fn report(&self, outcome: ReportOutcome) {
        self.reports[outcome].inc();
    }

    /// Counts one change of state.
    pub fn transition(&self, to: SubstationState) {
        self.transitions[to].inc();
    }
}

impl GridMetrics {
    /// Creates and registers the families. Fails if one is registered already.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let one = &["substation"];
        Ok(Self {
            choice: ChoiceMetrics::register(make)?,
            shortages: ShortageMetrics::register(make)?,
            decisions: make.counters(
                "dispatch_decisions_total",
                "Choices of a substation, by reason.",
                &["substation", "reason"],
            )?,
            upstream: make.counters(
                "upstream_requests_total",
                "Charges sent to a substation, by how the exchange ended.",
                &["substation", "outcome"],
            )?,
            shared: make.counters(
                "upstream_shared_total",
                "Charges sent to a substation over a connection with other charges under way.",
                one,
            )?,
            upstream_seconds: make.histograms(
                "upstream_duration_seconds",
                "From the choice of a substation to the end of its answer.",
                one,
                request_buckets(),
            )?,
            polls: make.counters(
                "load_polls_total",
                "Scrapes of a substation's load gauge, by outcome.",
                &["substation", "outcome"],
            )?,
            reports: make.counters(
                "load_reports_total",
                "Loads that a substation reported on its answers, by what became of them.",
                &["substation", "outcome"],
            )?,
            poll_seconds: make.histograms(
                "load_poll_duration_seconds",
                "How long a scrape of the load gauge takes.",
                one,
                request_buckets(),
            )?,
            transitions: make.counters(
                "substation_state_transitions_total",
                "Changes of a substation's state, by the new state.",
                &["substation", "to"],
            )?,
        })
    }

    /// The metrics of one substation, with all series present from the start.
    #[must_use]
    pub fn substation(&self, name: &str) -> SubstationMetrics {
        SubstationMetrics {
            name: name.to_owned(),
            decisions: self.decisions.clone(),
            by_policy: Default::default(),
            chosen: Reason::ALL.map(|reason| {
                let name_of = reason.own_name()?;
                Some(self.decisions.with_label_values(&[name, name_of]))
            }),
            chosen_by_key: self.decisions.with_label_values(&[name, "key"]),
            shared: self.shared.with_label_values(&[name]),
            upstream_seconds: self.upstream_seconds.with_label_values(&[name]),
            poll_seconds: self.poll_seconds.with_label_values(&[name]),
            upstream: counter_by(&self.upstream, &[name]),
            polls: counter_by(&self.polls, &[name]),
            reports: counter_by(&self.reports, &[name]),
            transitions: counter_by(&self.transitions, &[name]),
        }
    }

    /// Removes the series of a substation that is gone for good.
    pub fn forget(&self, name: &str) {
        // Err: the series was never created.
        for reason in Reason::ALL.into_iter().filter_map(Reason::own_name) {
            let _ = self.decisions.remove_label_values(&[name, reason]);
        }
        for policy in Policy::ALL {
            let _ = self.decisions.remove_label_values(&[name, policy.name()]);
        }
        let _ = self.decisions.remove_label_values(&[name, "key"]);
        forget_by::<UpstreamOutcome>(&self.upstream, &[name]);
        forget_by::<PollOutcome>(&self.polls, &[name]);
        forget_by::<ReportOutcome>(&self.reports, &[name]);
        forget_by::<SubstationState>(&self.transitions, &[name]);
        let _ = self.shared.remove_label_values(&[name]);
        let _ = self.upstream_seconds.remove_label_values(&[name]);
        let _ = self.poll_seconds.remove_label_values(&[name]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_indexed_by_their_reason() {
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, at);
        }
    }
}
