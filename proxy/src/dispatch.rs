//! Answers one request: choose and reserve → send → retry → reply.
//!
//! A charge is a small, bounded message, so nothing here streams: the ingress has read the whole request. From then
//! on one deadline covers everything, no answer is ever partial, and the request to a substation is built from
//! parsed parts, so nothing can be smuggled through.
//!
//! All requests go through [`Dispatcher::respond`]: the [ingress](crate::ingress) parses, the dispatcher responds,
//! the ingress writes. Each worker thread has its own [`Dispatcher`] with its own connections to substations.
//! Dispatchers share the [`Runtime`] and the [`DispatchState`]. These are atomics, except for requests with an
//! `Idempotency-Key` and requests that wait for capacity.

mod admission;
mod agree;
mod attempt;
mod authority;
mod budget;
mod caller;
mod capacity_forecast;
mod carry;
mod charge;
mod connections;
mod decisions;
mod exchange_time;
mod exhausted;
mod holder;
mod idempotency;
mod isolation;
mod key_room;
mod limit;
mod needs;
mod no_room;
mod operation;
mod origin;
mod ownership;
mod placing;
mod queue;
mod quota;
mod record;
mod refusal;
mod reply;
mod request;
pub(crate) mod request_id;
mod request_trace;
mod respond;
mod retry;
mod route;
mod route_words;
mod select;
mod sessions;
mod stream;
mod streamed;
mod traces;
mod trail;

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use fastrand::Rng;
use parking_lot::Mutex;
use switchyard_access_log::Lines;
use switchyard_grid::Substation;
use switchyard_process::vital::VitalTask;
use switchyard_upstream::{Destination, Id, Mark};
use tokio::time::Instant;

pub use authority::{AgreedKeys, Agreement, Proposal, Unavailable};
pub use budget::RetryBudget;
pub use decisions::{Decision, Decisions};
pub use origin::{Client, VIA_HTTP1, VIA_HTTP1_0, VIA_HTTP2, is_trusted};
pub use quota::Quota;
pub use reply::Reply;
pub use request::{ReceivedRequest, RequestContext, Target};
pub use request_trace::RequestTrace;
pub use sessions::Action;
pub use trail::{Ended, Trail, TrailAttempt, TrailId, TrailWait};

use crate::{runtime::Runtime, snapshot::Snapshot};
use capacity_forecast::CapacityForecast;
use connections::Connections;
use exchange_time::ExchangeTime;
use isolation::Suspects;
use key_room::KeyRoom;
use queue::Queue;

/// State that all dispatchers share, besides the [`Runtime`].
#[derive(Debug)]
pub struct DispatchState {
    /// Records of the last choices.
    pub decisions: Decisions,
    budget: RetryBudget,
    /// Which substation holds which `Idempotency-Key`.
    pub keys: AgreedKeys,
    key_room: KeyRoom,
    forecast: CapacityForecast,
    queue: Queue,
    exchange_time: ExchangeTime,
    suspects: Suspects,
}

impl Default for DispatchState {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            decisions: Decisions::default(),
            budget: RetryBudget::default(),
            // A random number that no other process has.
            keys: AgreedKeys::new(RandomState::new().hash_one(()), now),
            key_room: KeyRoom::default(),
            forecast: CapacityForecast::new(now),
            queue: Queue::new(now),
            exchange_time: ExchangeTime::default(),
            suspects: Suspects::default(),
        }
    }
}

impl DispatchState {
    /// Number of requests that wait for capacity.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.length()
    }

    /// Number of refused requests that were promised room and have not come back.
    #[must_use]
    pub fn promises(&self) -> usize {
        self.forecast.promises()
    }

    /// Number of `Idempotency-Key`s that are kept.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.table().count()
    }
}

/// Answers the requests of one worker thread.
#[derive(Debug)]
pub struct Dispatcher {
    runtime: Arc<Runtime>,
    state: Arc<DispatchState>,
    connections: Arc<Connections>,
    rng: Mutex<Rng>,
    /// What the access log is to tell of requests.
    lines: Lines,
}

impl Dispatcher {
    /// A dispatcher with its own connections and its own random numbers.
    #[must_use]
    pub fn new(runtime: Arc<Runtime>, state: Arc<DispatchState>, seed: u64) -> Self {
        Self {
            lines: runtime.access_log.lines(),
            runtime,
            state,
            connections: Arc::default(),
            rng: Mutex::new(Rng::with_seed(seed)),
        }
    }

    /// Starts the task that closes connections to substations which serve no more, and forgets expired keys. It ends
    /// with the dispatcher. Must be called on the runtime of the worker; `vital` says whether the task lives.
    pub fn start_sweeps(&self, vital: VitalTask) {
        let connections = Arc::downgrade(&self.connections);
        let (runtime, state) = (Arc::clone(&self.runtime), Arc::clone(&self.state));
        tokio::spawn(connections::keep_house(connections, runtime, state, vital));
    }

    /// What all threads share.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Draws from the thread's random numbers. Only one thread takes the lock, so it is never contended.
    fn random<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock())
    }

    /// The destination of a request to `substation`. Also drops connections to substations that are not in the newest
    /// snapshot.
    fn destination<'a>(
        &self,
        snapshot: &Snapshot,
        substation: &'a Substation,
        may_share: bool,
        open_as: Option<Mark>,
    ) -> Destination<'a> {
        self.connections.follow(snapshot);
        Destination {
            id: Id(substation.id().get()),
            address: substation.address(),
            transport: substation.transport(),
            connect_timeout: snapshot.config.timeouts.connect,
            most: if may_share {
                snapshot.config.upstream.pipeline.most()
            } else {
                1
            },
            open_as,
            largest_answer: snapshot.config.limits.answer,
            shared: &substation.metrics().shared,
        }
    }
}
