//! The substations as the proxy knows them: who is there, what their gauges said, how they are doing.
//!
//! One direction of writing: only this room changes a substation. The way of a request reads it, reserves
//! through the ledger and reports how an exchange went; the admin port reads.

pub mod exposition;
pub mod health;
mod probe;
mod scraper;
pub mod substation;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use switchyard_balance::Selector;

pub use scraper::Scraper;
pub use substation::{State, Substation};

use crate::{clock::Clock, codec::Unencodable, config::Config, metrics::Metrics};

/// All substations, and what is chosen by.
#[derive(Debug)]
pub struct Grid {
    substations: Box<[Arc<Substation>]>,
    selector: Selector,
    clock: Clock,
    stale_after: Duration,
    first_round_done: AtomicBool,
}

impl Grid {
    /// The grid of a checked configuration. Nothing is known of any substation until the first scrape.
    pub fn new(config: &Config, metrics: &Metrics, clock: Clock) -> Result<Self, Unencodable> {
        let substations = config
            .substations
            .iter()
            .map(|listed| Substation::new(listed, config, metrics).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            substations,
            selector: Selector::new(config.policy.into()),
            clock,
            stale_after: config.load.stale_after,
            first_round_done: AtomicBool::new(false),
        })
    }

    /// The substations in the order of the configuration.
    #[must_use]
    pub fn substations(&self) -> &[Arc<Substation>] {
        &self.substations
    }

    /// What is chosen by.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
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
                .substations
                .iter()
                .any(|substation| substation.ledger().is_sampled())
    }

    fn set_first_round_done(&self) {
        self.first_round_done.store(true, Relaxed);
    }
}
