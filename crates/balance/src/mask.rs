//! Which upstreams of a roster a request can use.
//!
//! Many requests need the same: a connector, a zone, a model. So what they need is worked out once, as a bit for each
//! position, and a choice looks at the bits.

/// A set of positions in one roster. Made by [`Roster::mask`](crate::Roster::mask).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    words: Box<[u64]>,
    count: usize,
}

impl Mask {
    /// The positions below `length` for which `matches` is true.
    pub(crate) fn new(length: usize, matches: impl Fn(usize) -> bool) -> Self {
        let mut words = vec![0; length.div_ceil(64)].into_boxed_slice();
        let mut count = 0;
        for at in (0..length).filter(|at| matches(*at)) {
            if let Some(word) = words.get_mut(at / 64) {
                *word |= 1_u64 << (at % 64);
                count += 1;
            }
        }
        Self { words, count }
    }

    /// Whether the upstream at a position is in it.
    #[must_use]
    #[inline]
    pub fn contains(&self, at: usize) -> bool {
        let word = self.words.get(at / 64);
        word.is_some_and(|word| (word >> (at % 64)) & 1 == 1)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_what_matches_and_nothing_else() {
        let mask = Mask::new(130, |at| at % 3 == 0);
        assert_eq!(mask.len(), 44);
        for at in 0..200 {
            assert_eq!(mask.contains(at), at < 130 && at % 3 == 0, "{at}");
        }
        assert!(Mask::new(130, |_| false).is_empty());
    }
}
