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
    Feeder, Ledger, Load, Mask, Request,
    group::{self, Floors, Group, Versions},
    promises::BOUNDLESS,
    search::{SearchTree, Shape},
    tree::{Binding, Level, Tree},
};

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
}

/// What a choice among some upstreams, or under feeders, goes by.
#[derive(Debug)]
struct Search {
    tree: SearchTree,
    versions: Arc<Versions>,
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
        for (at, upstream) in upstreams.iter().enumerate() {
            let nearest = tree.of.get(at).copied().flatten();
            let path = nearest.and_then(|feeder| paths.get(feeder)?.as_ref());
            (**upstream).as_ref().join_path(path);
        }
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
    /// A choice is fastest if those that are often wanted together stand together.
    #[must_use]
    pub fn for_masks(mut self) -> Self {
        let tree = SearchTree::new(Shape::new(self.upstreams.len(), &self.tree));
        let versions = Arc::new(tree.versions());
        for (number, node) in tree.shape.nodes().iter().enumerate() {
            let group = Arc::new(Group::Node(Arc::clone(&versions), number));
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
        self.search = Some(Search { tree, versions });
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

    /// Sets the share of the gauges that scores count, above 0 and at most 1: see [`crate::share`].
    pub fn set_share(&self, share: f64) {
        let bits = share.clamp(f64::MIN_POSITIVE, 1.0).to_bits();
        if self.share.swap(bits, Relaxed) != bits {
            // A smaller share lowers every score.
            match &self.search {
                Some(search) => search.versions.loosen_all(),
                None => self.floors.loosen_all(),
            }
        }
    }

    /// The share of the gauges that scores count.
    #[must_use]
    #[inline]
    pub fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Relaxed))
    }

    /// The room for requests like this one: how many of them fit now, times their load, in millionths. [`BOUNDLESS`] where
    /// that can't be said, because an upstream has no known bound, or because none has a sample that counts.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn room_for(&self, request: &Request<'_>) -> i128 {
        let one = request.load.micros().max(1);
        let fitting = |left: i64| i128::from(left / one * one);
        // What is left at each feeder once the members that were added up have been filled.
        let lefts = self.tree.feeders.iter().map(|feeder| {
            let left = feeder.left();
            left.map_or(BOUNDLESS, |left| fitting(left.micros()))
        });
        let mut lefts: Vec<_> = lefts.collect();
        let (mut room, mut is_sampled) = (0_i128, false);
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if ledger.weight().is_nan() || !request.may_use(at) {
                continue;
            }
            is_sampled = true;
            let own = if ledger.is_stale() || ledger.bound().is_none() {
                BOUNDLESS
            } else {
                fitting(ledger.headroom())
            };
            let path = || self.tree.path(at);
            let least = path().filter_map(|feeder| lefts.get(feeder)).copied().min();
            let own = own.min(least.unwrap_or(BOUNDLESS));
            if own >= BOUNDLESS {
                return BOUNDLESS;
            }
            for feeder in path() {
                if let Some(left) = lefts.get_mut(feeder).filter(|left| **left < BOUNDLESS) {
                    *left -= own;
                }
            }
            room += own;
        }
        if is_sampled { room } else { BOUNDLESS }
    }

    /// The largest load that fits anywhere now where the request may go, in millionths. `i64::MAX` where that can't be
    /// said. The request's own load does not matter.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn largest_room(&self, request: &Request<'_>) -> i64 {
        let (mut sampled, mut unsampled) = (None, None);
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if !request.may_use(at) || !ledger.is_in() {
                continue;
            }
            let largest = if ledger.is_sampled() {
                &mut sampled
            } else {
                &mut unsampled
            };
            let lefts = self.feeders_above(at).filter_map(Feeder::left);
            let least = lefts.map(Load::micros).min().unwrap_or(i64::MAX);
            *largest = (*largest).max(Some(ledger.room().min(least)));
        }
        // Those without a sample count only while there is no other.
        sampled.or(unsampled).unwrap_or(0)
    }

    /// The position of the upstream in rotation that can bear the request and lacks the least room for it. None if there
    /// is none, or if its bound is not known.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn nearest_to(&self, request: &Request<'_>) -> Option<usize> {
        let able = self.upstreams.iter().enumerate().filter(|(at, upstream)| {
            let ledger = (***upstream).as_ref();
            ledger.is_in()
                && request.may_use(*at)
                && ledger.bound().is_some_and(|bound| bound >= request.load)
                && self.could_feed(*at, request.load)
        });
        let nearest = able.max_by_key(|(at, upstream)| {
            let lefts = self.feeders_above(*at).filter_map(Feeder::left);
            let least = lefts.map(Load::micros).min().unwrap_or(i64::MAX);
            (***upstream).as_ref().headroom().min(least)
        });
        nearest.map(|(at, _)| at)
    }

    /// Whether some upstream in rotation could bear the request if it and its feeders were empty, as far as is known. One
    /// without a sample is asked only while there is no other, and so counts only then.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn could_bear(&self, request: &Request<'_>) -> bool {
        let mut is_any_sampled = false;
        let mut could_unsampled = false;
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if !request.may_use(at) {
                continue;
            }
            let could = ledger.is_in()
                && ledger.bound().is_none_or(|bound| bound >= request.load)
                && self.could_feed(at, request.load);
            if !ledger.is_sampled() {
                could_unsampled |= could;
            } else if could {
                return true;
            } else {
                is_any_sampled |= ledger.is_in();
            }
        }
        could_unsampled && !is_any_sampled
    }

    /// What keeps a request from being placed: for each upstream in rotation that it may use, the level with the least room
    /// of those without enough; and among these the one with the most. None if nothing lacks room.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn binding(&self, request: &Request<'_>) -> Option<Binding> {
        let mut binding: Option<Binding> = None;
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if !ledger.is_in() || !request.may_use(at) {
                continue;
            }
            let own = Binding {
                level: Level::Upstream(at),
                left: Load::from_micros(ledger.headroom()),
                bound: ledger.bound(),
            };
            let above = self.tree.path(at).filter_map(|number| {
                let feeder = self.tree.feeders.get(number)?;
                Some(Binding {
                    level: Level::Feeder(number),
                    left: feeder.left()?,
                    bound: feeder.bound(),
                })
            });
            let lacking = std::iter::once(own)
                .chain(above)
                .filter(|level| level.left < request.load);
            let tightest = lacking.min_by_key(|level| level.left);
            if let Some(tightest) = tightest
                && binding.is_none_or(|most| tightest.left > most.left)
            {
                binding = Some(tightest);
            }
        }
        binding
    }

    /// The upstreams for which `matches` is true, by their positions.
    #[must_use]
    pub fn mask(&self, matches: impl Fn(usize) -> bool) -> Mask {
        let mask = Mask::new(self.upstreams.len(), matches);
        match &self.search {
            Some(search) => mask.in_tree(&search.tree, &search.versions),
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
            Some(mask) => mask.tree(&search.versions)?,
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

    /// Whether the feeders above an upstream could bear `load` if they were empty.
    fn could_feed(&self, at: usize, load: Load) -> bool {
        let mut bounds = self.feeders_above(at).filter_map(Feeder::bound);
        bounds.all(|bound| bound >= load)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Standing,
        ledger::tests::{load, reading},
    };

    /// Upstreams of these capacities with these loads, if they are sampled.
    fn roster(upstreams: &[(Option<f64>, Option<f64>)]) -> Roster<Ledger> {
        Roster::new(upstreams.iter().map(|(capacity, used)| {
            let ledger = Ledger::new(capacity.map(load));
            if let Some(used) = used {
                ledger.sample(ledger.scrape_sent(), reading(*used));
            }
            ledger.set_standing(Standing::In);
            Arc::new(ledger)
        }))
    }

    #[test]
    fn the_largest_room_is_that_of_one_upstream_in_rotation() {
        let roster = roster(&[
            (Some(100.0), Some(90.0)),
            (Some(50.0), Some(20.0)),
            (Some(900.0), Some(0.0)),
        ]);
        roster[2].set_standing(Standing::Out);
        assert_eq!(
            roster.largest_room(&Request::of(Load::ZERO)),
            load(30.0).micros()
        );
        assert_eq!(
            roster.largest_room(&Request::of(Load::ZERO).without(&[1])),
            load(10.0).micros()
        );
        roster[0].set_stale(true);
        assert_eq!(
            roster.largest_room(&Request::of(Load::ZERO)),
            load(100.0).micros(),
            "it is asked although it seems full"
        );
    }

    #[test]
    fn room_is_kept_where_the_load_could_be_borne_and_the_least_is_missing() {
        let roster = roster(&[
            (Some(100.0), Some(99.0)),
            (Some(100.0), Some(95.0)),
            (Some(50.0), Some(0.0)),
            (None, Some(0.0)),
        ]);
        assert_eq!(roster.nearest_to(&load(60.0).into()), Some(1));
        assert_eq!(roster.nearest_to(&load(50.0).into()), Some(2));
        assert_eq!(roster.nearest_to(&load(101.0).into()), None);
    }

    #[test]
    fn what_could_be_borne_goes_by_those_that_would_be_asked() {
        let known = (Some(100.0), Some(0.0));
        let could = |upstreams: &[_], units| roster(upstreams).could_bear(&load(units).into());
        assert!(could(&[known], 100.0) && !could(&[known], 101.0));
        assert!(could(&[known, (None, Some(0.0))], 101.0), "nobody knows");
        assert!(!could(&[known, (None, None)], 101.0), "it is not asked");
        assert!(could(&[(None, None)], 101.0), "there is no other");
    }
}
