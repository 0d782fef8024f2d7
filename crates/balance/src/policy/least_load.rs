//! The lowest `(estimate + request) / capacity`; ties at random.
//!
//! The best of all is what an exact estimate makes worth having. On raw gauges the best of all herds:
//! Mitzenmacher, "How useful is old information?", 2000.

use std::sync::Arc;

use fastrand::Rng;

use super::{Choose, Chosen, Field, Pass};
use crate::{
    Ledger,
    group::{self, Floor, Group},
};

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeastLoad;

impl Choose for LeastLoad {
    fn choose<U: AsRef<Ledger>, P: Pass>(
        &self,
        field: &Field<'_, U, P>,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let mut best = Best::new();
        if P::HAS_FLOORS && field.roster.len() > LOOKED_AT_ALL {
            among_groups(field, &mut best, rng);
        } else {
            // From a random start where more may tie than are noted.
            let start = if field.roster.len() > NOTED {
                rng.usize(..field.roster.len())
            } else {
                0
            };
            let (wrapped, first) = field.roster.split_at_checked(start)?;
            best.scan(field, start, first);
            best.scan(field, 0, wrapped);
        }
        best.draw(rng)
    }
}

/// Up to so many upstreams, looking at each is as fast as looking at floors.
const LOOKED_AT_ALL: usize = 8 * group::SIZE;

/// Ties beyond these are not noted: from a random start the first of them are as good as any.
const NOTED: usize = 8;

/// The best so far, with those that share its score.
struct Best {
    score: f64,
    noted: [(usize, i64); NOTED],
    ties: usize,
}

impl Best {
    const fn new() -> Self {
        Self {
            score: f64::INFINITY,
            noted: [(0, 0); NOTED],
            ties: 0,
        }
    }

    /// Looks at each of `members`, the first of which stands at `from`.
    ///
    /// The one loop of this crate whose speed shows. So what is rarely true is asked last, a score of NaN falls
    /// through the first comparison, and ties are only noted down (equal loads on equal capacities give equal bits).
    #[inline]
    fn scan<U: AsRef<Ledger>, P: Pass>(
        &mut self,
        field: &Field<'_, U, P>,
        from: usize,
        members: &[Arc<U>],
    ) {
        for (at, upstream) in (from..).zip(members) {
            let ledger = (**upstream).as_ref();
            let candidate = field.read(at, ledger);
            if candidate.score <= self.score {
                let is_lower = candidate.score < self.score;
                if (is_lower || self.ties < NOTED) && field.is_fit(&candidate, ledger) {
                    self.ties = if is_lower { 0 } else { self.ties };
                    self.score = candidate.score;
                    if let Some(slot) = self.noted.get_mut(self.ties) {
                        *slot = (at, candidate.assigned);
                        self.ties += 1;
                    }
                }
            }
        }
    }

    fn draw(&self, rng: &mut Rng) -> Option<Chosen> {
        let is_tie = self.ties > 1;
        let drawn = if is_tie { rng.usize(..self.ties) } else { 0 };
        let (at, assigned) = self.noted.get(..self.ties)?.get(drawn).copied()?;
        Some(Chosen {
            at,
            assigned,
            is_tie,
        })
    }
}

/// Looks into the group with the lowest floor, then into those that may hold something lower still.
///
/// Groups whose floors are equal are not all looked into, so their ties are broken by where the search starts.
fn among_groups<U: AsRef<Ledger>, P: Pass>(
    field: &Field<'_, U, P>,
    best: &mut Best,
    rng: &mut Rng,
) {
    let more = field.more_than_typical();
    let start = rng.usize(..field.roster.groups().len().max(1));
    // The lowest of those before the start, and of the others: the first of equals counts from the start.
    let mut lowest = [(f64::INFINITY, start); 2];
    for (number, (group, _, members)) in field.roster.groups().enumerate() {
        if !group.is_known() {
            tighten(field, group, members);
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
    let mut look_into = |(group, from, members): (&Group, usize, &[Arc<U>])| {
        let start = rng.usize(..members.len().max(1));
        if let Some((wrapped, first)) = members.split_at_checked(start) {
            best.scan(field, from + start, first);
            best.scan(field, from, wrapped);
        }
        tighten(field, group, members);
        best.score * (1.0 - group::PRECISION)
    };
    let mut enough = f64::INFINITY;
    if let Some(group) = field.roster.groups().nth(first) {
        enough = look_into(group);
    }
    for (number, group) in field.roster.groups().enumerate() {
        if number != first && group.0.floor(more) < enough {
            enough = look_into(group);
        }
    }
}

fn tighten<U: AsRef<Ledger>, P: Pass>(field: &Field<'_, U, P>, group: &Group, members: &[Arc<U>]) {
    let seen = group.seen();
    let floor = members.iter().fold(Floor::NONE, |floor, upstream| {
        let (score, weight) = field.typical((**upstream).as_ref());
        floor.and(score, weight)
    });
    group.tighten(seen, floor);
}
