//! The lowest `(estimate + request) / capacity`; ties at random.
//!
//! Choosing the best of all upstreams needs exact estimates. On raw gauges it herds: Mitzenmacher, "How useful is old
//! information?", 2000.

use std::sync::Arc;

use fastrand::Rng;

use super::{Candidates, Choose, Chosen, Eligibility};
use crate::{
    Ledger,
    group::{self, Floor, Group},
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
            best.scan(candidates, start, first);
            best.scan(candidates, 0, wrapped);
        }
        best.draw(rng)
    }
}

/// Up to this many upstreams, reading each is as fast as reading floors.
const FULL_SCAN_LIMIT: usize = 8 * group::SIZE;

/// The most ties that are kept. From a random start, the first ones are as good as any.
const MAX_TIES: usize = 8;

/// The best score so far, and the candidates that have it.
struct Best {
    score: f64,
    tied: [(usize, i64); MAX_TIES],
    ties: usize,
}

impl Best {
    const fn new() -> Self {
        Self {
            score: f64::INFINITY,
            tied: [(0, 0); MAX_TIES],
            ties: 0,
        }
    }

    /// Reads each of `members`; the first one's position is `from`.
    ///
    /// This is the hot loop of the crate. So conditions that are rarely true come last, a score of NaN fails the first
    /// comparison, and ties are only recorded (equal loads on equal capacities give equal bits).
    #[inline]
    fn scan<U: AsRef<Ledger>, E: Eligibility>(
        &mut self,
        candidates: &Candidates<'_, U, E>,
        from: usize,
        members: &[Arc<U>],
    ) {
        for (at, upstream) in (from..).zip(members) {
            let ledger = (**upstream).as_ref();
            let candidate = candidates.read(at, ledger);
            if candidate.score <= self.score {
                let is_lower = candidate.score < self.score;
                if (is_lower || self.ties < MAX_TIES) && candidates.is_fit(&candidate, ledger) {
                    self.ties = if is_lower { 0 } else { self.ties };
                    self.score = candidate.score;
                    if let Some(slot) = self.tied.get_mut(self.ties) {
                        *slot = (at, candidate.assigned);
                        self.ties += 1;
                    }
                }
            }
        }
    }

    #[inline]
    fn draw(&self, rng: &mut Rng) -> Option<Chosen> {
        let is_tie = self.ties > 1;
        let drawn = if is_tie { rng.usize(..self.ties) } else { 0 };
        let (at, assigned) = self.tied.get(..self.ties)?.get(drawn).copied()?;
        Some(Chosen {
            at,
            score: self.score,
            assigned,
            is_tie,
        })
    }
}

/// Searches the group with the lowest floor, then the groups that may contain a lower score.
///
/// Not all groups with equal floors are searched, so the random start breaks ties between them.
fn search_groups<U: AsRef<Ledger>, E: Eligibility>(
    candidates: &Candidates<'_, U, E>,
    best: &mut Best,
    rng: &mut Rng,
) {
    let more = candidates.more_than_typical();
    let start = rng.usize(..candidates.roster.groups().len().max(1));
    // The lowest before the start, and the lowest from the start on: of equal floors the first from the start counts.
    let mut lowest = [(f64::INFINITY, start); 2];
    for (number, (group, _, members)) in candidates.roster.groups().enumerate() {
        if !group.is_known() {
            tighten(candidates, group, members);
        }
        let floor = group.floor(more);
        if let Some(half) = lowest.get_mut(usize::from(number >= start))
            && floor < half.0
        {
            *half = (floor, number);
        }
    }
    let [before, after] = lowest;
    let first = if before.0 < after.0 {
        before.1
    } else {
        after.1
    };
    let mut search = |(group, from, members): (&Group, usize, &[Arc<U>])| {
        let start = rng.usize(..members.len().max(1));
        if let Some((wrapped, first)) = members.split_at_checked(start) {
            best.scan(candidates, from + start, first);
            best.scan(candidates, from, wrapped);
        }
        tighten(candidates, group, members);
        best.score * (1.0 - group::PRECISION)
    };
    let mut enough = f64::INFINITY;
    if let Some(group) = candidates.roster.groups().nth(first) {
        enough = search(group);
    }
    for (number, group) in candidates.roster.groups().enumerate() {
        if number != first && group.0.floor(more) < enough {
            enough = search(group);
        }
    }
}

fn tighten<U: AsRef<Ledger>, E: Eligibility>(
    candidates: &Candidates<'_, U, E>,
    group: &Group,
    members: &[Arc<U>],
) {
    let version = group.version();
    let floor = members.iter().fold(Floor::NONE, |floor, upstream| {
        let (score, weight) = candidates.typical((**upstream).as_ref());
        floor.and(score, weight)
    });
    group.tighten(version, floor);
}
