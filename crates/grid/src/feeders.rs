//! Feeders: the limits that several substations share, as a tree.
//!
//! A [`Feeder`] lives as long as its name stays in the configuration, with its sums, its limit, and its meter's ledger. The
//! tree itself, [`Feeders`], belongs to one grid, as its roster does: the next configuration may hang the same feeders
//! elsewhere. Which substations they have is the roster's to say ([`switchyard_balance::Tree`]); a substation that moves to another
//! feeder takes its load there.
//!
//! A feeder that gets a meter, loses it, or gets a meter of another series begins anew: without a sample it is the sum of
//! its members, and that sum is complete from its first moment on. A value of another series may be of another thing or
//! in another unit. A meter that only moves, to another address or path, is of the same thing: its ledger goes on, with
//! the last sample until the next one comes.

mod carry;
mod feeder;
mod limits;
mod meter;
mod order;
mod page;
mod view;

use std::{collections::HashMap, iter, sync::Arc, time::Duration};

use switchyard_balance::{FeederLock, Lasts, Load, Tree};
use switchyard_config::Config;

use crate::clock::Moment;

pub use carry::{CarriedFeeder, CarriedFeeders};
pub use feeder::Feeder;
pub use meter::FeederState;
pub use view::FeederView;

pub(crate) use limits::Limits;
pub(crate) use meter::{Meter, MeterSettings};
pub(crate) use order::Order;

/// The feeders of one grid, in the order of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Feeders {
    all: Box<[Arc<Feeder>]>,
    parents: Box<[Option<usize>]>,
    /// How many substations each has, those of the feeders below it among them.
    members: Box<[usize]>,
    by_name: HashMap<Arc<str>, usize>,
}

impl Feeders {
    /// The feeders of `config`: those of `before` that go on, and new ones, which begin with their limits.
    pub(crate) fn of(
        config: &Config,
        before: &Self,
        lock: &FeederLock,
        lasts: Lasts,
        limit: impl Fn(&str) -> Option<Load>,
    ) -> Self {
        let all: Box<[_]> = config
            .feeders
            .iter()
            .map(|listed| {
                let known = before.find(&listed.name);
                let known = known.filter(|known| known.goes_on_as(listed)).cloned();
                let feeder = known.unwrap_or_else(|| Arc::new(Feeder::new(listed, lock)));
                feeder.join(listed, lasts);
                feeder.set_limit(limit(feeder.name()));
                feeder
            })
            .collect();
        let names = all.iter().map(|one| one.shared_name());
        let by_name: HashMap<_, _> = names.zip(0..).collect();
        let listed = config.feeders.iter();
        let parent = |name: Option<&str>| by_name.get(name?).copied();
        let parents = listed.map(|one| parent(one.parent.as_deref())).collect();
        let mut feeders = Self {
            members: iter::repeat_n(0, all.len()).collect(),
            all,
            parents,
            by_name,
        };
        for substation in &config.substations {
            let mut above = feeders.position(substation.feeder.as_deref());
            // A checked configuration has no cycle; if there were one, it would end here too.
            for _ in 0..feeders.all.len() {
                let Some(at) = above else { break };
                if let Some(members) = feeders.members.get_mut(at) {
                    *members += 1;
                }
                above = feeders.parent(at);
            }
        }
        feeders
    }

    /// The process has only begun: none takes anything until [`Feeders::open`].
    pub(crate) fn close(&self) {
        for feeder in &self.all {
            feeder.close();
        }
    }

    /// All substations have been asked once: see [`Feeder::open`].
    pub(crate) fn open(&self, anyway: bool) {
        for feeder in &self.all {
            feeder.open(anyway);
        }
    }

    /// To be called once the substations of `config` have come under them.
    pub(crate) fn widen(&self, config: &Config) {
        for (feeder, listed) in self.all.iter().zip(&config.feeders) {
            feeder.widen(listed);
        }
    }

    /// All of them, in the order of the configuration.
    pub(crate) fn all(&self) -> &[Arc<Feeder>] {
        &self.all
    }

    /// The position of the feeder with this name.
    pub(crate) fn position(&self, name: Option<&str>) -> Option<usize> {
        self.by_name.get(name?).copied()
    }

    /// The feeder with this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Feeder>> {
        self.all.get(self.position(Some(name))?)
    }

    /// The position of the feeder above the one at `at`.
    pub(crate) fn parent(&self, at: usize) -> Option<usize> {
        self.parents.get(at).copied().flatten()
    }

    /// The tree as the roster needs it; `of` has the feeder of each substation, in the order of the roster.
    pub(crate) fn tree(&self, of: Vec<Option<usize>>) -> Tree {
        Tree {
            feeders: self.all.iter().map(|one| one.shared_balance()).collect(),
            parents: self.parents.to_vec(),
            of,
        }
    }

    /// Puts in force how long load lasts.
    pub(crate) fn set_lasts(&self, lasts: Lasts) {
        for ledger in self.all.iter().filter_map(|one| one.ledger()) {
            ledger.set_lasts(lasts);
        }
    }

    /// No request of the process that their meters' ledgers were restored from is under way any more.
    pub(crate) fn predecessor_ended(&self) {
        for ledger in self.all.iter().filter_map(|one| one.ledger()) {
            ledger.predecessor_ended();
        }
    }

    /// The process before this one has ended: what was left to it is taken once the gauges have shown what it booked.
    pub(crate) fn await_samples(&self) {
        for feeder in &self.all {
            feeder.await_samples();
        }
    }

    /// To be called once a round of the substations' samples, like [`Feeders::extrapolate`].
    pub(crate) fn take_withheld(&self) {
        for feeder in &self.all {
            feeder.take_withheld();
        }
    }

    /// To be called once a round of the substations' samples: extrapolates the meters that have brought no sample since
    /// the last call by `drift`, the relative change of the substations' load beyond own bookings.
    pub(crate) fn extrapolate(&self, drift: f64) {
        for feeder in &self.all {
            feeder.extrapolate(drift);
        }
    }

    /// All of them at one moment, in the order of the configuration.
    pub(crate) fn views(
        &self,
        now: Moment,
        stale_after: Duration,
    ) -> impl Iterator<Item = FeederView<'_>> {
        let all = self.all.iter().enumerate();
        all.map(move |(at, feeder)| FeederView {
            parent: self
                .parent(at)
                .and_then(|parent| Some(self.all.get(parent)?.name())),
            members: self.members.get(at).copied().unwrap_or_default(),
            ..feeder.view(now, stale_after)
        })
    }
}

#[cfg(test)]
mod tests;
