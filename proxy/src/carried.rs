//! What this process leaves to the next: over a handover, or in the state file.
//!
//! Each room says what it leaves and goes on from what it gets; here it is put together, one section a room. A section
//! that this version can't read, or that is missing, costs only what is in it: that room begins as in a first start.
//! Times are written as ages at the moment of writing, so the next process needs no clock of this one.

mod keeper;
mod relay;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use serde::{Serialize, de::DeserializeOwned};
use switchyard_grid::{KeptRoom, Written};
use switchyard_handover::Relay;
use switchyard_idempotency::CarriedKeys;
use switchyard_limits::CarriedLimits;
use switchyard_state::{Container, Refused, Writer};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{dispatch::DispatchState, runtime::Runtime};

pub use keeper::StateKeeper;
use relay::Successor;

/// The name and the version of a section.
type Section = (&'static str, u16);

/// The substations: ledgers, health, drains, what is learned of them.
const GRID: Section = ("grid", 2);
/// The meters of feeders, and what the old process keeps of their room. Processes that know of no feeders leave it out.
const FEEDERS: Section = ("feeders", 2);
/// Which substation holds which `Idempotency-Key`.
const KEYS: Section = ("keys", 1);
/// When load ends, and who was promised its room.
const CAPACITY: Section = ("capacity", 1);
/// The same for single feeders and selections.
const SCOPES: Section = ("scopes", 1);
/// The limits that come and go.
const LIMITS: Section = ("limits", 1);
/// Whose sessions are whose, and what clients have at once. Processes without clients leave it out.
const CLIENTS: Section = ("clients", 1);
/// The retry budget.
const BUDGET: Section = ("budget", 1);

/// Where a state comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// A process that runs and hands over.
    Predecessor,
    /// A process that has ended.
    File,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Predecessor => "the old process",
            Self::File => "the state file",
        })
    }
}

/// As long as it lives, this process decides about no key, and books at its feeders no more than what it has kept for itself.
#[derive(Debug)]
pub struct Frozen(Carrier);

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.dispatch.keys.take_back();
        if !self.0.follows.load(SeqCst) {
            self.0.runtime.now().grid.unite_feeders();
        }
    }
}

/// Collects what this process leaves, and hands out what it gets.
#[derive(Clone, Debug)]
pub struct Carrier {
    runtime: Arc<Runtime>,
    dispatch: Arc<DispatchState>,
    /// Whether another process has taken over.
    follows: Arc<AtomicBool>,
}

impl Carrier {
    /// For the process with these parts.
    #[must_use]
    pub fn new(runtime: Arc<Runtime>, dispatch: Arc<DispatchState>) -> Self {
        Self {
            runtime,
            dispatch,
            follows: Arc::default(),
        }
    }

    /// What this process would leave now. Takes time with the number of keys: call it where nothing waits.
    #[must_use]
    pub fn carry(&self) -> Vec<u8> {
        let now = Instant::now();
        self.write(&self.dispatch.keys.carry(now), KeptRoom::default(), now)
    }

    /// The same for a process that is about to take over. Until the second part is dropped, or this process is to
    /// [follow](Carrier::follow) that one, no key gets a substation here.
    #[must_use]
    pub fn hand_over(&self) -> (Vec<u8>, Frozen) {
        let frozen = Frozen(self.clone());
        let now = Instant::now();
        let keys = self.dispatch.keys.hand_over(now);
        // Before anything is written: what is booked meanwhile is then in what is kept.
        let kept = self.runtime.now().grid.divide_feeders();
        (self.write(&keys, kept, now), frozen)
    }

    /// From now on the process that has taken over decides about keys, and is asked over this connection. Without one,
    /// it is gone already, and nobody decides.
    pub fn follow(&self, relay: Option<Relay>) {
        self.follows.store(true, SeqCst);
        self.dispatch.keys.follow(Arc::new(Successor::new(relay)));
    }

    /// Answers a question of the process from which this one has taken over.
    pub async fn answer(self, question: Vec<u8>) -> Vec<u8> {
        let config = Arc::clone(&self.runtime.now().config);
        relay::answer(&self.dispatch, &config.retry, &question).await
    }

    fn write(&self, keys: &CarriedKeys, kept: KeptRoom, now: Instant) -> Vec<u8> {
        let mut state = Writer::new(SystemTime::now());
        add(&mut state, KEYS, keys);
        add(&mut state, GRID, &self.runtime.carry());
        let feeders = self.runtime.carry_feeders(kept);
        if !feeders.is_empty() {
            add(&mut state, FEEDERS, &feeders);
        }
        let limits = self.runtime.limits.carry();
        if !limits.limits.is_empty() {
            add(&mut state, LIMITS, &limits);
        }
        let clock = self.runtime.now().grid.clock();
        let clients = self.runtime.accounts.carry(clock.since_start(now));
        if !clients.is_empty() {
            add(&mut state, CLIENTS, &clients);
        }
        add(&mut state, CAPACITY, &self.dispatch.carry_capacity(now));
        add(&mut state, SCOPES, &self.dispatch.carry_scopes(now));
        add(&mut state, BUDGET, &self.dispatch.carry_budget());
        state.finish()
    }

    /// Goes on from what another process has left. Call it once, before the first request.
    pub fn restore(&self, state: &[u8], source: Source) -> Result<(), Refused> {
        let read = Container::read(state)?;
        // If the clock was set back since, too old is worse than too new: a key that is kept longer books nothing twice.
        let ago = SystemTime::now().duration_since(read.written);
        let ago = ago.unwrap_or(Duration::ZERO);
        let now = Instant::now();
        let written = Written {
            ago,
            is_alive: source == Source::Predecessor,
        };
        if let Some(grid) = get(&read, GRID)
            && let Err(error) = self.runtime.restore(grid, written)
        {
            left_out(GRID, &error);
        }
        if let Some(feeders) = get(&read, FEEDERS) {
            self.runtime.restore_feeders(&feeders, written);
        }
        if let Some(limits) = get(&read, LIMITS) {
            self.restore_limits(limits, ago);
        }
        if let Some(clients) = get(&read, CLIENTS) {
            let clock = self.runtime.now().grid.clock();
            let accounts = &self.runtime.accounts;
            accounts.restore(clients, ago, clock.since_start(now));
        }
        if let Some(keys) = get(&read, KEYS) {
            self.dispatch.keys.restore(keys, ago, now);
        }
        if let Some(capacity) = get(&read, CAPACITY) {
            self.dispatch.restore_capacity(&capacity, ago, now);
        }
        if let Some(scopes) = get(&read, SCOPES) {
            self.dispatch.restore_scopes(scopes, ago, now);
        }
        if let Some(budget) = get(&read, BUDGET) {
            self.dispatch.restore_budget(&budget);
        }
        info!(
            %source,
            bytes = state.len(),
            ?ago,
            took = ?now.elapsed(),
            "State taken over"
        );
        Ok(())
    }

    fn restore_limits(&self, carried: CarriedLimits, ago: Duration) {
        let now = self.runtime.now();
        let restored = self.runtime.limits.restore(&now.grid, carried, ago);
        if !restored.unreadable.is_empty() {
            let names = restored.unreadable;
            warn!(
                ?names,
                "Limits can't be read and are not in force: set them again"
            );
        }
    }

    /// The same. A state that can't be read costs nothing more than what is in it.
    pub fn restore_or_begin(&self, state: &[u8], source: Source) {
        if let Err(error) = self.restore(state, source) {
            refused(source, &error);
        }
    }

    /// What all threads share.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

fn refused(source: Source, error: &Refused) {
    warn!(%source, %error, "State refused: this process begins without it");
}

fn add<T: Serialize>(state: &mut Writer, (name, version): Section, content: &T) {
    if let Err(error) = state.add(name, version, content) {
        left_out((name, version), &error);
    }
}

fn left_out((name, _): Section, error: &dyn fmt::Display) {
    warn!(section = name, %error, "Part of the state is left out");
}

fn get<T: DeserializeOwned>(state: &Container<'_>, (name, version): Section) -> Option<T> {
    let section = state.section(name)?;
    section
        .decode(version)
        .inspect_err(|error| left_out((name, version), error))
        .ok()
}

#[cfg(test)]
mod tests;
