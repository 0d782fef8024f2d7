//! What all grids of a process share, whatever configuration each was built from.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use parking_lot::Mutex;
use tracing::{info, warn};

use switchyard_balance::FeederLock;
use switchyard_config as config;
use switchyard_credentials::Bearers;
use switchyard_transport::Trust;

use crate::{
    blame::Excused,
    choice::ChoiceMetrics,
    clock::{Clock, Moment},
    drains::Drains,
    feeders::Limits,
    fleet_counts::FleetCounts,
    lasts::LoadLasts,
    learning::Learning,
    limiters::Limiters,
    metrics::GridMetrics,
    own_names::OwnNames,
    peers::Peers,
    predecessor::Predecessor,
    queries::QueryState,
    shortages::Shortages,
    substation::Substation,
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct SharedState {
    pub(super) clock: Clock,
    pub(super) trust: Arc<Trust>,
    pub(super) choice_metrics: ChoiceMetrics,
    pub(super) counts: Arc<FleetCounts>,
    pub(super) own_names: Arc<OwnNames>,
    pub(super) shortages: Shortages,
    pub(super) peers: Peers,
    /// The tokens that scrapes carry.
    pub(super) bearers: OnceLock<Arc<Bearers>>,
    pub(super) excused: Excused,
    pub(super) limiters: Limiters,
    pub(super) lasts: LoadLasts,
    pub(super) learning: Mutex<Learning>,
    /// What has come of rounds of queries, where Prometheus is asked.
    pub(super) queries: QueryState,
    predecessor: Predecessor,
    pub(super) feeder_lock: FeederLock,
    /// Taken before the lock of the drains, never after.
    pub(super) limits: Mutex<Limits>,
    /// Taken before the lock of the members, never after.
    pub(super) drains: Mutex<Drains>,
    is_ready: AtomicBool,
    panic: Mutex<Panic>,
}

/// Panic mode: so few are in rotation that those ejected for failing are used as well.
#[derive(Debug, Default)]
struct Panic {
    is_on: bool,
    /// It is on below this share in rotation.
    below: f64,
    /// The members of the newest grid; a report may come through an older grid.
    members: Arc<[Arc<Substation>]>,
}

impl SharedState {
    pub(super) fn new(clock: Clock, metrics: &GridMetrics) -> Self {
        Self {
            lasts: LoadLasts::new(metrics.choice.lasts.clone()),
            clock,
            trust: Arc::default(),
            choice_metrics: metrics.choice.clone(),
            counts: Arc::default(),
            own_names: Arc::default(),
            shortages: Shortages::new(metrics.shortages.clone()),
            peers: Peers::default(),
            bearers: OnceLock::new(),
            excused: Excused::default(),
            limiters: Limiters::default(),
            learning: Mutex::default(),
            queries: QueryState::default(),
            predecessor: Predecessor::default(),
            feeder_lock: FeederLock::default(),
            limits: Mutex::default(),
            drains: Mutex::default(),
            is_ready: AtomicBool::new(false),
            panic: Mutex::default(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_ready.load(Relaxed)
    }

    pub(super) fn set_ready(&self) {
        self.is_ready.store(true, Relaxed);
    }

    /// The process before this one, which may still wait for answers.
    pub(super) fn predecessor(&self) -> &Predecessor {
        &self.predecessor
    }

    pub(super) fn is_panicking(&self) -> bool {
        self.panic.lock().is_on
    }

    /// The members of the newest grid.
    pub(super) fn members(&self) -> Arc<[Arc<Substation>]> {
        Arc::clone(&self.panic.lock().members)
    }

    /// Sets the members and the rules.
    pub(super) fn set_members(&self, members: &[Arc<Substation>], rules: &config::Health) {
        self.counts.set_rules(members.len(), rules);
        self.peers.set_rules(rules);
        let mut panic = self.panic.lock();
        panic.below = rules.panic;
        panic.members = members.into();
    }

    /// Reviews panic mode after a change of `changed`, and applies it.
    pub(super) fn review(&self, changed: &Substation) {
        let mut panic = self.panic.lock();
        let was_on = panic.is_on;
        if panic.update(&self.counts) == was_on {
            force_in(changed, was_on, self.clock.now());
        } else {
            panic.force_in_all(self.clock.now());
        }
    }

    /// Reviews panic mode after a change of the members, and applies it.
    pub(super) fn review_all(&self) {
        let mut panic = self.panic.lock();
        panic.update(&self.counts);
        panic.force_in_all(self.clock.now());
    }
}

impl Panic {
    /// Switches panic mode on or off by the counts, and returns whether it is on.
    #[expect(clippy::cast_precision_loss, reason = "at most 10,000 substations")]
    fn update(&mut self, counts: &FleetCounts) -> bool {
        let (fit, all) = counts.fit_of();
        let is_too_few = (fit as f64) < self.below * all as f64;
        if std::mem::replace(&mut self.is_on, is_too_few) != is_too_few {
            if is_too_few {
                warn!(
                    fit,
                    all, "Panic mode: too few substations in rotation, using ejected ones too"
                );
            } else {
                info!(fit, all, "Panic mode ended");
            }
        }
        is_too_few
    }

    fn force_in_all(&self, now: Moment) {
        for substation in &*self.members {
            force_in(substation, self.is_on, now);
        }
    }
}

fn force_in(substation: &Substation, is_forced_in: bool, now: Moment) {
    let ledger = substation.ledger();
    substation
        .rotation_state()
        .force_in(ledger, is_forced_in, now);
}
