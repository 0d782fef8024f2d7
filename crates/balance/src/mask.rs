//! Which upstreams of a roster a request can use.
//!
//! Many requests need the same: a connector, a zone, a model. So what they need is worked out once, as a bit for each
//! position, and a choice looks at the bits.

mod kept;

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::{
    group::Versions,
    search::{Search, SearchTree},
};

pub(crate) use kept::{Kept, Sums};

/// A set of positions in one roster. Made by [`Roster::mask`](crate::Roster::mask). Clones share what choices learn.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    words: Box<[u64]>,
    count: usize,
    /// None in a roster without a tree.
    part: Option<Arc<Part>>,
    /// What its upstreams bear together; none for an empty one.
    kept: Option<Arc<Mutex<Kept>>>,
}

/// The part of its roster's tree that has a mask's upstreams. It is made for the first choice.
#[derive(Debug)]
struct Part {
    /// The same as the roster's.
    versions: Arc<Versions>,
    parts: Arc<AtomicUsize>,
    /// None if the roster's masks have too many nodes already.
    tree: OnceLock<Option<SearchTree>>,
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(tree) = self.tree.get().and_then(Option::as_ref) {
            self.parts.fetch_sub(tree.shape.len(), Relaxed);
        }
    }
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
            part: None,
            kept: (count > 0).then(Arc::default),
        }
    }

    /// The same, for choices by a search of its roster's tree.
    pub(crate) fn in_tree(self, search: &Search) -> Self {
        let part = Part {
            versions: Arc::clone(&search.versions),
            parts: Arc::clone(&search.parts),
            tree: OnceLock::new(),
        };
        Self {
            part: Some(Arc::new(part)),
            ..self
        }
    }

    /// The tree of its upstreams, if it is one of this roster.
    #[inline]
    pub(crate) fn tree(&self, search: &Search) -> Option<&SearchTree> {
        let part = self.part.as_ref()?;
        if !Arc::ptr_eq(&part.versions, &search.versions) {
            return None;
        }
        let make = || search.part(|at| self.contains(at));
        part.tree.get_or_init(make).as_ref()
    }

    /// What is kept of the sums of its upstreams.
    pub(crate) fn kept(&self) -> Option<&Mutex<Kept>> {
        self.kept.as_deref()
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
