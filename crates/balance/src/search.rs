//! A tree over the upstreams, so that a choice under feeders, or among some upstreams only, need not read each.
//!
//! The score of an upstream under [feeders](crate::Feeder) is the highest on its path, and among equal scores its own
//! decides. The tree follows the feeders: a feeder's node has the nodes of the feeders under it, and its own upstreams in
//! groups of a few. Where that makes more than [`FANOUT`] children, nodes without a feeder come in between.
//!
//! Each node has floors, as the [groups](crate::group) of a flat roster have: no upstream below it scores less. There are
//! two. The *whole* floor counts the feeders at and below the node; where upstreams or low feeders bind, it finds the way.
//! The *own* floor counts the upstreams alone; where a feeder further up binds, all below it score the same, and the own
//! floor finds the best of them. It leaves out upstreams whose whole score was above the best at the search: for
//! these the third number, *until*, is a floor of the whole score. So upstreams under a full feeder, which stay
//! empty for long, don't draw every search.
//!
//! **Versions.** A score that may have fallen loosens the node of its level and all above it, by raising their
//! [versions](crate::group::Versions). A floor carries the version that it was made at and counts only as long as the
//! node has that. So loosening is one addition a node, however many sets of floors there are: each
//! [mask](crate::Mask) has its own, for the upstreams in it alone.
//!
//! **Loads.** A floor holds for one load. The typical load and a few others that come again have floors of their own. For
//! all others there are floors at the typical load, at no load and at a large load. A score is a line over the load of the
//! request, and the highest of a path is the highest of some lines. The three follow the line that binds at the typical
//! load: a score is nowhere below that line, and the lowest of many lines is nowhere below the straight way between two of
//! its points.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::group::Versions;

mod floors;
mod shape;

pub(crate) use floors::{Cell, Floors, Lines, NOTHING, Tag, floor_of};
pub(crate) use shape::{FANOUT, Node, Shape};

/// A tree with its floors.
#[derive(Debug)]
pub(crate) struct SearchTree {
    pub(crate) shape: Shape,
    pub(crate) floors: Floors,
}

impl SearchTree {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            floors: Floors::new(shape.len()),
            shape,
        }
    }
}

/// The most nodes that the masks of a roster have together, for each node of its own. Further masks are searched one
/// upstream after the other: what clients ask for must not grow without bound.
const MOST_PARTS: usize = 128;

/// What a choice from a roster goes by if it is among some upstreams, or under feeders.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) tree: SearchTree,
    pub(crate) versions: Arc<Versions>,
    /// How many nodes the roster's masks have.
    pub(crate) parts: Arc<AtomicUsize>,
}

impl Search {
    pub(crate) fn new(shape: Shape) -> Self {
        let versions = Versions::new(shape.nodes().iter().map(|node| node.parent));
        Self {
            tree: SearchTree::new(shape),
            versions: Arc::new(versions),
            parts: Arc::default(),
        }
    }

    /// The tree of the upstreams for which `matches` is true, unless there are too many others. It follows the versions of
    /// the whole.
    pub(crate) fn part(&self, matches: impl Fn(usize) -> bool) -> Option<SearchTree> {
        let most = self.tree.shape.len() * MOST_PARTS;
        if self.parts.load(Relaxed) > most {
            return None;
        }
        let part = SearchTree::new(self.tree.shape.among(matches));
        self.parts.fetch_add(part.shape.len(), Relaxed);
        Some(part)
    }
}
