//! Which upstreams of a roster a request can use.
//!
//! Many requests need the same: a connector, a zone, a model. So what they need is worked out once, as a bit for each
//! position, and a choice looks at the bits.

use std::sync::Arc;

use crate::{group::Versions, search::SearchTree};

/// A set of positions in one roster. Made by [`Roster::mask`](crate::Roster::mask). Clones share what choices learn.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    words: Box<[u64]>,
    count: usize,
    /// The tree of these upstreams, with the versions that it follows: those of its roster.
    tree: Option<Arc<(SearchTree, Arc<Versions>)>>,
}

/// Whether they have the same positions.
impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for Mask {}

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
        Self {
            words,
            count,
            tree: None,
        }
    }

    /// The same, with the part of its roster's tree that has its upstreams.
    pub(crate) fn in_tree(self, tree: &SearchTree, versions: &Arc<Versions>) -> Self {
        let part = tree.among(|at| self.contains(at));
        Self {
            tree: Some(Arc::new((part, Arc::clone(versions)))),
            ..self
        }
    }

    /// The tree of its upstreams, if it is one of the roster with these versions.
    #[inline]
    pub(crate) fn tree(&self, versions: &Arc<Versions>) -> Option<&SearchTree> {
        let (tree, own) = &**self.tree.as_ref()?;
        Arc::ptr_eq(own, versions).then_some(tree)
    }

    /// Its positions, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + Clone {
        let words = self.words.iter().enumerate();
        words.flat_map(|(number, word)| {
            let next = |rest: &u64| Some(rest & rest.wrapping_sub(1));
            let rests = std::iter::successors(Some(*word), next);
            let rests = rests.take_while(|rest| *rest != 0);
            rests.map(move |rest| {
                number * 64 + usize::try_from(rest.trailing_zeros()).unwrap_or_default()
            })
        })
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
        let positions: Vec<_> = mask.iter().collect();
        assert!(positions.iter().copied().eq((0..130).step_by(3)));
        assert!(Mask::new(130, |_| false).is_empty());
    }
}
