//! One request, answered: choose and reserve → send → retry → reply.
//!
//! A charge is a small bounded message, so nothing here streams. The whole request has been read before it comes here.
//! From then on there is one deadline for all of it, no answer is ever partial, and the request that goes to a
//! substation is built from parsed parts, so nothing can be smuggled through.
//!
//! There is one trunk, [`Dispatcher::respond`], whichever way a request came in: the [ingress](crate::ingress) parses, the
//! dispatcher responds, the ingress writes. One [`Dispatcher`] belongs to one worker thread. What dispatchers share is
//! the [`Runtime`] and the [`DispatchState`], all of it atomics but for requests with an `Idempotency-Key` and requests
//! that wait; connections to substations belong to their dispatcher.

mod admission;
mod attempt;
mod budget;
mod capacity_forecast;
mod charge;
mod decisions;
mod idempotency;
mod operation;
mod queue;
mod reply;
mod request;
mod request_id;
mod respond;
mod retry;
mod route;
mod select;
mod sessions;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use fastrand::Rng;
use parking_lot::Mutex;
use switchyard_grid::Substation;
use switchyard_upstream::{Destination, Exchange, Id};
use tokio::time::Instant;

pub use budget::RetryBudget;
pub use decisions::{Decision, Decisions};
pub use reply::Reply;
pub use request::{ReceivedRequest, RequestContext, Target};
pub use sessions::Action;

use crate::{runtime::Runtime, snapshot::Snapshot};
use capacity_forecast::CapacityForecast;
use idempotency::IdempotencyKeys;
use queue::Queue;

/// What all dispatchers share besides the [`Runtime`].
#[derive(Debug)]
pub struct DispatchState {
    /// The last choices.
    pub decisions: Decisions,
    budget: RetryBudget,
    keys: IdempotencyKeys<Arc<Substation>>,
    forecast: CapacityForecast,
    queue: Queue,
}

impl Default for DispatchState {
    fn default() -> Self {
        Self {
            decisions: Decisions::default(),
            budget: RetryBudget::default(),
            keys: IdempotencyKeys::default(),
            forecast: CapacityForecast::new(Instant::now()),
            queue: Queue::default(),
        }
    }
}

impl DispatchState {
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

/// Answers the requests of one worker thread.
#[derive(Debug)]
pub struct Dispatcher {
    runtime: Arc<Runtime>,
    state: Arc<DispatchState>,
    upstream: Exchange,
    rng: Mutex<Rng>,
    /// The newest configuration whose substations the exchange keeps connections to.
    followed: AtomicU64,
}

impl Dispatcher {
    /// A dispatcher with its own connections and its own random numbers.
    #[must_use]
    pub fn new(runtime: Arc<Runtime>, state: Arc<DispatchState>, seed: u64) -> Self {
        Self {
            runtime,
            state,
            upstream: Exchange::default(),
            rng: Mutex::new(Rng::with_seed(seed)),
            followed: AtomicU64::new(0),
        }
    }

    /// What all threads share.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Draws from the thread's random numbers. The lock belongs to one thread in fact, so it is never contended.
    fn random<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock())
    }

    /// Where a request to `substation` goes. The connections follow the newest configuration that a request goes by.
    fn destination<'a>(&self, snapshot: &Snapshot, substation: &'a Substation) -> Destination<'a> {
        if snapshot.version > self.followed.load(Relaxed) {
            self.followed.store(snapshot.version, Relaxed);
            self.upstream
                .follow(snapshot.grid.ids().map(|id| Id(id.get())));
        }
        Destination {
            id: Id(substation.id().get()),
            address: substation.address(),
            connect_timeout: snapshot.config.timeouts.connect,
            most: snapshot.config.upstream.pipeline.most(),
            shared: &substation.metrics().shared,
        }
    }
}
