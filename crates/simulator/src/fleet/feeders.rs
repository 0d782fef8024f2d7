//! The true state of each feeder, and what a booking does to it.

use std::time::Duration;

use switchyard_balance::Load;

use super::{Fleet, minus, plus};
use crate::tree::Houses;

/// The true state of a feeder.
#[derive(Clone, Debug)]
pub struct Feeder {
    pub(super) parent: Option<usize>,
    pub(super) capacity: Load,
    pub(super) base: Option<Houses>,
    /// What its members bear, those through other feeders included.
    pub(super) members: Load,
    /// The load of requests on their way to them.
    pub(super) incoming: Load,
    pub(super) base_load: Load,
    pub(super) limit: Option<Load>,
    /// The bound before the last change, and when that was.
    pub(super) before: Option<(Load, Duration)>,
}

impl Feeder {
    /// What its members bear.
    #[must_use]
    pub fn members(&self) -> Load {
        self.members
    }

    /// Its whole load: what its members bear, and its base load.
    #[must_use]
    pub fn load(&self) -> Load {
        plus(self.members, self.base_load)
    }

    /// Its load plus the power of all requests on their way to its members.
    pub(crate) fn load_with_incoming(&self) -> Load {
        plus(self.load(), self.incoming)
    }

    /// Its load that no member causes, as it was when it was computed last.
    #[must_use]
    pub fn base_load(&self) -> Load {
        self.base_load
    }

    /// Its capacity.
    #[must_use]
    pub fn capacity(&self) -> Load {
        self.capacity
    }

    /// Whether it has a meter of its own.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        self.base.is_some()
    }

    /// The least of its capacity and the limit in force.
    #[must_use]
    pub fn bound(&self) -> Load {
        self.limit
            .map_or(self.capacity, |limit| limit.min(self.capacity))
    }

    /// The highest bound that has been in force since `since`.
    fn bound_since(&self, since: Duration) -> Load {
        let before = self.before.filter(|(_, until)| *until >= since);
        before.map_or(self.bound(), |(bound, _)| bound.max(self.bound()))
    }
}

impl Fleet {
    /// The feeders in their order.
    pub fn feeders(&self) -> impl Iterator<Item = &Feeder> {
        self.feeders.iter()
    }

    /// The parent of each feeder, and the feeder of each substation, by their numbers.
    #[must_use]
    pub fn shape(&self) -> (Vec<Option<usize>>, Vec<Option<usize>>) {
        let parents = self.feeders.iter().map(|feeder| feeder.parent);
        (parents.collect(), self.of.clone())
    }

    /// The feeders above a substation, the nearest first.
    pub(crate) fn path(&self, at: usize) -> impl Iterator<Item = &Feeder> {
        let mut next = self.of.get(at).copied().flatten();
        std::iter::from_fn(move || {
            let feeder = self.feeders.get(next?)?;
            next = feeder.parent;
            Some(feeder)
        })
    }

    pub(super) fn path_mut(&mut self, at: usize, mut change: impl FnMut(&mut Feeder)) {
        let mut next = self.of.get(at).copied().flatten();
        while let Some(feeder) = next.and_then(|at| self.feeders.get_mut(at)) {
            change(feeder);
            next = feeder.parent;
        }
    }

    pub(super) fn lift(&mut self, at: usize, power: Load) {
        self.path_mut(at, |feeder| feeder.members = plus(feeder.members, power));
    }

    pub(super) fn lower(&mut self, at: usize, power: Load) {
        self.path_mut(at, |feeder| feeder.members = minus(feeder.members, power));
    }

    /// Base load follows the time.
    pub(crate) fn set_time(&mut self, now: Duration) {
        let scale = self.scale;
        for feeder in &mut self.feeders {
            if let Some(houses) = feeder.base {
                feeder.base_load = Load::new(houses.at(now) * scale).unwrap_or_default();
            }
        }
    }

    /// A limit of this part of its capacity comes into force on a feeder, or goes.
    pub(crate) fn set_limit(
        &mut self,
        at: usize,
        part: Option<f64>,
        now: Duration,
    ) -> Option<Load> {
        let feeder = self.feeders.get_mut(at)?;
        feeder.before = Some((feeder.bound(), now));
        feeder.limit = part.and_then(|part| Load::new(feeder.capacity.units() * part));
        feeder.limit
    }

    /// How far the levels above a substation are beyond their bounds, at the furthest, as a part of the bound; not above
    /// zero if all are within. None without feeders. `known_base` is the base load by which the request was judged, and
    /// `since` when.
    pub(crate) fn beyond(
        &self,
        at: usize,
        since: Duration,
        known_base: impl Fn(usize) -> Option<Load>,
    ) -> Option<f64> {
        let mut next = self.of.get(at).copied().flatten();
        let mut furthest: Option<f64> = None;
        while let Some((number, feeder)) = next.and_then(|at| Some((at, self.feeders.get(at)?))) {
            let base = known_base(number).unwrap_or(feeder.base_load);
            let part = plus(feeder.members, base).units() / feeder.bound_since(since).units() - 1.0;
            furthest = Some(furthest.map_or(part, |furthest| furthest.max(part)));
            next = feeder.parent;
        }
        furthest
    }

    /// The utilisation of the level that is the fullest of all, of substations in rotation and feeders.
    pub(crate) fn binding(&self) -> f64 {
        let leaves = self.substations.iter().filter(|s| !s.is_out);
        let leaves = leaves.map(super::Substation::utilisation);
        let feeders = self
            .feeders
            .iter()
            .map(|f| f.load().units() / f.bound().units());
        leaves.chain(feeders).fold(0.0, f64::max)
    }
}
