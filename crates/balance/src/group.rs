//! A lower bound for the scores of many upstreams, so that a choice need not read each.
//!
//! Ten thousand ledgers are ten thousand cache lines: reading all of them takes longer than everything else a
//! request needs. So a [`Roster`](crate::Roster) divides them into groups, and each group has a *floor*: no member
//! scores less. A choice searches the group with the lowest floor, and then only groups with a floor below the best
//! score found so far. It finds the same upstream as a full scan.
//!
//! A floor needs care in one direction only. A booking raises a score, so the floor stays true (and the booking
//! itself tightens it). Whatever may lower a score *loosens* the floor: for example a sample, a load taken
//! back, or a return to rotation. A loose floor excludes nothing: the next choice searches the group, and that
//! tightens the floor again. Each floor has a version, which every loosening changes. A search reads the version
//! first, and its floor is discarded if the version has changed meanwhile.
//!
//! A floor is computed for one load, the roster's *typical* request. For any other load, the bound follows from the
//! least and the greatest weight in the group: exact for the typical request, too low at worst for others, never
//! too high.
//!
//! Every choice reads all floors. So they lie side by side, as whole numbers in the order of the scores: comparing two
//! of them takes one instruction, and eight are in a cache line.

use std::sync::Arc;

use crate::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The fewest members of a group: their pointers are in one cache line.
const LEAST_SIZE: usize = 8;

/// Members of a group among so many upstreams.
///
/// A choice reads the members of one group, and all floors about three times. A member takes some two and a half times
/// as long as three floors, so the sum is least at the square root of two fifths of all: 8 of a hundred, 64 of ten
/// thousand.
pub(crate) const fn size_among(upstreams: usize) -> usize {
    let size = (upstreams * 2 / 5).isqrt().next_power_of_two();
    if size < LEAST_SIZE { LEAST_SIZE } else { size }
}

/// The bits of a floor's word that count loosenings. No search of a group takes so long that the count wraps round.
const VERSION_BITS: u64 = 0xFFFF;

/// A floor has the other 48 bits, so it may be lower than the score that was found, by this fraction.
pub(crate) const PRECISION: f64 = 1e-10;

/// A loose floor is below the place of every number.
const LOOSE: u64 = 0;

/// The floors of a roster's groups.
#[derive(Debug)]
pub(crate) struct Floors {
    /// For each group the [place] of its floor without the last bits, and how often it was loosened. Both are in one
    /// word, so that they change together.
    words: Box<[AtomicU64]>,
    weights: Box<[Weights]>,
}

/// The range of the weights in a group. Bits of an `f64` each.
#[derive(Debug, Default)]
struct Weights {
    least: AtomicU64,
    greatest: AtomicU64,
}

/// One group, as its members know it.
#[derive(Debug)]
pub(crate) enum Group {
    /// In a flat roster.
    Flat(Arc<Floors>, usize),
    /// A node of a [search tree](crate::search).
    Node(Arc<Versions>, usize),
}

/// How often the floors of each node of a [search tree](crate::search) were loosened.
#[derive(Debug)]
pub(crate) struct Versions {
    counts: Box<[AtomicU32]>,
    /// The number of each node's parent; that of the root is its own.
    parents: Box<[u32]>,
}

/// The word of a floor at the moment when a search of its group began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloorVersion(u64);

/// The lowest scores found among the members, for the typical request, and the range of their weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    /// The [place]s of the two lowest scores. Whole numbers, because the lower of two floats that may be NaN takes several
    /// instructions, each of which waits for the one before it.
    lowest: u64,
    second: u64,
    least_weight: f64,
    greatest_weight: f64,
}

impl Floor {
    /// The floor of no members: no score is less than infinity.
    pub(crate) const NONE: Self = Self {
        lowest: place(f64::INFINITY),
        second: place(f64::INFINITY),
        least_weight: f64::INFINITY,
        greatest_weight: 0.0,
    };

    /// The floor with one more member. An ineligible member's weight and score are NaN: its place is above infinity, and
    /// no comparison with it is true.
    #[inline]
    pub(crate) fn with(self, score: f64, weight: f64) -> Self {
        let place = place(score);
        let is_less = weight < self.least_weight;
        let is_more = weight > self.greatest_weight;
        Self {
            lowest: self.lowest.min(place),
            second: self.second.min(self.lowest.max(place)),
            least_weight: if is_less { weight } else { self.least_weight },
            greatest_weight: if is_more {
                weight
            } else {
                self.greatest_weight
            },
        }
    }

    /// The floor after a booking has raised a member's score from `before` to `after`.
    #[inline]
    pub(crate) fn raised(self, before: f64, after: f64) -> Self {
        let others = if place(before) > self.lowest {
            self.lowest
        } else {
            self.second
        };
        Self {
            lowest: others.min(place(after)),
            ..self
        }
    }
}

impl Group {
    /// A member may score less than before.
    #[inline]
    pub(crate) fn loosen(&self) {
        match self {
            Self::Flat(floors, number) => floors.loosen(*number),
            Self::Node(versions, number) => versions.loosen(*number),
        }
    }
}

impl Versions {
    /// Those of nodes with these parents.
    pub(crate) fn new(parents: impl Iterator<Item = u32>) -> Self {
        let parents: Box<[_]> = parents.collect();
        Self {
            counts: parents.iter().map(|_| AtomicU32::new(0)).collect(),
            parents,
        }
    }

    /// Scores below a node may have fallen. Its own version goes first: a search that reads the new version of a parent
    /// then reads that of the child too.
    fn loosen(&self, mut number: usize) {
        while let Some(count) = self.counts.get(number) {
            count.fetch_add(1, Release);
            let parent = self.parents.get(number).copied().unwrap_or_default();
            let parent = usize::try_from(parent).unwrap_or_default();
            if parent == number {
                return;
            }
            number = parent;
        }
    }

    /// All scores may have fallen.
    pub(crate) fn loosen_all(&self) {
        for count in self.counts.iter().rev() {
            count.fetch_add(1, Release);
        }
    }

    /// The version of a node. To be called before reading what is below it.
    #[inline]
    pub(crate) fn of(&self, number: u32) -> u32 {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let count = self.counts.get(number);
        count.map_or(0, |count| count.load(Acquire))
    }
}

impl Floors {
    /// The floors of so many groups that have not been searched yet.
    pub(crate) fn new(groups: usize) -> Self {
        Self {
            words: (0..groups).map(|_| AtomicU64::new(LOOSE)).collect(),
            weights: (0..groups).map(|_| Weights::default()).collect(),
        }
    }

    /// The group with this number.
    pub(crate) fn group(self: &Arc<Self>, number: usize) -> Group {
        Group::Flat(Arc::clone(self), number)
    }

    /// Members of a group may score less than before.
    fn loosen(&self, number: usize) {
        let loosened = |word: u64| Some(LOOSE | (word.wrapping_add(1) & VERSION_BITS));
        if let Some(word) = self.words.get(number) {
            let _ = word.fetch_update(Release, Relaxed, loosened);
        }
    }

    /// All members may score less than before.
    pub(crate) fn loosen_all(&self) {
        for number in 0..self.words.len() {
            self.loosen(number);
        }
    }

    /// The version of a floor. To be called before reading the members.
    #[inline]
    pub(crate) fn version(&self, number: usize) -> FloorVersion {
        let word = self.words.get(number);
        FloorVersion(word.map_or(LOOSE, |word| word.load(Acquire)))
    }

    /// The first group from `from` on whose scores may have fallen since it was searched.
    #[inline]
    pub(crate) fn next_loose(&self, from: usize) -> Option<usize> {
        let mut rest = self.words.get(from..)?.iter();
        let next = rest.position(|word| is_loose(word.load(Relaxed)));
        next.map(|further| from + further)
    }

    /// Whether such a group is this one.
    #[inline]
    pub(crate) fn is_loose(&self, number: usize) -> bool {
        let word = self.words.get(number);
        word.is_some_and(|word| is_loose(word.load(Relaxed)))
    }

    /// Where to begin: the group with the lowest bound for a request that is `more` millionths greater than the typical
    /// one, and of equal ones the first from `start` on. None if there is no group from `start` on.
    #[inline]
    pub(crate) fn lowest(&self, more: f64, start: usize) -> Option<usize> {
        let (before, after) = self.words.split_at_checked(start)?;
        let groups = self.words.len();
        let ranks = 0..u64::try_from(groups).ok()?;
        if ranks.end > VERSION_BITS {
            // A rank has only those bits. Any group will do to begin with.
            return Some(start);
        }
        let lowest = if more == 0.0 {
            let first_before = ranks.end - u64::try_from(before.len()).ok()?;
            lowest_of(after, 0).min(lowest_of(before, first_before))
        } else {
            let numbers = (start..groups).chain(0..start);
            let bounds = numbers
                .zip(ranks)
                .map(|(number, rank)| (place(self.floor(number, more)) & !VERSION_BITS) | rank);
            bounds.min()?
        };
        let number = start + usize::try_from(lowest & VERSION_BITS).ok()?;
        Some(number.checked_sub(groups).unwrap_or(number))
    }

    /// The first group from `from` on with a bound below `score`, for a request that is `more` millionths greater than
    /// the typical one.
    #[inline]
    pub(crate) fn next_below(&self, score: f64, more: f64, from: usize) -> Option<usize> {
        let rest = self.words.get(from..)?;
        let next = if more == 0.0 {
            // Rounded down, as floors are; their own last bits then make no difference.
            let place = place(score) & !VERSION_BITS;
            rest.iter().position(|word| word.load(Relaxed) < place)
        } else {
            (from..self.words.len()).position(|number| self.floor(number, more) < score)
        };
        next.map(|further| from + further)
    }

    /// A lower bound for the score of a request that is `more` millionths greater than the typical one.
    #[inline]
    pub(crate) fn floor(&self, number: usize, more: f64) -> f64 {
        let (Some(word), Some(weights)) = (self.words.get(number), self.weights.get(number)) else {
            return f64::INFINITY;
        };
        let floor = word.load(Acquire) & !VERSION_BITS;
        // Rounded down, the place of minus infinity is the place of no number.
        if floor <= place(f64::NEG_INFINITY) {
            return f64::NEG_INFINITY;
        }
        let weight = if more < 0.0 {
            &weights.greatest
        } else {
            &weights.least
        };
        number_at(floor) + more * f64::from_bits(weight.load(Relaxed))
    }

    /// Sets the floor that a search found, unless a member's score may have fallen since `version`. Returns the version
    /// for a further change.
    #[inline]
    pub(crate) fn tighten(
        &self,
        number: usize,
        version: FloorVersion,
        floor: Floor,
    ) -> FloorVersion {
        let word = (floor.lowest & !VERSION_BITS) | (version.0 & VERSION_BITS);
        if word == version.0 {
            return version;
        }
        if let (Some(floors), Some(weights)) = (self.words.get(number), self.weights.get(number)) {
            // The weights go first: until the floor is set, it is loose, or the weights are the same.
            weights.set(floor);
            let _ = floors.compare_exchange(version.0, word, Release, Relaxed);
        }
        FloorVersion(word)
    }
}

impl Weights {
    fn set(&self, floor: Floor) {
        let set = |word: &AtomicU64, weight: f64| {
            let bits = weight.to_bits();
            if word.load(Relaxed) != bits {
                word.store(bits, Relaxed);
            }
        };
        // An infinite weight times zero would be NaN.
        set(&self.least, floor.least_weight.min(f64::MAX));
        set(&self.greatest, floor.greatest_weight);
    }
}

/// The lowest of these words, without their versions, with its position in place of the version.
#[inline]
fn lowest_of(words: &[AtomicU64], first_rank: u64) -> u64 {
    let ranked = |word: &AtomicU64, rank: u64| (word.load(Relaxed) & !VERSION_BITS) | rank;
    // Four at a time: each comparison waits for the one before it, and four rows of them don't wait for each other.
    let (fours, rest) = words.as_chunks::<4>();
    let mut lowest = [u64::MAX; 4];
    let mut rank = first_rank;
    for [a, b, c, d] in fours {
        let [w, x, y, z] = lowest;
        lowest = [
            w.min(ranked(a, rank)),
            x.min(ranked(b, rank + 1)),
            y.min(ranked(c, rank + 2)),
            z.min(ranked(d, rank + 3)),
        ];
        rank += 4;
    }
    let rest = rest
        .iter()
        .zip(rank..)
        .map(|(word, rank)| ranked(word, rank));
    let rest = rest.min().unwrap_or(u64::MAX);
    lowest.into_iter().fold(rest, u64::min)
}

const fn is_loose(word: u64) -> bool {
    word & !VERSION_BITS == LOOSE
}

const SIGN: u64 = 1 << 63;

/// The place of a number in the order of all numbers. Clearing the last bits of a place lowers the number.
#[inline]
pub(crate) const fn place(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number at a place.
#[inline]
pub(crate) const fn number_at(place: u64) -> f64 {
    f64::from_bits(if place & SIGN == 0 {
        !place
    } else {
        place & !SIGN
    })
}

#[cfg(test)]
mod tests;
