//! The selections that were asked for last.
//!
//! A fixed number of places, found by a hash that no client can foresee, and read without a lock. A new selection takes a
//! free place among a few, or any of them: so what is asked for often is there again at once, whatever else is asked for.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::{labels::ANYTHING, rule::MOST_RULES, selection::Selection};

/// The number of sets of places; a power of two.
const SETS: usize = 256;
/// The places of a set.
const PLACES: usize = 4;

#[derive(Debug)]
pub(crate) struct Cache {
    sets: Box<[[ArcSwapOption<Selection>; PLACES]]>,
    seed: u64,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self {
            sets: (0..SETS).map(|_| Default::default()).collect(),
            seed: fastrand::u64(..) | 1,
        }
    }

    /// The selection of these numbers, made if it is not there.
    pub(crate) fn get(
        &self,
        numbers: &[u32; MOST_RULES],
        make: impl FnOnce() -> Selection,
    ) -> Arc<Selection> {
        let set = self.set_of(numbers);
        for place in set {
            let held = place.load();
            if let Some(held) = held.as_ref().filter(|held| held.numbers == *numbers) {
                return Arc::clone(held);
            }
        }
        let new = Arc::new(make());
        let free = set.iter().find(|place| place.load().is_none());
        if let Some(place) = free.or_else(|| fastrand::choice(set)) {
            place.store(Some(Arc::clone(&new)));
        }
        new
    }

    fn set_of(&self, numbers: &[u32; MOST_RULES]) -> &[ArcSwapOption<Selection>] {
        let mut hash = self.seed;
        // No two lists of numbers differ only in how many of them are zero at the end.
        let last = numbers.iter().rposition(|number| *number != ANYTHING);
        for number in numbers.iter().take(last.map_or(0, |last| last + 1)) {
            hash = (hash ^ u64::from(*number))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29);
        }
        hash = hash.wrapping_mul(self.seed);
        let at = usize::try_from(hash >> 40).unwrap_or(0) % SETS;
        self.sets.get(at).map_or(&[], |set| set)
    }

    /// How many are kept.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        let places = self.sets.iter().flatten();
        places.filter(|place| place.load().is_some()).count()
    }
}
