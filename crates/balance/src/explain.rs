//! Explains a choice: the candidates side by side, as the policy compares them.
//!
//! A request does not need this. A caller that keeps a record of a choice asks for the explanation right before it
//! chooses, so the two may differ by what other threads do in between.

use crate::{
    Ledger, Load, Request, Roster,
    policy::{Candidates, Sampled},
    tree::Level,
};

/// The most candidates that an explanation lists.
pub const MAX_CANDIDATES: usize = 5;

/// One candidate at the moment of the explanation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its position in the roster.
    pub at: usize,
    /// The last sample's value.
    pub value: Option<Load>,
    /// The estimate of its load now.
    pub estimate: Load,
    /// The part of the estimate that the last sample can't contain.
    pub unseen: Load,
    /// The capacity, where it is known.
    pub capacity: Option<Load>,
    /// The level with the highest score: where it would be fullest.
    pub binding: Level,
    /// The score that the policy compares, that of the binding level: load, scaled by the share, plus the request, divided by the capacity.
    /// Where no capacity is known, divided by 1.
    pub score: f64,
}

/// The best candidates for a request, the best one first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Explanation {
    load: Load,
    best: [Option<Candidate>; MAX_CANDIDATES],
}

impl Explanation {
    /// The best candidates. Eligible are upstreams in rotation that have been sampled, have room, and that the request may
    /// use.
    #[must_use]
    pub fn of<U: AsRef<Ledger>>(roster: &Roster<U>, request: &Request<'_>) -> Self {
        let candidates = Candidates::<U, Sampled>::new(roster, request);
        // Positions first: most of many candidates are not among the best, so their details are not read.
        let mut best = [(f64::INFINITY, usize::MAX); MAX_CANDIDATES];
        for candidate in candidates.iter() {
            let mut next = (candidate.score, candidate.at);
            for held in &mut best {
                if next.0 < held.0 {
                    std::mem::swap(held, &mut next);
                }
            }
        }
        let mut explanation = Self {
            load: request.load,
            ..Self::default()
        };
        for (slot, (score, at)) in explanation.best.iter_mut().zip(best) {
            // Loads are in millionths, so scores are too.
            *slot = Candidate::at(at, score / Load::SCALE, roster, request);
        }
        explanation
    }

    /// Makes sure that the upstream at `chosen` is listed. It may not be among the best: if another policy chose it,
    /// or if only unsampled upstreams were left.
    pub fn include<U: AsRef<Ledger>>(&mut self, chosen: usize, roster: &Roster<U>) {
        let is_listed = self.candidates().any(|candidate| candidate.at == chosen);
        let slots = &mut self.best;
        let free = slots
            .iter()
            .position(Option::is_none)
            .unwrap_or(MAX_CANDIDATES - 1);
        if let Some(slot) = slots.get_mut(free).filter(|_| !is_listed) {
            *slot = Candidate::at(chosen, f64::INFINITY, roster, &self.load.into());
        }
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
}

impl Candidate {
    fn at<U: AsRef<Ledger>>(
        at: usize,
        score: f64,
        roster: &Roster<U>,
        request: &Request<'_>,
    ) -> Option<Self> {
        let ledger = (**roster.get(at)?).as_ref();
        let candidates = Candidates::<U, Sampled>::new(roster, request);
        Some(Self {
            at,
            value: ledger.value(),
            estimate: ledger.estimate(),
            unseen: ledger.unseen(),
            capacity: ledger.capacity(),
            binding: candidates.binding_level(at, ledger),
            score,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Reading;

    fn roster(loads: &[f64]) -> Roster<Ledger> {
        Roster::new(loads.iter().map(|load| {
            let ledger = Ledger::new(Load::new(100.0));
            let reading = Reading {
                load: Load::new(*load).unwrap(),
                capacity: None,
            };
            ledger.sample(ledger.scrape_sent(), reading);
            Arc::new(ledger)
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
        let explanation = Explanation::of(&roster, &Request::of(ten).without(&[4]));
        assert_eq!(
            order(&explanation),
            [1, 6, 5, 2, 0],
            "without the full and the tried upstream"
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
    fn the_chosen_upstream_is_always_listed() {
        let roster = roster(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let mut explanation = Explanation::of(&roster, &Load::ZERO.into());
        explanation.include(2, &roster);
        assert_eq!(order(&explanation), [0, 1, 2, 3, 4]);
        explanation.include(5, &roster);
        assert_eq!(order(&explanation), [0, 1, 2, 3, 5]);
    }

    #[test]
    fn an_empty_roster_has_no_candidates() {
        let explanation = Explanation::of(&roster(&[]), &Load::ZERO.into());
        assert_eq!(explanation.candidates().count(), 0);
        assert_eq!(explanation.margin(), None);
    }
}
