//! A set of positions, while it is worked out.

/// A set of positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn all(count: usize) -> Self {
        let mut bits = Self(vec![u64::MAX; count.div_ceil(64)]);
        if let Some(last) = bits.0.last_mut().filter(|_| !count.is_multiple_of(64)) {
            *last = (1 << (count % 64)) - 1;
        }
        bits
    }

    /// Keeps only these positions.
    pub(crate) fn keep(&mut self, positions: &[u32]) {
        let mut kept = vec![0; self.0.len()];
        for at in positions {
            let at = usize::try_from(*at).unwrap_or(usize::MAX);
            if let Some(word) = kept.get_mut(at / 64) {
                *word |= 1 << (at % 64);
            }
        }
        for (word, kept) in self.0.iter_mut().zip(kept) {
            *word &= kept;
        }
    }

    /// Keeps only the positions that the other has too.
    pub(crate) fn keep_also(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(crate) fn has(&self, at: usize) -> bool {
        self.0
            .get(at / 64)
            .is_some_and(|word| (word >> (at % 64)) & 1 == 1)
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}
