//! A lower bound for the scores of many upstreams, so that a choice need not read each.
//!
//! Ten thousand ledgers are ten thousand cache lines: reading all of them takes longer than everything else a
//! request needs. So a [`Roster`](crate::Roster) divides them into groups, and each group keeps a *floor*: no member
//! scores less. A choice searches the group with the lowest floor, and then only groups with a floor below the best
//! score found so far. It finds the same upstream as a full scan.
//!
//! A floor needs care in one direction only. A booking raises a score, so the floor stays true (and the next search
//! of the group tightens it). Whatever may lower a score *loosens* the floor: for example a sample, a load taken
//! back, or a return to rotation. A loose floor excludes nothing: every choice searches the group until a search has
//! tightened the floor again. Each floor has a version, which every loosening changes. A search reads the version
//! first, and its floor is discarded if the version has changed meanwhile.
//!
//! A floor is computed for one load, the roster's *typical* request. For any other load, the bound follows from the
//! least and the greatest weight in the group: exact for the typical request, too low at worst for others, never
//! too high.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// Members of a group. Of ten thousand upstreams, a choice reads about as many floors as members.
pub(crate) const SIZE: usize = 64;

/// The bits of a floor's word that count loosenings. No search of a group takes so long that the count wraps round.
const VERSION_BITS: u64 = 0xFFFF;

/// A floor has the other 48 bits, so it may be lower than the score that was found, by this fraction.
pub(crate) const PRECISION: f64 = 1e-10;

/// The floor of a group.
#[derive(Debug)]
pub(crate) struct Group {
    /// The least score of the typical request, an `f64` without its last bits, and how often it was loosened. Both
    /// are in one word, so that they change together.
    floor: AtomicU64,
    /// Bits of an `f64`.
    least_weight: AtomicU64,
    /// Bits of an `f64`.
    greatest_weight: AtomicU64,
}

/// The floor of a group at the moment when a search of the group began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloorVersion(u64);

/// The lowest score found among the members, and the range of their weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Floor {
    score: f64,
    least_weight: f64,
    greatest_weight: f64,
}

impl Floor {
    /// The floor of no members: no score is less than infinity.
    pub(crate) const NONE: Self = Self {
        score: f64::INFINITY,
        least_weight: f64::INFINITY,
        greatest_weight: 0.0,
    };

    /// The floor with one more member. An ineligible member's weight and score are NaN, which [`f64::min`] ignores.
    #[inline]
    pub(crate) fn and(self, score: f64, weight: f64) -> Self {
        Self {
            score: self.score.min(score),
            least_weight: self.least_weight.min(weight),
            greatest_weight: self.greatest_weight.max(weight),
        }
    }
}

impl Group {
    /// A group that has not been searched yet.
    pub(crate) fn new() -> Self {
        Self {
            floor: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            least_weight: AtomicU64::new(0),
            greatest_weight: AtomicU64::new(0),
        }
    }

    /// A member may score less than before.
    pub(crate) fn loosen(&self) {
        let loosened = |word: u64| {
            let count = word.wrapping_add(1) & VERSION_BITS;
            Some(f64::NEG_INFINITY.to_bits() | count)
        };
        let _ = self.floor.fetch_update(Release, Relaxed, loosened);
    }

    /// The version of the floor. To be called before reading the members.
    #[inline]
    pub(crate) fn version(&self) -> FloorVersion {
        FloorVersion(self.floor.load(Acquire))
    }

    /// Whether the group has been searched since a score may have fallen.
    #[inline]
    pub(crate) fn is_known(&self) -> bool {
        self.floor.load(Acquire) & !VERSION_BITS != f64::NEG_INFINITY.to_bits()
    }

    /// A lower bound for the score of a request that is `more` millionths greater than the typical one.
    #[inline]
    pub(crate) fn floor(&self, more: f64) -> f64 {
        let typical = f64::from_bits(self.floor.load(Acquire) & !VERSION_BITS);
        let weight = if more < 0.0 {
            &self.greatest_weight
        } else {
            &self.least_weight
        };
        typical + more * f64::from_bits(weight.load(Relaxed))
    }

    /// Sets the floor that a search found, unless a member's score may have fallen since `version`.
    pub(crate) fn tighten(&self, version: FloorVersion, floor: Floor) {
        // An infinite weight times zero would be NaN.
        let least = floor.least_weight.min(f64::MAX);
        // The weights go first: until the floor is set, they are only added to minus infinity.
        self.least_weight.store(least.to_bits(), Relaxed);
        self.greatest_weight
            .store(floor.greatest_weight.to_bits(), Relaxed);
        let word = (round_down(floor.score) & !VERSION_BITS) | (version.0 & VERSION_BITS);
        let _ = self
            .floor
            .compare_exchange(version.0, word, Release, Relaxed);
    }
}

/// The bits of a number, arranged so that clearing the last ones does not make it greater.
fn round_down(value: f64) -> u64 {
    let bits = value.to_bits();
    // Clearing the last bits moves a number towards zero. For a negative number that is up.
    if value.is_sign_negative() {
        bits + VERSION_BITS
    } else {
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(members: &[(f64, f64)]) -> Floor {
        members.iter().fold(Floor::NONE, |floor, (base, weight)| {
            floor.and(*base, *weight)
        })
    }

    #[test]
    fn a_floor_is_never_above_any_member_and_exact_for_the_typical_request() {
        // (estimate, weight), for a typical request of 5.
        let members = [(1.0, 0.3), (0.5, 0.4), (9.0, 0.1), (f64::NAN, f64::NAN)];
        let score = |(estimate, weight): (f64, f64), load: f64| (estimate + load) * weight;
        let floor = members.iter().fold(Floor::NONE, |floor, member| {
            floor.and(score(*member, 5.0), member.1)
        });
        let group = Group::new();
        assert!(!group.is_known(), "not searched yet");
        group.tighten(group.version(), floor);
        for load in [0.0, 1.0, 4.9, 5.0, 5.1, 50.0] {
            let lowest = |lowest: f64, member| lowest.min(score(member, load));
            let lowest = members.into_iter().fold(f64::INFINITY, lowest);
            let floor = group.floor(load - 5.0);
            assert!(floor <= lowest, "{load}: {floor} and {lowest}");
            if (load - 5.0).abs() < 1e-9 {
                assert!(floor > lowest * (1.0 - PRECISION), "{floor} and {lowest}");
            }
        }
    }

    #[test]
    fn a_floor_below_zero_is_rounded_down_too() {
        for base in [-1.0, -0.123_456_789_123_456_7, -1e-9] {
            let group = Group::new();
            group.tighten(group.version(), found(&[(base, 1.0)]));
            assert!((base * (1.0 + PRECISION)..=base).contains(&group.floor(0.0)));
        }
    }

    #[test]
    fn a_floor_from_before_a_loosening_is_not_taken() {
        let group = Group::new();
        let version = group.version();
        group.loosen();
        group.tighten(version, found(&[(5.0, 1.0)]));
        assert!(!group.is_known());
        group.tighten(group.version(), found(&[(5.0, 1.0)]));
        assert!(group.floor(1.0) > 5.9);
        group.loosen();
        assert!(!group.is_known());
    }

    #[test]
    fn a_group_without_eligible_members_is_skipped() {
        let group = Group::new();
        group.tighten(group.version(), found(&[(f64::NAN, f64::NAN)]));
        assert!(group.floor(1.0) > f64::MAX);
    }
}
