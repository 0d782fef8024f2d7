//! What is counted for each substation: decisions, exchanges, polls, and the grid as the proxy sees it.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use prometheus::{
    GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};

use switchyard_balance::{Policy, Reason};

use super::{
    Register,
    outcomes::{POLL, PollOutcome, REPORT, ReportOutcome, UPSTREAM, UpstreamOutcome},
    request_buckets,
};
use crate::grid::{Grid, State};

/// The families, before a substation's name is known.
#[derive(Debug)]
pub(super) struct SubstationFamilies {
    decisions: IntCounterVec,
    upstream: IntCounterVec,
    shared: IntCounterVec,
    upstream_seconds: HistogramVec,
    polls: IntCounterVec,
    reports: IntCounterVec,
    poll_seconds: HistogramVec,
    transitions: IntCounterVec,
    in_flight: IntGaugeVec,
    observed: GaugeVec,
    estimated: GaugeVec,
    unseen: GaugeVec,
    capacity: GaugeVec,
    sampled_at: GaugeVec,
    state: IntGaugeVec,
    can_scrape: IntGaugeVec,
    can_charge: IntGaugeVec,
    share: GaugeVec,
    panic: IntGauge,
    /// Which grid's gauges stand in the families.
    mirrored: AtomicU64,
}

/// The handles of one substation.
#[derive(Debug)]
pub struct SubstationMetrics {
    /// Requests that were given to it because it may have booked their key before.
    pub chosen_by_key: IntCounter,
    /// Charges that shared a connection to it with others.
    pub shared: IntCounter,
    /// How long its answers take.
    pub upstream_seconds: Histogram,
    /// How long its metrics page takes.
    pub poll_seconds: Histogram,
    name: String,
    decisions: IntCounterVec,
    /// By the policy; only of those that were in force.
    by_policy: [OnceLock<IntCounter>; Policy::ALL.len()],
    /// At [`Reason::Policy`] stands nothing that is counted.
    chosen: [Option<IntCounter>; Reason::ALL.len()],
    upstream: [IntCounter; UPSTREAM.len()],
    polls: [IntCounter; POLL.len()],
    reports: [IntCounter; REPORT.len()],
    transitions: [IntCounter; State::ALL.len()],
}

impl SubstationMetrics {
    /// Makes the series of choices by `policy`, which is in force from now on.
    pub fn prepare(&self, policy: Policy) {
        self.by(policy);
    }

    /// Counts one choice by `policy` that fell on it.
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
        if let Some(counter) = self.upstream.get(outcome as usize) {
            counter.inc();
        }
    }

    /// Counts one look at its gauge.
    pub fn poll(&self, outcome: PollOutcome) {
        if let Some(counter) = self.polls.get(outcome as usize) {
            counter.inc();
        }
    }

    /// Counts one load on an answer.
    pub fn report(&self, outcome: ReportOutcome) {
        if let Some(counter) = self.reports.get(outcome as usize) {
            counter.inc();
        }
    }

    /// Counts one change of state.
    pub fn transition(&self, to: State) {
        if let Some(counter) = self.transitions.get(to as usize) {
            counter.inc();
        }
    }
}

impl SubstationFamilies {
    pub(super) fn register(make: &Register<'_>) -> Result<Self, prometheus::Error> {
        let one = &["substation"];
        Ok(Self {
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
                "Charges sent to a substation over a connection on which others were under way.",
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
                "Loads that stood on a substation's answers, by what became of them.",
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
            in_flight: make.int_gauges(
                "upstream_in_flight",
                "Charges that wait for a substation's answer.",
                one,
            )?,
            observed: make.gauges(
                "substation_observed_load",
                "The load gauge as last sampled, in its own unit. Absent before a first sample.",
                one,
            )?,
            estimated: make.gauges(
                "substation_estimated_load",
                "What the load is believed to be now: the sample and what it can't know.",
                one,
            )?,
            unseen: make.gauges(
                "substation_unseen_load",
                "The part of the estimate that the last sample can't know.",
                one,
            )?,
            capacity: make.gauges(
                "substation_known_capacity",
                "The capacity that choices reckon with. Absent where none is known.",
                one,
            )?,
            sampled_at: make.gauges(
                "load_sample_timestamp_seconds",
                "When the last sample arrived, in seconds since the Unix epoch.",
                one,
            )?,
            state: make.int_gauges(
                "substation_state",
                "1 for the state a substation is in, 0 for the others.",
                &["substation", "state"],
            )?,
            can_scrape: make.int_gauges(
                "substation_can_scrape",
                "1 if the last scrape brought a sample.",
                one,
            )?,
            can_charge: make.int_gauges(
                "substation_can_charge",
                "1 if requests are sent to it.",
                one,
            )?,
            share: make.gauges(
                "substation_share",
                "The part of its share that it may have: 1 unless it has just come back.",
                one,
            )?,
            panic: make.gauge(
                "panic_mode",
                "1 while too few are in rotation, so that those ejected for failing are used as well.",
            )?,
            mirrored: AtomicU64::new(0),
        })
    }

    pub(super) fn handles(&self, name: &str) -> SubstationMetrics {
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
            upstream: UPSTREAM
                .map(|(_, outcome)| self.upstream.with_label_values(&[name, outcome])),
            polls: POLL.map(|(_, outcome)| self.polls.with_label_values(&[name, outcome])),
            reports: REPORT.map(|(_, outcome)| self.reports.with_label_values(&[name, outcome])),
            transitions: State::ALL
                .map(|state| self.transitions.with_label_values(&[name, state.name()])),
        }
    }

    /// Takes the counters of a substation away that is gone for good.
    pub(super) fn forget(&self, name: &str) {
        // Err: one that was never counted.
        for reason in Reason::ALL.into_iter().filter_map(Reason::own_name) {
            let _ = self.decisions.remove_label_values(&[name, reason]);
        }
        for policy in Policy::ALL {
            let _ = self.decisions.remove_label_values(&[name, policy.name()]);
        }
        let _ = self.decisions.remove_label_values(&[name, "key"]);
        for (_, outcome) in UPSTREAM {
            let _ = self.upstream.remove_label_values(&[name, outcome]);
        }
        for (_, outcome) in POLL {
            let _ = self.polls.remove_label_values(&[name, outcome]);
        }
        for (_, outcome) in REPORT {
            let _ = self.reports.remove_label_values(&[name, outcome]);
        }
        for state in State::ALL {
            let _ = self.transitions.remove_label_values(&[name, state.name()]);
        }
        let _ = self.shared.remove_label_values(&[name]);
        let _ = self.upstream_seconds.remove_label_values(&[name]);
        let _ = self.poll_seconds.remove_label_values(&[name]);
    }

    /// Takes the gauges away: they speak of now, and their substations may be gone.
    fn clear_gauges(&self) {
        let floats = [
            &self.observed,
            &self.estimated,
            &self.unseen,
            &self.capacity,
            &self.sampled_at,
            &self.share,
        ];
        for gauge in floats {
            gauge.reset();
        }
        for gauge in [
            &self.in_flight,
            &self.state,
            &self.can_scrape,
            &self.can_charge,
        ] {
            gauge.reset();
        }
    }

    /// Sets the gauges to what the grid says now. `version` is that of its configuration.
    pub(super) fn mirror(&self, grid: &Grid, version: u64) {
        self.panic.set(i64::from(grid.is_panicking()));
        if self.mirrored.swap(version, Relaxed) != version {
            self.clear_gauges();
        }
        for substation in grid.substations() {
            let name = &[substation.name()];
            let ledger = substation.ledger();
            let in_flight = i64::try_from(ledger.in_flight()).unwrap_or(i64::MAX);
            self.in_flight.with_label_values(name).set(in_flight);
            self.estimated
                .with_label_values(name)
                .set(ledger.estimate().units());
            self.unseen
                .with_label_values(name)
                .set(ledger.unseen().units());
            if let Some(load) = ledger.value() {
                self.observed.with_label_values(name).set(load.units());
            }
            if let Some(capacity) = ledger.capacity() {
                self.capacity.with_label_values(name).set(capacity.units());
            }
            if let Some(at) = substation.sampled_at() {
                self.sampled_at
                    .with_label_values(name)
                    .set(grid.clock().unix_seconds(at));
            }
            let view = substation.view(grid.clock().now());
            let gauge = self.can_scrape.with_label_values(name);
            gauge.set(i64::from(substation.can_scrape()));
            let gauge = self.can_charge.with_label_values(name);
            gauge.set(i64::from(view.is_in_rotation));
            self.share.with_label_values(name).set(view.share);
            let current = grid.state_of(substation);
            for state in State::ALL {
                let gauge = self
                    .state
                    .with_label_values(&[substation.name(), state.name()]);
                gauge.set(i64::from(state == current));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_stand_at_their_outcome() {
        for (at, (outcome, _)) in UPSTREAM.iter().enumerate() {
            assert_eq!(*outcome as usize, at);
        }
        for (at, (outcome, _)) in POLL.iter().enumerate() {
            assert_eq!(*outcome as usize, at);
        }
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, at);
        }
        for (at, (outcome, _)) in REPORT.iter().enumerate() {
            assert_eq!(*outcome as usize, at);
        }
        for (at, state) in State::ALL.iter().enumerate() {
            assert_eq!(*state as usize, at);
        }
    }
}
