//! The upstreams to choose among, and what they share.
//!
//! A roster is built once and shared between threads. When an upstream joins or leaves, the caller builds a new
//! roster; the ledgers belong to the upstreams and move on to it. The roster itself owns the floors of its
//! [groups](crate::group) and its proxy's [share](crate::share) of the gauges.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    Feeder, Ledger, Load, Mask,
    group::{self, Floors, Group, Versions},
    search::{Search, SearchTree, Shape},
    tree::Tree,
};

mod any;
mod room;

/// Upstreams to choose among.
///
/// A ledger belongs to the newest roster that contains it: only that roster's group follows its changes. An older
/// roster still chooses safely, but may pass over an upstream whose load has fallen since.
#[derive(Debug)]
pub struct Roster<U> {
    upstreams: Box<[Arc<U>]>,
    floors: Arc<Floors>,
    group_size: usize,
    typical: Load,
    tree: Tree,
    /// None where the choice is among all, and no feeder is above them.
    search: Option<Search>,
    /// Bits of an `f64`.
    share: AtomicU64,
    rounds: AtomicU64,
}

impl<U: AsRef<Ledger>> Roster<U> {
    /// A roster of these upstreams, in this order, with a share of 1.
    #[must_use]
    pub fn new(upstreams: impl IntoIterator<Item = Arc<U>>) -> Self {
        Self::in_tree(upstreams, Tree::default())
    }

    /// A roster of these upstreams under the feeders of `tree`. The upstreams join those feeders, and leave others.
    ///
    /// A choice is fastest if the upstreams of one feeder stand together, and the feeders of one parent.
    #[must_use]
    pub fn in_tree(upstreams: impl IntoIterator<Item = Arc<U>>, tree: Tree) -> Self {
        let upstreams: Box<[_]> = upstreams.into_iter().collect();
        let paths = tree.paths();
        // All at once: between two of many moves there would be room that is neither the old tree's nor the new one's.
        let held = tree.feeders.first().map(|feeder| feeder.hold());
        for (at, upstream) in upstreams.iter().enumerate() {
            let nearest = tree.of.get(at).copied().flatten();
            let path = nearest.and_then(|feeder| paths.get(feeder)?.as_ref());
            let ledger = (**upstream).as_ref();
            if held.is_some() {
                ledger.move_to(path);
            } else {
                ledger.join_path(path);
            }
        }
        drop(held);
        let group_size = group::size_among(upstreams.len());
        let groups = upstreams.chunks(group_size);
        let floors = Arc::new(Floors::new(groups.len()));
        for (number, members) in groups.enumerate() {
            let group = Arc::new(floors.group(number));
            for member in members {
                (**member).as_ref().join(&group);
            }
        }
        let roster = Self {
            floors,
            group_size,
            upstreams,
            typical: Load::ZERO,
            tree,
            search: None,
            share: AtomicU64::new(1_f64.to_bits()),
            rounds: AtomicU64::new(1),
        };
        if roster.tree.feeders.is_empty() {
            roster
        } else {
            roster.for_masks()
        }
    }

    /// Makes choices among a [mask](Self::mask)'s upstreams fast, at some cost for those among all. A roster with feeders
    /// does so by itself.
    ///
    /// A choice is fastest if upstreams that requests often want together stand together.
    #[must_use]
    pub fn for_masks(mut self) -> Self {
        if self.search.is_some() {
            return self;
        }
        let search = Search::new(Shape::new(self.upstreams.len(), &self.tree));
        for (number, node) in search.tree.shape.nodes().iter().enumerate() {
            let group = Arc::new(Group::Node(Arc::clone(&search.versions), number));
            if let Some(feeder) = node.feeder.and_then(|at| self.tree.feeders.get(wide(at))) {
                feeder.join(&group);
            }
            if node.members != 0 {
                let members = wide(node.range.start)..wide(node.range.end);
                for member in self.upstreams.get(members).unwrap_or_default() {
                    (**member).as_ref().join(&group);
                }
            }
        }
        self.floors = Arc::new(Floors::new(0));
        self.search = Some(search);
        self
    }

    /// Sets the typical load of a request. Among thousands of upstreams, choosing for such a request is fastest; the
    /// choice itself does not depend on it.
    #[must_use]
    pub fn for_requests_of(mut self, load: Load) -> Self {
        self.typical = load;
        self
    }

    /// The typical load of a request.
    pub(crate) fn typical(&self) -> Load {
        self.typical
    }

    /// Sets the share of the gauges that scores count, above 0 and at most 1: see [`crate::share`]. To be called after each
    /// round of samples.
    pub fn set_share(&self, share: f64) {
        self.rounds.fetch_add(1, Relaxed);
        let bits = share.clamp(f64::MIN_POSITIVE, 1.0).to_bits();
        if self.share.swap(bits, Relaxed) != bits {
            // A smaller share lowers every score.
            match &self.search {
                Some(search) => search.versions.loosen_all(),
                None => self.floors.loosen_all(),
            }
        }
    }

    /// The number of rounds of samples so far.
    pub(crate) fn round(&self) -> u64 {
        self.rounds.load(Relaxed)
    }

    /// The share of the gauges that scores count.
    #[must_use]
    #[inline]
    pub fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Relaxed))
    }

    /// The upstreams for which `matches` is true, by their positions.
    #[must_use]
    pub fn mask(&self, matches: impl Fn(usize) -> bool) -> Mask {
        let mask = Mask::new(self.upstreams.len(), matches);
        match &self.search {
            Some(search) => mask.in_tree(search),
            None => mask,
        }
    }

    /// The tree to search for a choice among the upstreams of a mask, or among all, with the versions of its nodes.
    #[inline]
    pub(crate) fn search<'a>(
        &'a self,
        among: Option<&'a Mask>,
    ) -> Option<(&'a SearchTree, &'a Versions)> {
        let search = self.search.as_ref()?;
        let tree = match among {
            Some(mask) => mask.tree(search)?,
            None => &search.tree,
        };
        Some((tree, &search.versions))
    }

    /// The feeders, in the order of the [`Tree`].
    #[must_use]
    pub fn feeders(&self) -> &[Arc<Feeder>] {
        &self.tree.feeders
    }

    /// The positions of the feeders above an upstream, the nearest first.
    pub fn path(&self, at: usize) -> impl Iterator<Item = usize> {
        self.tree.path(at)
    }

    /// The feeders above an upstream, the nearest first.
    pub(crate) fn feeders_above(&self, at: usize) -> impl Iterator<Item = &Feeder> {
        let feeder = |at: usize| self.tree.feeders.get(at).map(|feeder| &**feeder);
        self.tree.path(at).filter_map(feeder)
    }

    /// The floors of its groups.
    #[inline]
    pub(crate) fn floors(&self) -> &Floors {
        &self.floors
    }

    /// The number of its groups.
    #[inline]
    pub(crate) fn groups(&self) -> usize {
        self.upstreams.len().div_ceil(self.group_size)
    }

    /// The number of the group of the upstream at a position.
    #[inline]
    pub(crate) fn group_of(&self, at: usize) -> usize {
        at / self.group_size
    }

    /// The members of a group, with the position of the first one.
    #[inline]
    pub(crate) fn members(&self, group: usize) -> (usize, &[Arc<U>]) {
        let from = (group * self.group_size).min(self.upstreams.len());
        let to = (from + self.group_size).min(self.upstreams.len());
        (from, self.upstreams.get(from..to).unwrap_or_default())
    }
}

fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl<U> Deref for Roster<U> {
    type Target = [Arc<U>];

    fn deref(&self) -> &Self::Target {
        &self.upstreams
    }
}
