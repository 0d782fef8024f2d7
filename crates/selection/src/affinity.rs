//! Keeps requests at one substation: what they want, with that substation before all others.
//!
//! A preference is made once for each substation and kept, up to [`PLACES`] of them, so that a request costs a look-up.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use switchyard_balance::Mask;

use crate::{labels::ANYTHING, rule::MOST_RULES, selection::Selection};

/// The most preferences that are kept.
const PLACES: usize = 1_024;

/// What is kept of preferences for one substation each, in one grid.
#[derive(Debug)]
pub struct Affinity {
    spill_at: f64,
    places: Box<[ArcSwapOption<Kept>]>,
}

#[derive(Debug)]
struct Kept {
    at: usize,
    besides: Option<Arc<Selection>>,
    selection: Arc<Selection>,
}

impl Kept {
    fn is(&self, at: usize, besides: Option<&Arc<Selection>>) -> bool {
        self.at == at
            && match (&self.besides, besides) {
                (None, None) => true,
                (Some(kept), Some(besides)) => Arc::ptr_eq(kept, besides),
                _ => false,
            }
    }
}

impl Affinity {
    /// Substations are preferred up to this utilisation, 0 to 1.
    #[must_use]
    pub fn new(spill_at: f64) -> Self {
        Self {
            spill_at,
            places: (0..PLACES).map(|_| ArcSwapOption::empty()).collect(),
        }
    }

    /// What a request wants that would rather go to the substation at the position `at`. `besides` is what it wants in any
    /// case, and `mask` makes the mask of that position alone.
    #[must_use]
    pub fn prefer(
        &self,
        at: usize,
        besides: Option<&Arc<Selection>>,
        mask: impl FnOnce() -> Mask,
    ) -> Arc<Selection> {
        let number = besides.map_or(0, |selection| {
            usize::try_from(selection.number() >> 32).unwrap_or(0)
        });
        let place = self.places.get((at ^ number) % PLACES);
        let held = place.map(ArcSwapOption::load);
        if let Some(held) = held.as_ref().and_then(|held| held.as_ref())
            && held.is(at, besides)
        {
            return Arc::clone(&held.selection);
        }
        let selection = Arc::new(self.make(besides.map(|selection| &**selection), mask()));
        if let Some(place) = place {
            place.store(Some(Arc::new(Kept {
                at,
                besides: besides.cloned(),
                selection: Arc::clone(&selection),
            })));
        }
        selection
    }

    fn make(&self, besides: Option<&Selection>, mask: Mask) -> Selection {
        let preferred = [(mask, Some(self.spill_at))].into_iter();
        let Some(besides) = besides else {
            return Selection {
                numbers: [ANYTHING; MOST_RULES],
                values: Box::default(),
                words: Box::default(),
                needs: Ok(None),
                number: 0,
                preferred: preferred.collect(),
            };
        };
        let others = besides.preferred.iter().cloned();
        Selection {
            preferred: preferred.chain(others).take(MOST_RULES).collect(),
            ..besides.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use switchyard_balance::{Ledger, Roster};

    use super::*;
    use crate::{LabelSet, Rule, Selections, Source, Value};

    struct Upstream(Ledger);

    impl AsRef<Ledger> for Upstream {
        fn as_ref(&self) -> &Ledger {
            &self.0
        }
    }

    fn roster() -> Roster<Upstream> {
        Roster::new((0..4).map(|_| Arc::new(Upstream(Ledger::new(None)))))
    }

    #[test]
    fn the_one_comes_before_all_others_and_what_is_needed_stays_needed() {
        let roster = roster();
        let labels: Vec<LabelSet> = ["a", "a", "b", "b"]
            .map(|zone| BTreeMap::from([("zone".to_owned(), zone.to_owned())]))
            .into();
        let rule = |is_preference| Rule {
            label: "zone".to_owned(),
            source: Source::Field("zone".to_owned()),
            is_preference,
            spill_at: None,
            is_number: false,
        };
        for is_preference in [false, true] {
            let all: Vec<_> = labels.iter().collect();
            let selections = Selections::new(vec![rule(is_preference)], &all).unwrap();
            assert!(selections.reads_fields());
            let mut wanted = selections.wanted(false);
            let field = wanted.field("zone").unwrap();
            wanted.take_field(field, Value::Text("b")).unwrap();
            let mask = |matches: &dyn Fn(usize) -> bool| roster.mask(matches);
            let zone = selections.resolve(&wanted, mask).unwrap().unwrap();
            let affinity = Affinity::new(0.9);
            let both = affinity.prefer(3, Some(&zone), || roster.mask(|at| at == 3));
            assert_eq!(both.needs(), zone.needs());
            assert_eq!(both.number(), zone.number());
            let (first, spill_at) = &both.preferred()[0];
            assert_eq!((first.len(), first.contains(3)), (1, true));
            assert_eq!(*spill_at, Some(0.9));
            assert_eq!(both.preferred().len(), zone.preferred().len() + 1);
        }
    }

    #[test]
    fn a_preference_is_made_once() {
        let (roster, affinity) = (roster(), Affinity::new(0.5));
        let one = |at: usize| affinity.prefer(at, None, || roster.mask(|position| position == at));
        let (first, second) = (one(1), one(2));
        assert!(Arc::ptr_eq(&first, &one(1)) && Arc::ptr_eq(&second, &one(2)));
        assert!(!Arc::ptr_eq(&first, &second));
        let again = affinity.prefer(1, Some(&second), || roster.mask(|at| at == 1));
        assert!(
            !Arc::ptr_eq(&first, &again),
            "another one beside something else"
        );
    }
}
