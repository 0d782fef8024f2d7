//! The lowest `(estimate + request) / capacity`; ties at random.
//!
//! Choosing the best of all upstreams needs exact estimates. On raw gauges it herds: Mitzenmacher, "How useful is old
//! information?", 2000.

use std::{cmp::Ordering, sync::Arc};

use fastrand::Rng;

use super::{
    Candidates, Choose, Chosen, Eligibility, SearchedGroup, candidates::Candidate, tree_search,
};
use crate::{
    Ledger,
    group::{self, Floor},
};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeastLoad;

impl Choose for LeastLoad {
    fn choose<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let among = candidates.request.among;
        if let Some((tree, versions)) = candidates.roster.search(among) {
            return tree_search::choose(candidates, tree, versions, rng);
        }
        if among.is_some() {
            return choose_of_all(candidates, rng);
        }
        let mut best = Best::new();
        if E::HAS_FLOORS && candidates.roster.len() > FULL_SCAN_LIMIT {
            search_groups(candidates, &mut best, rng);
        } else {
            // If more upstreams may tie than are kept, start at a random one.
            let start = if candidates.roster.len() > MAX_TIES {
                rng.usize(..candidates.roster.len())
            } else {
                0
            };
            let (wrapped, first) = candidates.roster.split_at_checked(start)?;
            best.scan(candidates, start, first, ());
            best.scan(candidates, 0, wrapped, ());
        }
        best.draw(candidates, rng)
    }
}

/// The lowest score of all, then the lowest own score; ties at random.
#[inline(never)]
fn choose_of_all<U: AsRef<Ledger>, E: Eligibility>(
    candidates: &Candidates<'_, U, E>,
    rng: &mut Rng,
) -> Option<Chosen> {
    let mut best: Option<Candidate> = None;
    let mut ties = 0;
    for candidate in candidates.iter() {
        let order = best.map_or(Ordering::Less, |best| {
            let by_score = candidate.score.total_cmp(&best.score);
            by_score.then(candidate.own.total_cmp(&best.own))
        });
        if order == Ordering::Less {
            ties = 0;
        }
        if order != Ordering::Greater {
            ties += 1;
            // Each of the equals is left with the same probability.
            if rng.u32(..ties) == 0 {
                best = Some(candidate);
            }
        }
    }
    best.map(|best| Chosen {
        is_tie: ties > 1,
        ..best.chosen()
    })
}

/// Up to this many upstreams, reading each is as fast as reading floors.
const FULL_SCAN_LIMIT: usize = 32;

/// Up to so many groups without a floor are looked for one by one.
const FEW_LOOSE: usize = 4;

/// The most ties that are kept. From a random start, the first ones are as good as any.
const MAX_TIES: usize = 8;

/// What a scan notes besides the best. Passed by value, so that it stays in registers.
trait Notes {
    /// With the score of one more upstream for the typical request, and its weight.
    fn and(self, score: f64, weight: f64) -> Self;
}

impl Notes for () {
    #[inline]
    fn and(self, _: f64, _: f64) {}
}

impl Notes for Floor {
    #[inline]
    fn and(self, score: f64, weight: f64) -> Self {
        self.with(score, weight)
    }
}

/// The best score so far, and the candidates that have it.
struct Best {
    score: f64,
    tied: [(usize, i64); MAX_TIES],
    ties: usize,
    /// The last group that had one of them.
    group: Option<SearchedGroup>,
}

impl Best {
    const fn new() -> Self {
        Self {
            score: f64::INFINITY,
            tied: [(0, 0); MAX_TIES],
            ties: 0,
            group: None,
        }
    }

    /// Reads each of `members`; the first one's position is `from`. Returns `notes` with what it
    /// saw.
    ///
    /// This is the hot loop of the crate. So conditions that are rarely true come last, a score of NaN fails the first
    /// comparison, and ties are only recorded (equal loads on equal capacities give equal bits).
    #[inline]
    fn scan<U: AsRef<Ledger>, E: Eligibility, N: Notes>(
        &mut self,
        candidates: &Candidates<'_, U, E>,
        from: usize,
        members: &[Arc<U>],
        mut notes: N,
    ) -> N {
        for (at, upstream) in (from..).zip(members) {
            let ledger = (**upstream).as_ref();
            let (candidate, typical, weight) = candidates.read_both(at, ledger);
            notes = notes.and(typical, weight);
            if candidate.score <= self.score {
                let is_lower = candidate.score < self.score;
                let may_tie = self.ties < MAX_TIES && !self.has(at);
                if (is_lower || may_tie) && candidates.is_fit_below(&candidate, ledger) {
                    self.ties = if is_lower { 0 } else { self.ties };
                    self.score = candidate.score;
                    if let Some(slot) = self.tied.get_mut(self.ties) {
                        *slot = (at, candidate.assigned);
                        self.ties += 1;
                    }
                }
            }
        }
        notes
    }

    /// Whether the upstream at this position is kept already, because its group was searched before.
    #[inline]
    fn has(&self, at: usize) -> bool {
        let mut tied = self.tied.iter().take(self.ties);
        tied.any(|(other, _)| *other == at)
    }

    /// Whether the best one is known to be in this group.
    fn has_group(&self, number: usize) -> bool {
        self.group.is_some_and(|group| group.number == number)
    }

    /// Reads the members of a group, and sets its floor.
    fn search<U: AsRef<Ledger>, E: Eligibility>(
        &mut self,
        candidates: &Candidates<'_, U, E>,
        number: usize,
        rng: &mut Rng,
    ) {
        let (from, members) = candidates.roster.members(number);
        let start = rng.usize(..members.len().max(1));
        let Some((wrapped, first)) = members.split_at_checked(start) else {
            return;
        };
        let (score, ties) = (self.score, self.ties);
        let version = candidates.roster.floors().version(number);
        let floor = self.scan(candidates, from + start, first, Floor::NONE);
        let floor = self.scan(candidates, from, wrapped, floor);
        let searched = candidates.searched(number, version, floor);
        if self.score < score || self.ties > ties {
            self.group = searched;
        }
    }

    #[inline]
    fn draw<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let group_of = |at| candidates.roster.group_of(at);
        let is_tie = self.ties > 1;
        let drawn = if is_tie { rng.usize(..self.ties) } else { 0 };
        let (at, assigned) = self.tied.get(..self.ties)?.get(drawn).copied()?;
        Some(Chosen {
            at,
            score: self.score,
            own: self.score,
            assigned,
            is_tie,
            group: self.group.filter(|group| group.number == group_of(at)),
        })
    }
}

/// Searches the groups without a floor, then the one with the lowest floor, then those that may contain a lower score.
///
/// Not all groups with equal floors are searched, so the random start breaks ties between them.
fn search_groups<U: AsRef<Ledger>, E: Eligibility>(
    candidates: &Candidates<'_, U, E>,
    best: &mut Best,
    rng: &mut Rng,
) {
    let floors = candidates.roster.floors();
    let more = candidates.more_than_typical();
    let start = rng.usize(..candidates.roster.groups().max(1));
    let Some(mut first) = floors.lowest(more, start) else {
        return;
    };
    // One after the other if they are few, as after a refusal or a sample; all in one pass after a round of scrapes.
    let mut few = FEW_LOOSE;
    while floors.is_loose(first) && few > 0 {
        best.search(candidates, first, rng);
        few -= 1;
        first = floors.lowest(more, start).unwrap_or(first);
    }
    if floors.is_loose(first) {
        let mut next = floors.next_loose(0);
        while let Some(number) = next {
            best.search(candidates, number, rng);
            next = floors.next_loose(number + 1);
        }
        first = floors.lowest(more, start).unwrap_or(first);
    }
    // A group without a floor was searched only for its floor: the start decides if another group has an equal one.
    if !best.has_group(first) && floors.floor(first, more) <= best.score {
        let mut other = Best::new();
        other.search(candidates, first, rng);
        if other.score <= best.score {
            *best = other;
        }
    }
    let mut from = 0;
    loop {
        let enough = best.score * (1.0 - group::PRECISION);
        let Some(next) = floors.next_below(enough, more, from) else {
            return;
        };
        if next != first && !best.has_group(next) {
            best.search(candidates, next, rng);
        }
        from = next + 1;
    }
}
