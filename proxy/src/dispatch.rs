//! The way of a request: ingress → choose and reserve → exchange → retry → reply.
//!
//! A charge is a small bounded message, so nothing here streams. The whole request is read first; from
//! then on there is one deadline for all of it, no answer is ever partial, and the request that goes to a
//! substation is built from parsed parts, so nothing can be smuggled through.
//!
//! One [`Lane`] stands for one worker thread. What lanes share is the grid, the metrics and the retry
//! budget, all of them atomics, and for requests with an `Idempotency-Key` the keys; connections to
//! substations belong to their lane.

mod admission;
mod attempt;
mod budget;
mod charge;
mod choose;
mod decisions;
mod departures;
mod error;
pub mod exchange;
mod hop_by_hop;
mod in_hand;
mod ingress;
mod keys;
mod queue;
mod reply;
mod request_id;
mod retry;
mod route;
mod sessions;
mod watchdog;

use std::sync::Arc;

use tokio::time::Instant;

use crate::{config::Config, grid::Grid, metrics::Metrics};

pub use budget::RetryBudget;
pub use decisions::{Decision, Decisions};
pub use error::{Code, Failure};
pub use in_hand::InHand;

use departures::Departures;
use exchange::Exchange;
use keys::Keys;
use queue::Queue;
use sessions::Names;

/// What all lanes share.
#[derive(Debug)]
pub struct Shared {
    /// The checked configuration.
    pub config: Config,
    /// The substations.
    pub grid: Arc<Grid>,
    /// Everything that is counted.
    pub metrics: Metrics,
    /// Requests and connections that are under way.
    pub in_hand: InHand,
    /// The last choices.
    pub decisions: Decisions,
    budget: RetryBudget,
    keys: Keys,
    names: Names,
    departures: Departures,
    queue: Queue,
}

impl Shared {
    /// Ties the parts together.
    #[must_use]
    pub fn new(config: Config, grid: Arc<Grid>, metrics: Metrics) -> Self {
        Self {
            budget: RetryBudget::new(config.retry.budget),
            keys: Keys::new(&config.retry),
            names: Names::new(grid.substations()),
            departures: Departures::new(Instant::now()),
            queue: Queue::new(&config.admission),
            config,
            grid,
            metrics,
            in_hand: InHand::default(),
            decisions: Decisions::default(),
        }
    }

    /// Requests that wait for room.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.length()
    }

    /// `Idempotency-Key`s whose substation is remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.count()
    }
}

/// The application of one worker thread: Pingora hands it every HTTP session.
#[derive(Debug)]
pub struct Lane {
    shared: Arc<Shared>,
    exchange: Exchange,
}

impl Lane {
    /// A lane with its own connections and its own random numbers.
    #[must_use]
    pub fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let exchange = Exchange::new(
            shared.grid.substations().len(),
            &shared.config.upstream,
            shared.config.timeouts.connect,
            seed,
        );
        Self { shared, exchange }
    }
}
