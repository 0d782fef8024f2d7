//! What is in force: one configuration and the grid made from it, swapped as one.
//!
//! A request takes the snapshot once and goes by it to its end, so it never sees the limits of one configuration and the
//! substations of another. A reload publishes the next one; nobody waits for anybody, and the old one goes with its last
//! request.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use switchyard_config::Config;
use switchyard_grid::{Departed, Grid, Moment, Names, Substation};
use switchyard_http1::Unencodable;

use crate::metrics::Metrics;

/// A configuration in force, and its grid. Never changes.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts the configurations that were in force, from 1.
    pub version: u64,
    /// When this one came into force.
    pub since: Moment,
    /// The checked configuration.
    pub config: Arc<Config>,
    /// Its substations.
    pub grid: Arc<Grid>,
    /// Which substation holds a session, by its id; also those that left not long ago.
    pub names: Names<Arc<Substation>>,
}

/// The snapshot in force, and what goes over from one to the next.
#[derive(Debug)]
pub struct InForce {
    now: ArcSwap<Snapshot>,
    grids: watch::Sender<Arc<Grid>>,
    /// Also the right to change what is in force.
    departed: Mutex<Departed>,
}

impl InForce {
    /// `config` and its grid come into force first, as version 1.
    #[must_use]
    pub fn new(config: Config, grid: Arc<Grid>) -> Self {
        let snapshot = Snapshot {
            version: 1,
            since: grid.clock().now(),
            names: Names::new(grid.substations(), &[]),
            config: Arc::new(config),
            grid: Arc::clone(&grid),
        };
        Self {
            now: ArcSwap::from_pointee(snapshot),
            grids: watch::Sender::new(grid),
            departed: Mutex::default(),
        }
    }

    /// What is in force at this moment, for a short look.
    #[must_use]
    pub fn now(&self) -> Guard<Arc<Snapshot>> {
        self.now.load()
    }

    /// What is in force, to go by for as long as one likes.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.now.load_full()
    }

    /// Tells of each grid that comes into force.
    #[must_use]
    pub fn grids(&self) -> watch::Receiver<Arc<Grid>> {
        self.grids.subscribe()
    }

    /// Puts `config` into force. On an error nothing has changed. `seed` is for where the policy begins, if it has a place
    /// to begin.
    pub fn put_in_force(
        &self,
        config: Config,
        metrics: &Metrics,
        seed: u64,
    ) -> Result<(), Unencodable> {
        let mut departed = self.departed.lock();
        let before = self.snapshot();
        let absent = departed.all();
        let grid = before.grid.rebuild(&config, &metrics.grid, &absent, seed)?;
        let grid = Arc::new(grid);
        departed.take_back(&grid);
        // Those that are about to leave too: their sessions are asked for all the same.
        let absent: Vec<_> = departed
            .all()
            .into_iter()
            .chain(before.grid.substations().iter().cloned())
            .collect();
        let snapshot = Snapshot {
            version: before.version + 1,
            since: grid.clock().now(),
            names: Names::new(grid.substations(), &absent),
            config: Arc::new(config),
            grid: Arc::clone(&grid),
        };
        metrics.config.in_force(snapshot.version);
        self.publish(snapshot);
        self.grids.send_replace(Arc::clone(&grid));
        departed.add(before.grid.retire(&grid), Instant::now());
        Ok(())
    }

    /// Forgets substations that left long ago. Returns when to come again.
    pub fn forget_departed(&self, metrics: &Metrics, now: Instant) -> Option<Instant> {
        let mut departed = self.departed.lock();
        let before = self.snapshot();
        let kept_for = before.config.retry.keys_for;
        let forgotten = departed.forget(now, kept_for);
        if !forgotten.is_empty() {
            let absent = departed.all();
            let is_known = |name: &str| {
                let mut known = before.grid.substations().iter().chain(&absent);
                known.any(|one: &Arc<Substation>| one.name() == name)
            };
            for gone in forgotten.iter().filter(|gone| !is_known(gone.name())) {
                metrics.grid.forget(gone.name());
            }
            self.publish(Snapshot {
                version: before.version,
                since: before.since,
                names: Names::new(before.grid.substations(), &absent),
                config: Arc::clone(&before.config),
                grid: Arc::clone(&before.grid),
            });
        }
        departed.next_due(kept_for)
    }

    fn publish(&self, snapshot: Snapshot) {
        self.now.store(Arc::new(snapshot));
    }
}
