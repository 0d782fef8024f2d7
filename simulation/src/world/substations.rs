//! The substations: a task for each, which books, remembers, and misbehaves while a fault tells it to.
//!
//! Each keeps the true [account](account::Account) of its bookings, which is what judges compare the proxies with.

mod account;
mod exchange;
mod manners;
mod page;
mod serve;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    chance::Chance,
    plan::{Lasts, SubstationPlan},
    record::Record,
};

pub(crate) use manners::Manners;
pub(crate) use serve::serve;

use account::Account;

/// The port at which substations listen.
pub(crate) const PORT: u16 = 5001;

/// A substation, as its task and the faults see it.
#[derive(Debug)]
pub(crate) struct Substation {
    plan: SubstationPlan,
    lasts: Lasts,
    record: Record,
    state: Mutex<State>,
    /// Where it listens. Port 0 becomes the port that it got first.
    address: watch::Sender<SocketAddr>,
    /// Whether its process runs.
    runs: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    account: Account,
    manners: Manners,
    chance: Chance,
    /// What the gauge shows while it is stuck.
    stuck_at: Option<f64>,
}

impl Substation {
    /// One that does not run yet.
    #[must_use]
    pub(crate) fn new(
        plan: SubstationPlan,
        lasts: Lasts,
        address: SocketAddr,
        seed: u64,
        record: Record,
    ) -> Arc<Self> {
        let state = State {
            account: Account::new(plan.id, plan.capacity, record.clone()),
            manners: Manners::default(),
            chance: Chance::of(seed, "substation", plan.id),
            stuck_at: None,
        };
        Arc::new(Self {
            plan,
            lasts,
            record,
            state: Mutex::new(state),
            address: watch::Sender::new(address),
            runs: watch::Sender::new(true),
        })
    }

    /// Changes how it behaves.
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Manners)) {
        let mut state = self.state();
        change(&mut state.manners);
        let is_stuck = state.manners.is_stuck();
        state.stuck_at = is_stuck.then(|| state.stuck_at.unwrap_or(state.account.load()));
        drop(state);
        // Requests that are held look again.
        self.runs.send_modify(|_| {});
    }

    /// Ends its process at once: its connections end, and it forgets what is in no journal.
    pub(crate) fn kill(&self) {
        if self.runs.send_replace(false) {
            self.record.tell(super::What::SubstationDown {
                substation: self.plan.id,
            });
            if !self.plan.has_journal {
                self.state().account.forget();
            }
        }
    }

    /// Starts its process again.
    pub(crate) fn restart(&self) {
        self.runs.send_replace(true);
    }

    /// Its number.
    #[must_use]
    pub(crate) fn id(&self) -> usize {
        self.plan.id
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
