//! How a choice looks from outside: the candidates side by side, as the policy compares them.
//!
//! Nothing of this is on the way of a request; whoever wants to know why asks right before choosing. So the two may
//! differ by what other threads do in between.

use std::cmp::Ordering;

use crate::{
    Ledger, Load, Roster,
    policy::{Field, Sampled},
};

/// The most candidates that are told of.
pub const MOST: usize = 5;

/// One candidate as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its position in the roster.
    pub at: usize,
    /// The last sample's value.
    pub value: Option<Load>,
    /// What the load is believed to be now.
    pub estimate: Load,
    /// The part of the estimate that the sample can't know.
    pub unseen: Load,
    /// The capacity, where it is known.
    pub capacity: Option<Load>,
    /// What is compared: load against capacity, with the request and scaled by the share. Against 1 where no capacity is
    /// known.
    pub score: f64,
}

/// The best candidates for a request, the best one first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Explanation {
    best: [Option<Candidate>; MOST],
}

impl Explanation {
    /// The best candidates: those in rotation that have been sampled, have room and are not in `tried`.
    #[must_use]
    pub fn of<U: AsRef<Ledger>>(roster: &Roster<U>, load: Load, tried: &[usize]) -> Self {
        let field = Field::<U, Sampled>::new(roster, load, tried);
        let mut explanation = Self::default();
        for candidate in field.candidates() {
            // Scores are made of millionths.
            let score = candidate.score / Load::SCALE;
            explanation.insert(candidate.at, score, roster);
        }
        explanation
    }

    /// Makes sure that the one at `chosen` is told of, which may be none of the best: by another policy, or where
    /// only one without a sample was left.
    #[must_use]
    pub fn with<U: AsRef<Ledger>>(&self, chosen: usize, roster: &Roster<U>) -> Self {
        let mut with = *self;
        let is_told = self.candidates().any(|candidate| candidate.at == chosen);
        if let Some(slot) = with.best.last_mut().filter(|_| !is_told) {
            *slot = None;
            with.insert(chosen, f64::INFINITY, roster);
        }
        with
    }

    /// The candidates, the best one first.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.best.iter().flatten()
    }

    /// By how much the best score is below the next.
    #[must_use]
    pub fn margin(&self) -> Option<f64> {
        match self.best {
            [Some(best), Some(next), ..] => Some(next.score - best.score),
            _ => None,
        }
    }

    fn insert<U: AsRef<Ledger>>(&mut self, at: usize, score: f64, roster: &Roster<U>) {
        let better = |slot: &Option<Candidate>| {
            slot.is_some_and(|other| other.score.total_cmp(&score) != Ordering::Greater)
        };
        let place = self.best.iter().take_while(|slot| better(slot)).count();
        let Some(worse) = self.best.get_mut(place..) else {
            return;
        };
        if let (Some(upstream), false) = (roster.get(at), worse.is_empty()) {
            let ledger = (**upstream).as_ref();
            worse.rotate_right(1);
            if let Some(slot) = worse.first_mut() {
                *slot = Some(Candidate {
                    at,
                    value: ledger.value(),
                    estimate: ledger.estimate(),
                    unseen: ledger.unseen(),
                    capacity: ledger.capacity(),
                    score,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Reading;

    struct Upstream(Ledger);

    impl AsRef<Ledger> for Upstream {
        fn as_ref(&self) -> &Ledger {
            &self.0
        }
    }

    fn roster(loads: &[f64]) -> Roster<Upstream> {
        Roster::new(loads.iter().map(|load| {
            let ledger = Ledger::new(Load::new(100.0));
            let reading = Reading {
                load: Load::new(*load).unwrap(),
                capacity: None,
            };
            ledger.sample(ledger.scrape_sent(), reading);
            Arc::new(Upstream(ledger))
        }))
    }

    fn order(explanation: &Explanation) -> Vec<usize> {
        explanation
            .candidates()
            .map(|candidate| candidate.at)
            .collect()
    }

    #[test]
    fn the_best_five_in_order() {
        let roster = roster(&[60.0, 10.0, 50.0, 99.0, 20.0, 40.0, 30.0]);
        let ten = Load::new(10.0).unwrap();
        let explanation = Explanation::of(&roster, ten, &[4]);
        assert_eq!(
            order(&explanation),
            [1, 6, 5, 2, 0],
            "the full and the tried left out"
        );
        assert!((explanation.margin().unwrap() - 0.2).abs() < 1e-9);
        let first = explanation.candidates().next().unwrap();
        assert_eq!(
            (first.value, first.capacity),
            (Load::new(10.0), Load::new(100.0))
        );
        assert!((first.score - 0.2).abs() < 1e-9);
    }

    #[test]
    fn the_chosen_one_is_always_told_of() {
        let roster = roster(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let explanation = Explanation::of(&roster, Load::ZERO, &[]);
        assert_eq!(order(&explanation.with(2, &roster)), [0, 1, 2, 3, 4]);
        assert_eq!(order(&explanation.with(5, &roster)), [0, 1, 2, 3, 5]);
    }

    #[test]
    fn of_nobody_there_is_nothing_to_tell() {
        let explanation = Explanation::of(&roster(&[]), Load::ZERO, &[]);
        assert_eq!(explanation.candidates().count(), 0);
        assert_eq!(explanation.margin(), None);
    }
}
