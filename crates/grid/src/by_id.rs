//! Maps by the ids of substations.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::substation::Id;

/// A map by ids. They are numbers that this process gives in their order, so nothing from outside chooses which of them
/// fall together, and the hash that std takes for text of strangers would be most of a look-up.
pub(crate) type ById<T> = HashMap<Id, T, BuildHasherDefault<IdHasher>>;

/// Spreads the bits of one number over the word.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

/// 2⁶⁴ divided by the golden ratio: numbers that follow each other fall far apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(SPREAD);
        // A map looks at the highest bits and at the lowest.
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, hash::BuildHasher};

    use super::*;

    #[test]
    fn ids_that_follow_each_other_fall_apart_in_both_parts_that_a_map_looks_at() {
        let build = BuildHasherDefault::<IdHasher>::default();
        let hashes: Vec<u64> = (0_u64..16_384)
            .map(|number| build.hash_one(number))
            .collect();
        let low: HashSet<_> = hashes.iter().map(|hash| hash & 0x3fff).collect();
        let high: HashSet<_> = hashes.iter().map(|hash| hash >> 57).collect();
        assert!(low.len() > 8_000, "{}", low.len());
        assert_eq!(high.len(), 128);
        assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
    }
}
