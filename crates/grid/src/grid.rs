//! The substations of one configuration, and what is chosen by.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Load, Roster, Selector};
use switchyard_config::Config;
use switchyard_http1::Unencodable;
use switchyard_scrape::Gauges;

use crate::{
    choice::ChoiceMetrics,
    clock::Clock,
    members::members,
    metrics::GridMetrics,
    report::Reports,
    shared_state::SharedState,
    state::SubstationState,
    substation::{Id, Substation},
};

/// All substations of one configuration, and what is chosen by.
#[derive(Debug)]
pub struct Grid {
    pub(crate) roster: Roster<Substation>,
    selector: Selector,
    reports: Reports,
    stale_after: Duration,
    pub(crate) polls: Polls,
    pub(crate) shared: Arc<SharedState>,
}

/// How and how often gauges are looked at.
#[derive(Debug)]
pub(crate) struct Polls {
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) interval: Duration,
    pub(crate) visibility_lag: Duration,
}

impl Grid {
    /// The grid of a checked configuration. Nothing is known of any substation until the first scrape. `seed` is for
    /// where the policy begins, if it has a place to begin.
    pub fn new(
        config: &Config,
        metrics: &GridMetrics,
        clock: Clock,
        seed: u64,
    ) -> Result<Self, Unencodable> {
        let shared = SharedState::new(clock, metrics.choice.clone());
        let substations = members(&shared, config, metrics, |_, _| None)?;
        Ok(Self::of(config, substations, Arc::new(shared), seed))
    }

    pub(crate) fn of(
        config: &Config,
        substations: Vec<Arc<Substation>>,
        shared: Arc<SharedState>,
        seed: u64,
    ) -> Self {
        let usual = Load::new(config.charge.default_load).unwrap_or_default();
        Self {
            roster: Roster::new(substations).for_requests_of(usual),
            selector: Selector::with_seed(config.policy.into(), seed),
            reports: Reports::new(&config.load),
            stale_after: config.load.stale_after,
            polls: Polls {
                gauges: Arc::new(Gauges::new(&config.load)),
                interval: config.load.interval,
                visibility_lag: config.load.visibility_lag,
            },
            shared,
        }
    }

    /// The substations in the order of the configuration.
    #[must_use]
    pub fn substations(&self) -> &[Arc<Substation>] {
        &self.roster
    }

    /// Which substations are in it.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.substations().iter().map(|substation| substation.id())
    }

    /// Where a substation stands in it, unless it has left.
    #[must_use]
    pub fn position(&self, substation: &Substation) -> Option<usize> {
        let mut all = self.substations().iter();
        all.position(|member| **member == *substation)
    }

    /// The substations as they are chosen among.
    #[must_use]
    pub fn roster(&self) -> &Roster<Substation> {
        &self.roster
    }

    /// What is chosen by.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// How loads on answers are taken.
    #[must_use]
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The clock that samples and ejections are stamped with.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// How a substation is doing now.
    #[must_use]
    pub fn state_of(&self, substation: &Substation) -> SubstationState {
        substation.state(self.shared.clock.now(), self.stale_after)
    }

    /// Whether every substation was asked once and at least one told its load: from then on a choice is
    /// more than a guess.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.is_first_round_done()
            && self
                .substations()
                .iter()
                .any(|substation| substation.ledger().is_sampled())
    }

    /// How good the choices are, for counting.
    #[must_use]
    pub fn choice_metrics(&self) -> &ChoiceMetrics {
        &self.shared.choice_metrics
    }

    /// Notes, for the choice, whose samples are old.
    pub(crate) fn note_stale(&self) {
        let now = self.shared.clock.now();
        for substation in self.substations() {
            let is_stale = substation.is_stale(now, self.stale_after);
            substation.ledger().set_stale(is_stale);
        }
    }

    /// Whether so few are in rotation that those ejected for failing are used as well.
    #[must_use]
    pub fn is_panicking(&self) -> bool {
        self.shared.is_panicking()
    }
}
