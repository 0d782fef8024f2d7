//! What is in force: one configuration and the grid made from it, swapped as one.
//!
//! A request takes the snapshot once and uses it to its end, so it never sees the limits of one configuration and the
//! substations of another. A reload publishes the next snapshot. Neither waits for the other, and the old snapshot is
//! freed with its last request.

mod routes;
mod selections;
mod swap;
mod unit;

use std::{collections::HashSet, sync::Arc};

use tokio::{sync::watch, time::Instant};

use switchyard_clients::{Accounts, Clients};
use switchyard_config::Config;
use switchyard_grid::{CarriedGrid, Departed, Grid, Moment, Names, Written};
use switchyard_http1::Unencodable;
use switchyard_selection::Selections;

use crate::{
    metrics::Metrics,
    sync::{Guard, MutexGuard},
};

pub use routes::{Found, LoadRule, RouteRule, RouteTable};

use swap::Swap;

/// A configuration in force, and its grid. Immutable.
#[derive(Debug)]
pub struct Snapshot {
    /// Number of this configuration; the first is 1.
    pub version: u64,
    /// When it came into force.
    pub since: Moment,
    /// The checked configuration.
    pub config: Arc<Config>,
    /// Its substations.
    pub grid: Arc<Grid>,
    /// Who may ask; everybody, if it says nobody.
    pub clients: Option<Arc<Clients>>,
    /// What requests select by, if they do.
    pub selections: Option<Arc<Selections>>,
    /// Paths besides those of charges and sessions, if there are any.
    pub routes: Option<Arc<RouteTable>>,
    /// Finds the substation of a session by the session's id, including substations that left recently.
    pub names: Names,
}

impl Snapshot {
    /// The unit of loads, as the name of the load's field ends; empty if that says none, or if a route has another.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        unit::of(&self.config)
    }
}

/// The snapshot in force, and what is carried from one snapshot to the next.
#[derive(Debug)]
pub struct InForce {
    snapshots: Swap<Snapshot, Departed>,
    grids: watch::Sender<Arc<Grid>>,
}

impl InForce {
    /// Starts with `config` and its grid, as version 1. `accounts` are those of the clients.
    #[must_use]
    pub fn new(config: Config, grid: Arc<Grid>, accounts: &Accounts) -> Self {
        let clock = grid.clock();
        let now = clock.since_start(Instant::now());
        let selections = selections::of(&config.select, &config, &grid);
        let snapshot = Snapshot {
            clients: accounts.table(&config.listed_clients, now),
            routes: RouteTable::of(&config, &grid, selections.as_ref()),
            version: 1,
            since: grid.clock().now(),
            names: Names::new(&grid, &[]),
            selections,
            config: Arc::new(config),
            grid: Arc::clone(&grid),
        };
        Self {
            snapshots: Swap::new(snapshot),
            grids: watch::Sender::new(grid),
        }
    }

    /// The snapshot in force now, borrowed for a moment.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Snapshot>> {
        self.snapshots.now()
    }

    /// The snapshot in force now, to keep.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.get()
    }

    /// Yields each grid that comes into force.
    #[must_use]
    pub fn grids(&self) -> watch::Receiver<Arc<Grid>> {
        self.grids.subscribe()
    }

    /// Puts `config` into force. On an error nothing has changed. `seed` sets where a policy starts that goes through
    /// the substations in turn.
    pub fn put_in_force(
        &self,
        config: Config,
        metrics: &Metrics,
        accounts: &Accounts,
        seed: u64,
    ) -> Result<(), Unencodable> {
        let (mut departed, before) = self.snapshots.change();
        let absent = departed.all();
        let grid = before.grid.rebuild(&config, &metrics.grid, &absent, seed)?;
        let grid = Arc::new(grid);
        departed.take_back(&grid);
        // Includes the substations that are about to leave: clients still ask for their sessions.
        let absent: Vec<_> = departed
            .all()
            .into_iter()
            .chain(before.grid.substations().iter().cloned())
            .collect();
        let clock = grid.clock();
        let now = clock.since_start(Instant::now());
        let selections = selections::of(&config.select, &config, &grid);
        let snapshot = Snapshot {
            clients: accounts.table(&config.listed_clients, now),
            routes: RouteTable::of(&config, &grid, selections.as_ref()),
            version: before.version + 1,
            since: grid.clock().now(),
            names: Names::new(&grid, &absent),
            selections,
            config: Arc::new(config),
            grid: Arc::clone(&grid),
        };
        metrics.config.in_force(snapshot.version);
        self.snapshots.publish(&departed, snapshot);
        self.grids.send_replace(Arc::clone(&grid));
        departed.add(before.grid.retire(&grid), Instant::now());
        Ok(())
    }

    /// What the next process needs to go on with the substations in force, and with those that left.
    #[must_use]
    pub fn carry(&self) -> CarriedGrid {
        let (departed, now) = self.snapshots.change();
        now.grid.carry(&departed)
    }

    /// Goes on from what another process has left, and returns how many substations are listed here of those that were
    /// there. The others can be found as those that left. On an error some may be restored and others not.
    pub fn restore(
        &self,
        carried: CarriedGrid,
        written: Written,
        metrics: &Metrics,
    ) -> Result<usize, Unencodable> {
        let (mut departed, before) = self.snapshots.change();
        let restored = before
            .grid
            .restore(carried, written, &before.config, &metrics.grid)?;
        departed.restore(restored.departed, Instant::now());
        self.name_departed(&before, &departed);
        Ok(restored.listed)
    }

    /// Forgets substations that left long ago, and what they have counted. Returns when the next call is due, if any
    /// is.
    pub fn forget_departed(&self, metrics: &Metrics, now: Instant) -> Option<Instant> {
        let (mut departed, before) = self.snapshots.change();
        let kept_for = before.config.retry.keys_for;
        let hidden = departed.hide(now);
        let forgotten = departed.forget(now, kept_for);
        if !hidden.is_empty() || !forgotten.is_empty() {
            // Another substation may have the same name.
            let shown = before.grid.substations().iter().chain(departed.shown());
            let shown: HashSet<&str> = shown.map(|one| one.name()).collect();
            for gone in hidden.iter().chain(&forgotten) {
                if !shown.contains(gone.name()) {
                    metrics.grid.forget(gone.name());
                }
            }
        }
        if !forgotten.is_empty() {
            self.name_departed(&before, &departed);
            before
                .grid
                .forget_drains(forgotten.iter().map(|gone| gone.name()));
            drop((before, forgotten, hidden));
            self.now().grid.tidy_names();
        }
        departed.next_due(kept_for)
    }

    /// Publishes the same configuration and grid again, with the substations that can be found besides.
    fn name_departed(&self, before: &Snapshot, departed: &MutexGuard<'_, Departed>) {
        let snapshot = Snapshot {
            version: before.version,
            since: before.since,
            names: Names::new(&before.grid, &departed.all()),
            clients: before.clients.clone(),
            selections: before.selections.clone(),
            routes: before.routes.clone(),
            config: Arc::clone(&before.config),
            grid: Arc::clone(&before.grid),
        };
        self.snapshots.publish(departed, snapshot);
    }
}

#[cfg(test)]
mod tests;
