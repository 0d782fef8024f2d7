//! The floors of a search tree's nodes.
//!
//! A floor is the [place] of a score without its last bits, which hold the version of the node and the
//! stamp of the search that found it. All numbers of a node that a search finds carry the same stamp, so that those of two
//! searches at once are not taken for one.

use std::sync::OnceLock;

use crate::{
    group::place,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// The bits of a word that are not the floor's.
const TAG_BITS: u64 = (1 << 24) - 1;
/// The bits of the stamp.
const STAMP_BITS: u64 = (1 << 6) - 1;

/// How many loads besides the typical one have floors of their own.
const FREQUENT: usize = 7;
/// How many loads are remembered to find the frequent ones.
const REMEMBERED: usize = 64;

/// The floors of all nodes of a tree.
///
/// Requests of most grids have one of a few loads. Each load that comes again has floors of its own, which are exact. All
/// others share floors from which a bound follows for any load.
#[derive(Debug)]
pub(crate) struct Floors {
    nodes: usize,
    typical: Cells<1>,
    /// Each with the bits of its load.
    frequent: [OnceLock<(u64, Cells<1>)>; FREQUENT],
    any: OnceLock<Cells<3>>,
    /// The bits of loads that came at least once.
    remembered: [AtomicU64; REMEMBERED],
}

type Cells<const POINTS: usize> = Box<[Cell<POINTS>]>;

/// The floors of a node at some loads, in words that threads share.
#[derive(Debug)]
pub(crate) struct Cell<const POINTS: usize> {
    whole: [AtomicU64; POINTS],
    own: [AtomicU64; POINTS],
    until: [AtomicU64; POINTS],
}

/// The floors of a node at some loads: places without their last bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<const POINTS: usize> {
    pub(crate) whole: [u64; POINTS],
    pub(crate) own: [u64; POINTS],
    pub(crate) until: [u64; POINTS],
}

/// What the floors that a search finds are marked with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag(u64);

impl Tag {
    /// For a node of this version, in a search with this stamp.
    #[inline]
    pub(crate) fn new(version: u32, stamp: u64) -> Self {
        let version = u64::from(version) * (STAMP_BITS + 1);
        Self((version | (stamp & STAMP_BITS)) & TAG_BITS)
    }

    #[inline]
    fn has_version_of(self, word: u64) -> bool {
        (self.0 ^ word) & TAG_BITS & !STAMP_BITS == 0
    }
}

/// The place of a score as floors have it.
#[inline]
pub(crate) const fn rounded(place: u64) -> u64 {
    place & !TAG_BITS
}

/// The place of a score as floors have it.
#[inline]
pub(crate) const fn floor_of(score: f64) -> u64 {
    rounded(place(score))
}

/// Above all scores.
pub(crate) const NOTHING: u64 = floor_of(f64::INFINITY);

impl<const POINTS: usize> Lines<POINTS> {
    /// The floors of no upstream.
    pub(crate) const NOTHING: Self = Self {
        whole: [NOTHING; POINTS],
        own: [NOTHING; POINTS],
        until: [NOTHING; POINTS],
    };

    /// Floors that exclude nothing.
    pub(crate) const LOOSE: Self = Self {
        whole: [0; POINTS],
        own: [0; POINTS],
        until: [0; POINTS],
    };
}

impl<const POINTS: usize> Cell<POINTS> {
    pub(crate) fn new() -> Self {
        let loose = || std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            whole: loose(),
            own: loose(),
            until: loose(),
        }
    }

    /// The floors, if the node still has the version that they were found at.
    #[inline]
    pub(crate) fn read(&self, now: Tag) -> Lines<POINTS> {
        let load = |words: &[AtomicU64; POINTS]| words.each_ref().map(|word| word.load(Relaxed));
        let (whole, own, until) = (load(&self.whole), load(&self.own), load(&self.until));
        let first = whole.first().copied().unwrap_or_default();
        let mut mixed = 0;
        for word in whole.iter().chain(&own).chain(&until) {
            mixed |= word ^ first;
        }
        if mixed & TAG_BITS != 0 || !now.has_version_of(first) {
            return Lines::LOOSE;
        }
        Lines {
            whole: whole.map(rounded),
            own: own.map(rounded),
            until: until.map(rounded),
        }
    }

    /// Sets what a search found.
    #[inline]
    pub(crate) fn write(&self, tag: Tag, lines: &Lines<POINTS>) {
        let store = |words: &[AtomicU64; POINTS], floors: &[u64; POINTS]| {
            for (word, floor) in words.iter().zip(floors) {
                word.store(rounded(*floor) | tag.0, Relaxed);
            }
        };
        store(&self.whole, &lines.whole);
        store(&self.own, &lines.own);
        store(&self.until, &lines.until);
    }
}

impl Floors {
    /// The floors of so many nodes that have not been searched yet.
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            nodes,
            typical: cells(nodes),
            frequent: [const { OnceLock::new() }; FREQUENT],
            any: OnceLock::new(),
            remembered: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// The floors for requests of this load alone, if it has some.
    #[inline]
    pub(crate) fn at(&self, load: f64, typical: f64) -> Option<&[Cell<1>]> {
        let bits = load.to_bits();
        if bits == typical.to_bits() {
            return Some(&self.typical);
        }
        for slot in &self.frequent {
            match slot.get() {
                Some((other, cells)) if *other == bits => return Some(cells),
                Some(_) => {}
                None => return self.remember(bits, slot),
            }
        }
        None
    }

    /// Gives a load that comes again floors of its own.
    #[cold]
    fn remember<'a>(
        &self,
        bits: u64,
        slot: &'a OnceLock<(u64, Cells<1>)>,
    ) -> Option<&'a [Cell<1>]> {
        // The highest bits of this product depend on all bits of the load.
        let place = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - REMEMBERED.ilog2());
        let place = self.remembered.get(usize::try_from(place).ok()?)?;
        if place.swap(bits, Relaxed) != bits {
            return None;
        }
        let (taken, cells) = slot.get_or_init(|| (bits, cells(self.nodes)));
        (*taken == bits).then_some(cells)
    }

    /// The floors for requests of any load: at the typical load, at none and at a large one.
    #[inline]
    pub(crate) fn any(&self) -> &[Cell<3>] {
        self.any.get_or_init(|| cells(self.nodes))
    }
}

/// The floors of so many nodes, all loose.
fn cells<const POINTS: usize>(nodes: usize) -> Cells<POINTS> {
    (0..nodes).map(|_| Cell::new()).collect()
}
