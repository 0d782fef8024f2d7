//! The way of a request: ingress → choose and reserve → exchange → retry → reply.
//!
//! A charge is a small bounded message, so nothing here streams. The whole request is read first; from
//! then on there is one deadline for all of it, no answer is ever partial, and the request that goes to a
//! substation is built from parsed parts, so nothing can be smuggled through.
//!
//! One [`Lane`] stands for one worker thread. What lanes share is the [`Snapshot`] in force, the metrics and the
//! retry budget, all of them atomics, and for requests with an `Idempotency-Key` the keys; connections to
//! substations belong to their lane.

mod admission;
mod attempt;
mod budget;
mod charge;
mod choose;
mod connection;
mod decisions;
mod departures;
mod error;
pub mod exchange;
pub mod head;
mod hop_by_hop;
mod http2;
mod in_hand;
mod ingress;
mod keys;
mod plain;
mod queue;
mod reply;
mod request_id;
mod retry;
mod route;
mod sessions;
mod snapshot;
mod watchdog;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    config::{Config, Reload},
    credentials::Credentials,
    grid::{Grid, Substation},
    metrics::Metrics,
};

pub use budget::RetryBudget;
pub use decisions::{Decision, Decisions};
pub use error::{Code, Failure};
pub use in_hand::InHand;
pub use snapshot::Snapshot;

use departures::Departures;
use exchange::{Destination, Exchange};
use keys::Keys;
use queue::Queue;
use snapshot::InForce;

/// What all lanes share.
#[derive(Debug)]
pub struct Shared {
    /// What the proxy and its operators prove who they are with.
    pub credentials: Credentials,
    /// Everything that is counted.
    pub metrics: Metrics,
    /// Requests and connections that are under way.
    pub in_hand: InHand,
    /// The last choices.
    pub decisions: Decisions,
    in_force: InForce,
    last_reload: Mutex<Option<Reload>>,
    budget: RetryBudget,
    keys: Keys<Arc<Substation>>,
    departures: Departures,
    queue: Queue,
}

impl Shared {
    /// Ties the parts together.
    #[must_use]
    pub fn new(
        config: Config,
        credentials: Credentials,
        grid: Arc<Grid>,
        metrics: Metrics,
    ) -> Self {
        Self {
            budget: RetryBudget::default(),
            keys: Keys::default(),
            departures: Departures::new(Instant::now()),
            queue: Queue::default(),
            in_force: InForce::new(config, grid),
            last_reload: Mutex::default(),
            credentials,
            metrics,
            in_hand: InHand::default(),
            decisions: Decisions::default(),
        }
    }

    /// What became of the last reload, if there was one.
    #[must_use]
    pub fn last_reload(&self) -> Option<Reload> {
        self.last_reload.lock().clone()
    }

    /// Keeps what became of a reload.
    pub fn note_reload(&self, reload: Reload) {
        *self.last_reload.lock() = Some(reload);
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
    /// Whose substations the exchange has connections to.
    followed: AtomicU64,
}

impl Lane {
    /// A lane with its own connections and its own random numbers.
    #[must_use]
    pub fn new(shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            shared,
            exchange: Exchange::new(seed),
            followed: AtomicU64::new(0),
        }
    }

    /// Where a request to `substation` goes. The connections follow the newest configuration that a request goes by.
    fn destination<'a>(&self, by: &Snapshot, substation: &'a Substation) -> Destination<'a> {
        if by.version > self.followed.load(Relaxed) {
            self.followed.store(by.version, Relaxed);
            self.exchange.follow(by.grid.ids());
        }
        Destination {
            id: substation.id(),
            address: substation.address(),
            connect_timeout: by.config.timeouts.connect,
            most: by.config.upstream.pipeline.most(),
            shared: &substation.metrics().shared,
        }
    }
}
