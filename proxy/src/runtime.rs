//! What all threads of the process share, whatever they do: what is in force, what is under way, what is counted.

use std::sync::Arc;

use crate::{
    in_flight::InFlight,
    metrics::Metrics,
    snapshot::{InForce, Snapshot},
};
use arc_swap::Guard;
use parking_lot::Mutex;
use switchyard_config::Config;
use switchyard_grid::Grid;
use switchyard_http1::Unencodable;
use switchyard_status::Reload;
use switchyard_tls::Credentials;
use tokio::{sync::watch, time::Instant};

/// See the [module](self).
#[derive(Debug)]
pub struct Runtime {
    /// What the proxy and its operators prove who they are with.
    pub credentials: Credentials,
    /// Everything that is counted.
    pub metrics: Metrics,
    /// Requests and connections that are under way.
    pub in_flight: InFlight,
    in_force: InForce,
    last_reload: Mutex<Option<Reload>>,
}

impl Runtime {
    /// Ties the parts together.
    #[must_use]
    pub fn new(
        config: Config,
        credentials: Credentials,
        grid: Arc<Grid>,
        metrics: Metrics,
    ) -> Self {
        Self {
            credentials,
            metrics,
            in_flight: InFlight::default(),
            in_force: InForce::new(config, grid),
            last_reload: Mutex::default(),
        }
    }

    /// What is in force at this moment, for a short look.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Snapshot>> {
        self.in_force.now()
    }

    /// What is in force, to go by for as long as a request lasts.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.in_force.snapshot()
    }

    /// Tells of each grid that comes into force.
    #[must_use]
    pub fn grids(&self) -> watch::Receiver<Arc<Grid>> {
        self.in_force.grids()
    }

    /// Puts `config` into force. On an error nothing has changed. `seed` says where the policy begins, if it has a
    /// place to begin.
    pub fn put_in_force(&self, config: Config, seed: u64) -> Result<(), Unencodable> {
        self.in_force.put_in_force(config, &self.metrics, seed)
    }

    /// Forgets substations that left long ago. Returns when to come again.
    pub fn forget_departed(&self, now: Instant) -> Option<Instant> {
        self.in_force.forget_departed(&self.metrics, now)
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
}
