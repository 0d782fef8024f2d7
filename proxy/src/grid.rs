//! The substations as the proxy knows them: who is there, what their gauges said, how they are doing.
//!
//! One direction of writing: only this room changes a substation. The way of a request reads it, reserves
//! through the ledger and reports how an exchange went; the admin port reads, and passes an operator's word on.

mod condition;
pub mod discovery;
pub mod exposition;
pub mod health;
pub mod orca;
pub mod probe;
mod refusals;
mod report;
mod rotation;
mod scraper;
pub mod substation;
mod visibility;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_balance::{Load, Roster, Selector};

pub use condition::View;
pub use report::Reports;
pub use rotation::Trial;
pub use scraper::Scraper;
pub use substation::{State, Substation};
pub use visibility::Look;

use crate::{
    clock::Clock,
    codec::Unencodable,
    config::Config,
    metrics::{ChoiceMetrics, Metrics},
};
use condition::Census;

/// All substations, and what is chosen by.
#[derive(Debug)]
pub struct Grid {
    roster: Roster<Substation>,
    selector: Selector,
    reports: Reports,
    clock: Clock,
    stale_after: Duration,
    choice_metrics: ChoiceMetrics,
    first_round_done: AtomicBool,
    /// Below this share in rotation, those ejected for failing are used as well.
    panic_below: f64,
    census: Arc<Census>,
    is_panicking: Mutex<bool>,
}

impl Grid {
    /// The grid of a checked configuration. Nothing is known of any substation until the first scrape. `seed` is for
    /// where the policy begins, if it has a place to begin.
    pub fn new(
        config: &Config,
        metrics: &Metrics,
        clock: Clock,
        seed: u64,
    ) -> Result<Self, Unencodable> {
        let census = Arc::new(Census::new(config.substations.len(), &config.health));
        let substations = config
            .substations
            .iter()
            .map(|listed| Substation::new(listed, config, metrics, &census).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        let usual = Load::new(config.charge.default_load).unwrap_or_default();
        Ok(Self {
            roster: Roster::new(substations).for_requests_of(usual),
            selector: Selector::with_seed(config.policy.into(), seed),
            reports: Reports::new(&config.load),
            clock,
            stale_after: config.load.stale_after,
            choice_metrics: metrics.choice().clone(),
            first_round_done: AtomicBool::new(false),
            panic_below: config.health.panic,
            census,
            is_panicking: Mutex::new(false),
        })
    }

    /// The substations in the order of the configuration.
    #[must_use]
    pub fn substations(&self) -> &[Arc<Substation>] {
        &self.roster
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
        self.clock
    }

    /// How a substation is doing now.
    #[must_use]
    pub fn state_of(&self, substation: &Substation) -> State {
        substation.state(self.clock.now(), self.stale_after)
    }

    /// Whether every substation was asked once and at least one told its load: from then on a choice is
    /// more than a guess.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.first_round_done.load(Relaxed)
            && self
                .substations()
                .iter()
                .any(|substation| substation.ledger().is_sampled())
    }

    /// How good the choices are, for counting.
    #[must_use]
    pub fn choice_metrics(&self) -> &ChoiceMetrics {
        &self.choice_metrics
    }

    /// Notes, for the choice, whose samples are old.
    fn note_stale(&self) {
        let now = self.clock.now();
        for substation in self.substations() {
            let is_stale = substation.is_stale(now, self.stale_after);
            substation.ledger().set_stale(is_stale);
        }
    }

    /// Whether so few are in rotation that those ejected for failing are used as well.
    #[must_use]
    pub fn is_panicking(&self) -> bool {
        *self.is_panicking.lock()
    }

    fn set_first_round_done(&self) {
        self.first_round_done.store(true, Relaxed);
    }
}
