//! The limits in force, by name, and the feeders of the newest grid.
//!
//! A limit belongs to a *name*, as a drain does: it also holds for a substation or a feeder that is listed only later, that
//! comes back, or that begins anew. Both are under one lock, so a reload that comes at the same moment as a limit makes no
//! member that has missed it.

use std::{collections::HashMap, sync::Arc};

use switchyard_balance::{FeederLock, Lasts, Load};
use switchyard_config::Config;

use super::Feeders;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Limits {
    in_force: HashMap<Arc<str>, Load>,
    feeders: Arc<Feeders>,
}

impl Limits {
    /// The limit of this name.
    pub(crate) fn of(&self, name: &str) -> Option<Load> {
        self.in_force.get(name).copied()
    }

    /// Sets the limit of this name, and that of its feeder, if there is one.
    pub(crate) fn set(&mut self, name: &str, limit: Option<Load>) {
        match limit {
            Some(limit) => self.in_force.insert(name.into(), limit),
            None => self.in_force.remove(name),
        };
        if let Some(feeder) = self.feeders.find(name) {
            feeder.set_limit(limit);
        }
    }

    /// The feeders of `config`, which are the newest from now on.
    pub(crate) fn follow(
        &mut self,
        config: &Config,
        lock: &FeederLock,
        lasts: Lasts,
    ) -> Arc<Feeders> {
        let limit = |name: &str| self.of(name);
        let feeders = Arc::new(Feeders::of(config, &self.feeders, lock, lasts, limit));
        self.feeders = Arc::clone(&feeders);
        feeders
    }
}
