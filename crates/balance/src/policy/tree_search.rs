//! The search for the least loaded upstream in a [tree](crate::search).
//!
//! It goes down to the child with the lowest floors first, and comes back for others only while their floors are below
//! the best score so far. On its way back it sets the floors of the nodes that it has seen.

use fastrand::Rng;

use super::{Candidates, Chosen, Eligibility};
use crate::{
    Ledger, Load,
    group::{Versions, number_at},
    policy::candidates::Candidate,
    search::{Cell, FANOUT, Lines, NOTHING, Node, SearchTree, Tag, floor_of},
};

/// The most ties that are kept. Children are seen from a random one on, so the first ties are as good as any.
const MAX_TIES: usize = 8;

/// How many times the typical load the large one is for which floors are kept.
const LARGE: f64 = 16.0;

/// The lowest score of all, then the lowest own score; ties at random.
///
/// Not inlined: a choice from a flat roster should not make room on the stack for it.
#[inline(never)]
pub(super) fn choose<U: AsRef<Ledger>, E: Eligibility>(
    candidates: &Candidates<'_, U, E>,
    tree: &SearchTree,
    versions: &Versions,
    rng: &mut Rng,
) -> Option<Chosen> {
    let (request, typical) = candidates.loads();
    if let Some(cells) = tree.floors.at(request, typical) {
        let points = Points {
            loads: [request],
            request: Way::Typical,
        };
        Walk::new(candidates, tree, versions, cells, points).run(rng)
    } else {
        let large = LARGE * typical.max(Load::SCALE);
        let points = Points {
            loads: [typical, 0.0, large],
            request: if request < typical {
                Way::Smaller(1.0 - request / typical)
            } else if request > typical {
                // Further on, a score is no lower than for the large load.
                Way::Larger(((request - typical) / (large - typical)).min(1.0))
            } else {
                Way::Typical
            },
        };
        Walk::new(candidates, tree, versions, tree.floors.any(), points).run(rng)
    }
}

/// The loads that floors are kept for: that of the request, or else the typical one, none and a large one.
struct Points<const POINTS: usize> {
    loads: [f64; POINTS],
    request: Way,
}

/// Where the load of a request is between those of the floors.
enum Way {
    Typical,
    /// So far from the typical one to none.
    Smaller(f64),
    /// So far from the typical one to the large one.
    Larger(f64),
}

impl<const POINTS: usize> Points<POINTS> {
    /// The floor for the request.
    #[inline]
    fn floor(&self, floors: &[u64; POINTS]) -> u64 {
        match (floors.as_slice(), &self.request) {
            ([typical, other, _], Way::Smaller(way)) | ([typical, _, other], Way::Larger(way)) => {
                between(*typical, *other, *way)
            }
            ([typical, ..], _) => *typical,
            ([], _) => 0,
        }
    }
}

/// The floor so far on the way between two others.
#[inline]
fn between(typical: u64, other: u64, way: f64) -> u64 {
    if typical == 0 || other == 0 {
        return 0;
    }
    let (from, to) = (number_at(typical), number_at(other));
    let floor = from + (to - from) * way;
    if floor.is_finite() {
        // A little lower, for what rounding may have added.
        floor_of(floor - floor.abs() * f64::EPSILON * 4.0)
    } else {
        typical.min(other)
    }
}

/// One search.
struct Walk<'c, 'a, U, E, const POINTS: usize> {
    candidates: &'c Candidates<'a, U, E>,
    tree: &'c SearchTree,
    versions: &'c Versions,
    cells: &'c [Cell<POINTS>],
    points: Points<POINTS>,
    /// The floor of the best whole score so far, and of the best own score with it.
    best: (u64, u64),
    tied: [Candidate; MAX_TIES],
    ties: usize,
    stamp: u64,
}

impl<'c, 'a, U: AsRef<Ledger>, E: Eligibility, const POINTS: usize> Walk<'c, 'a, U, E, POINTS> {
    fn new(
        candidates: &'c Candidates<'a, U, E>,
        tree: &'c SearchTree,
        versions: &'c Versions,
        cells: &'c [Cell<POINTS>],
        points: Points<POINTS>,
    ) -> Self {
        Self {
            candidates,
            tree,
            versions,
            cells,
            points,
            best: (NOTHING, NOTHING),
            tied: [Candidate::NONE; MAX_TIES],
            ties: 0,
            stamp: 0,
        }
    }

    fn run(mut self, rng: &mut Rng) -> Option<Chosen> {
        self.stamp = rng.u64(..);
        // The score of an upstream that no feeder bounds is its own; under feeders no score is below 0.
        let lowest = if self.candidates.roster.feeders().is_empty() {
            f64::NEG_INFINITY
        } else {
            0.0
        };
        self.visit(0, lowest, rng);
        let is_tie = self.ties > 1;
        let drawn = if is_tie { rng.usize(..self.ties) } else { 0 };
        let chosen = self.tied.get(..self.ties)?.get(drawn)?;
        Some(Chosen {
            is_tie,
            ..chosen.chosen()
        })
    }

    /// Searches below a node, where the highest score on the way down was `above`. Returns its floors.
    fn visit(&mut self, number: usize, mut above: f64, rng: &mut Rng) -> Lines<POINTS> {
        let Some(node) = self.tree.shape.node(number) else {
            return Lines::NOTHING;
        };
        let tag = Tag::new(self.versions.of(node.base), self.stamp);
        let feeder = node.feeder.and_then(|feeder| {
            let feeder = usize::try_from(feeder).ok()?;
            self.candidates.roster.feeders().get(feeder)
        });
        let mut line = [0; POINTS];
        if let Some(feeder) = feeder {
            let (load, weight) = feeder.load_and_weight(self.candidates.share());
            above = above.max((load + self.candidates.loads().0) * weight);
            line = self
                .points
                .loads
                .map(|point| floor_of((load + point) * weight));
            if floor_of(above) > self.best.0 || feeder.is_full_for(self.candidates.request.load) {
                let cell = self.cells.get(number);
                let known = cell.map_or(Lines::LOOSE, |cell| cell.read(tag));
                return self.found(number, tag, line, known);
            }
        }
        let below = if node.members == 0 {
            self.children(node, above, rng)
        } else {
            self.group(node, above)
        };
        self.found(number, tag, line, below)
    }

    /// The floors of a node: the line of its feeder, or what was found below where that is higher.
    #[inline]
    fn found(
        &self,
        number: usize,
        tag: Tag,
        feeder: [u64; POINTS],
        below: Lines<POINTS>,
    ) -> Lines<POINTS> {
        // Both are lines, so one of them is taken for all loads: the higher line at the typical load.
        let lines = if feeder.first() > below.whole.first() {
            Lines {
                whole: feeder,
                ..below
            }
        } else {
            below
        };
        // The scores were made with this share. If it changes after this, so does the version.
        if E::HAS_FLOORS
            && self.candidates.has_current_share()
            && let Some(cell) = self.cells.get(number)
        {
            cell.write(tag, &lines);
        }
        lines
    }

    /// Searches the children of a node that may have a better score.
    fn children(&mut self, node: &Node, above: f64, rng: &mut Rng) -> Lines<POINTS> {
        let from = usize::try_from(node.range.start).unwrap_or_default();
        let count = node.range.len().min(FANOUT);
        let above_floor = floor_of(above);
        let mut lines = [Lines::<POINTS>::NOTHING; FANOUT];
        let mut keys = [(u64::MAX, 0); FANOUT];
        let bases = self.tree.shape.bases(node);
        let cells = self.cells.get(from..from + count).unwrap_or_default();
        for (((line, key), base), cell) in lines.iter_mut().zip(&mut keys).zip(bases).zip(cells) {
            *line = if E::HAS_FLOORS {
                cell.read(Tag::new(self.versions.of(*base), 0))
            } else {
                Lines::LOOSE
            };
            *key = self.key(line, above_floor);
        }
        let start = if count > 1 { rng.usize(..count) } else { 0 };
        loop {
            let mut lowest = self.best;
            let mut next = None;
            let (before, after) = keys.split_at(start);
            for (child, key) in (start..).zip(after).chain((0..).zip(before)) {
                if *key < lowest {
                    lowest = *key;
                    next = Some(child);
                }
            }
            let Some(next) = next else { break };
            let searched = self.visit(from + next, above, rng);
            if let (Some(line), Some(key)) = (lines.get_mut(next), keys.get_mut(next)) {
                *line = searched;
                *key = (u64::MAX, 0);
            }
        }
        self.lowest_of(lines.get(..count).unwrap_or_default())
    }

    /// The lowest whole and own score that a node may have, where the highest score on the way down is `above`.
    #[inline]
    fn key(&self, lines: &Lines<POINTS>, above: u64) -> (u64, u64) {
        let whole = self.points.floor(&lines.whole).max(above);
        let own = if self.points.floor(&lines.until) > whole {
            self.points.floor(&lines.own)
        } else {
            // It does not count those with this whole score.
            0
        };
        (whole, own)
    }

    /// The floors of all these nodes together.
    #[inline]
    fn lowest_of(&self, nodes: &[Lines<POINTS>]) -> Lines<POINTS> {
        let mut lowest = Lines::NOTHING;
        for lines in nodes {
            lower(&mut lowest.whole, &lines.whole);
            if self.points.floor(&lines.whole) > self.best.0 {
                lower(&mut lowest.until, &lines.whole);
            } else {
                lower(&mut lowest.own, &lines.own);
                lower(&mut lowest.until, &lines.until);
            }
        }
        lowest
    }

    /// Reads the upstreams of a group. Returns their floors.
    fn group(&mut self, node: &Node, above: f64) -> Lines<POINTS> {
        let from = usize::try_from(node.range.start).unwrap_or_default();
        let to = usize::try_from(node.range.end).unwrap_or_default();
        let upstreams = self.candidates.roster.get(from..to).unwrap_or_default();
        let (request, _) = self.candidates.loads();
        let mut members = node.members;
        let mut own = [NOTHING; POINTS];
        for (at, upstream) in (from..).zip(upstreams) {
            let is_member = members & 1 == 1;
            members >>= 1;
            if !is_member {
                continue;
            }
            let ledger = (**upstream).as_ref();
            let (assigned, load, weight) = self.candidates.read_load(ledger);
            let lines = self
                .points
                .loads
                .map(|point| floor_of((load + point) * weight));
            lower(&mut own, &lines);
            let score = (load + request) * weight;
            let own_floor = floor_of(score);
            let key = (own_floor.max(floor_of(above)), own_floor);
            if key <= self.best {
                let candidate = Candidate {
                    at,
                    assigned,
                    score: score.max(above),
                    own: score,
                };
                self.offer(key, candidate, ledger);
            }
        }
        Lines {
            whole: own,
            own,
            until: [NOTHING; POINTS],
        }
    }

    /// Takes a candidate that is no worse than the best so far, if it is fit.
    #[inline]
    fn offer(&mut self, key: (u64, u64), candidate: Candidate, ledger: &Ledger) {
        let is_lower = key < self.best;
        if !is_lower && self.ties == MAX_TIES {
            return;
        }
        if !self.candidates.is_fit_below(&candidate, ledger) {
            return;
        }
        if is_lower {
            self.best = key;
            self.ties = 0;
        }
        if let Some(slot) = self.tied.get_mut(self.ties) {
            *slot = candidate;
            self.ties += 1;
        }
    }
}

#[inline]
fn lower<const POINTS: usize>(lowest: &mut [u64; POINTS], other: &[u64; POINTS]) {
    for (lowest, other) in lowest.iter_mut().zip(other) {
        *lowest = (*lowest).min(*other);
    }
}
