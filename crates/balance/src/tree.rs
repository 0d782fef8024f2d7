//! The feeders above a roster's upstreams, as a tree.
//!
//! Each feeder may have a parent, and each upstream a feeder: the nearest one. The feeders from there to the root are the
//! upstream's *path*, and they and the upstream itself are its *levels*.

use std::sync::Arc;

use crate::{Feeder, Load, ledger::FeederPath};

/// The feeders of a roster.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// All of them.
    pub feeders: Vec<Arc<Feeder>>,
    /// The position of the parent of each among them; none for a root. A cycle is cut where it closes.
    pub parents: Vec<Option<usize>>,
    /// The position of the nearest feeder of each upstream; none for one without a limit above it.
    pub of: Vec<Option<usize>>,
}

/// A level of an upstream: itself, or a feeder above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The upstream at this position.
    Upstream(usize),
    /// The feeder at this position.
    Feeder(usize),
}

/// A level that has no room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which it is.
    pub level: Level,
    /// How much more load it could take.
    pub left: Load,
    /// The most that it may bear, where that is known.
    pub bound: Option<Load>,
}

impl Tree {
    /// The positions of the feeders above the upstream at `at`, the nearest first.
    pub(crate) fn path(&self, at: usize) -> impl Iterator<Item = usize> {
        let nearest = self.of.get(at).copied().flatten();
        self.upwards(nearest)
    }

    /// `feeder` and the positions of all above it.
    pub(crate) fn upwards(&self, feeder: Option<usize>) -> impl Iterator<Item = usize> {
        let parent = |feeder: &usize| self.parents.get(*feeder).copied().flatten();
        // No path is longer than there are feeders, so a cycle ends.
        std::iter::successors(feeder, parent).take(self.feeders.len())
    }

    /// The path of each feeder: itself and those above it.
    pub(crate) fn paths(&self) -> Vec<Option<Arc<FeederPath>>> {
        let feeder = |at: usize| self.feeders.get(at).map(Arc::clone);
        let path = |at: usize| FeederPath::new(self.upwards(Some(at)).filter_map(feeder));
        (0..self.feeders.len()).map(path).collect()
    }
}
