//! What all threads of the process share: the snapshot in force, credentials, metrics, requests in flight.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    buffered::{BufferShare, Buffered},
    client_shares::ClientShares,
    fleet::Fleet,
    in_charge::InCharge,
    in_flight::InFlight,
    limits::Limits,
    metrics::{Metrics, Share},
    snapshot::{InForce, Snapshot},
    traces::Traces,
};
use arc_swap::Guard;
use parking_lot::Mutex;
use switchyard_access_log::AccessLog;
use switchyard_clients::Accounts;
use switchyard_config::Config;
use switchyard_grid::{CarriedFeeders, CarriedGrid, Grid, KeptRoom, Moment, Written};
use switchyard_http1::Unencodable;
use switchyard_process::vital::Vitals;
use switchyard_status::Reload;
use switchyard_tls::Credentials;
use tokio::{sync::watch, time::Instant};

/// See the [module](self).
#[derive(Debug)]
pub struct Runtime {
    /// The proxy's certificate and the token of the admin port.
    pub credentials: Credentials,
    /// All metrics.
    pub metrics: Metrics,
    /// Counts of requests and connections in flight.
    pub in_flight: Arc<InFlight>,
    /// How many connections and requests each client has.
    pub clients: Arc<ClientShares>,
    /// What is known of the configured clients.
    pub accounts: Accounts,
    /// The bytes that requests hold while they arrive.
    pub(crate) buffered: Arc<Buffered>,
    /// Which of the tasks that must live are down.
    pub vitals: Vitals,
    /// What this proxy shares with others.
    pub fleet: Fleet,
    /// The limits that come and go.
    pub limits: Limits,
    /// Where traces go.
    pub traces: Traces,
    /// A line for each request.
    pub access_log: AccessLog,
    /// Whether a command to this process lasts.
    pub in_charge: InCharge,
    in_force: InForce,
    last_reload: Mutex<Option<(Moment, Reload)>>,
    kept_state: Mutex<Option<KeptState>>,
}

/// What is known of the state file.
#[derive(Clone, Debug, Default)]
pub struct KeptState {
    /// Its path.
    pub file: PathBuf,
    /// When it was written last, if it was.
    pub written: Option<Moment>,
    /// How many bytes it had then.
    pub bytes: usize,
    /// How long writing took then.
    pub took: Duration,
    /// Why the last write failed, if it did.
    pub error: Option<String>,
    /// How many writes failed.
    pub errors: u64,
}

impl Runtime {
    /// Ties the parts together.
    #[must_use]
    pub fn new(
        config: Config,
        mut credentials: Credentials,
        grid: Arc<Grid>,
        metrics: Metrics,
    ) -> Self {
        credentials.trust_with(grid.trust());
        let fleet = Fleet::new(config.fleet.as_ref(), &metrics.store);
        let access_log = AccessLog::new(metrics.access_log.clone());
        let limited = &metrics.requests.clients_limited;
        let [limited, too_soon] =
            [Share::Requests, Share::Rate].map(|share| limited[share].clone());
        let accounts = Accounts::default();
        Self {
            traces: Traces::new(metrics.traces.clone()),
            credentials,
            metrics,
            in_flight: Arc::default(),
            clients: Arc::new(ClientShares::new(limited, too_soon)),
            buffered: Arc::default(),
            vitals: Vitals::default(),
            fleet,
            limits: Limits::default(),
            access_log,
            in_charge: InCharge::default(),
            in_force: InForce::new(config, grid, &accounts),
            accounts,
            last_reload: Mutex::default(),
            kept_state: Mutex::default(),
        }
    }

    /// Notes the number of the admin port, by which others know this process, and starts what needs it.
    pub fn set_port(&mut self, port: u16) {
        self.fleet.set_port(port);
        self.traces.set_port(port);
        self.traces.follow(self.now().config.tracing.as_ref());
    }

    /// The snapshot in force now, borrowed for a moment.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Snapshot>> {
        self.in_force.now()
    }

    /// The snapshot in force now, to keep for as long as a request lasts.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.in_force.snapshot()
    }

    /// A share of the bytes that requests may hold while they arrive, by the limit in force now.
    #[must_use]
    pub(crate) fn buffer_share(&self) -> BufferShare {
        self.buffered.share(self.now().config.limits.buffered)
    }

    /// Yields each grid that comes into force.
    #[must_use]
    pub fn grids(&self) -> watch::Receiver<Arc<Grid>> {
        self.in_force.grids()
    }

    /// Puts `config` into force. On an error nothing has changed. `seed` sets where a policy starts that goes through
    /// the substations in turn.
    pub fn put_in_force(&self, config: Config, seed: u64) -> Result<(), Unencodable> {
        let (metrics, accounts) = (&self.metrics, &self.accounts);
        self.in_force
            .put_in_force(config, metrics, accounts, seed)?;
        self.traces.follow(self.now().config.tracing.as_ref());
        Ok(())
    }

    /// Forgets substations that left long ago. Returns when the next call is due, if any is.
    pub fn forget_departed(&self, now: Instant) -> Option<Instant> {
        self.in_force.forget_departed(&self.metrics, now)
    }

    /// What the next process needs to go on with the substations.
    #[must_use]
    pub fn carry(&self) -> CarriedGrid {
        self.in_force.carry()
    }

    /// Goes on from what another process has left of the substations. Returns how many of them are listed here.
    pub fn restore(&self, grid: CarriedGrid, written: Written) -> Result<usize, Unencodable> {
        self.in_force.restore(grid, written, &self.metrics)
    }

    /// What the next process needs to go on with the feeders; `kept` is what this one keeps of their room.
    #[must_use]
    pub fn carry_feeders(&self, kept: KeptRoom) -> CarriedFeeders {
        self.now().grid.carry_feeders(kept)
    }

    /// Goes on from what another process has left of the meters of feeders. To be called after [`Runtime::restore`].
    pub fn restore_feeders(&self, feeders: &CarriedFeeders, written: Written) {
        self.now().grid.restore_feeders(feeders, written);
    }

    /// The result of the last reload, if there was one.
    #[must_use]
    pub fn last_reload(&self) -> Option<Reload> {
        let (at, mut reload) = self.last_reload.lock().clone()?;
        // The wall clock may have been set since.
        reload.unix_seconds = self.now().grid.clock().unix_seconds(at);
        Some(reload)
    }

    /// Notes that there is a state file.
    pub fn keep_state(&self, state: KeptState) {
        *self.kept_state.lock() = Some(state);
    }

    /// Notes a write of the state file: how many bytes it wrote and how long that took. Returns whether the one before
    /// was well.
    pub fn note_state(&self, written: Result<(usize, Duration), String>) -> bool {
        let now = self.now().grid.clock().now();
        let mut kept = self.kept_state.lock();
        let kept = kept.get_or_insert_default();
        let was_well = kept.error.is_none();
        match written {
            Ok((bytes, took)) => {
                kept.written = Some(now);
                (kept.bytes, kept.took, kept.error) = (bytes, took, None);
            }
            Err(error) => {
                kept.errors += 1;
                kept.error = Some(error);
            }
        }
        was_well
    }

    /// What is known of the state file, if there is one.
    #[must_use]
    pub fn kept_state(&self) -> Option<KeptState> {
        self.kept_state.lock().clone()
    }

    /// Stores the result of a reload that has just ended.
    pub fn note_reload(&self, reload: Reload) {
        let at = self.now().grid.clock().now();
        *self.last_reload.lock() = Some((at, reload));
    }
}
