//! The upstreams that a policy may choose for one request.

use std::{cell::Cell, marker::PhantomData, sync::Arc};

use super::{Chosen, Eligibility, Preference, Ranking, SearchedGroup};
use crate::{
    Ledger, Load, Mask, Request, Roster,
    group::{Floor, FloorVersion},
    tree::Level,
};

/// The upstreams, for one request.
#[derive(Debug)]
pub(crate) struct Candidates<'a, U, E> {
    pub(crate) roster: &'a Roster<U>,
    pub(crate) request: &'a Request<'a>,
    share: f64,
    /// Whether no feeder is above any upstream.
    is_flat: bool,
    /// The load of the request, in millionths.
    load: f64,
    typical: f64,
    /// The best score of an upstream that would be fit, but is at its limit of requests; infinity if there is none.
    best_at_limit: Cell<f64>,
    eligibility: PhantomData<E>,
}

/// One upstream, as its ledger was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) at: usize,
    pub(crate) assigned: i64,
    /// The highest score of its levels.
    pub(crate) score: f64,
    /// The upstream's own.
    pub(crate) own: f64,
}

impl<'a, U: AsRef<Ledger>, E: Eligibility> Candidates<'a, U, E> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "16 digits are enough to compare by"
    )]
    pub(crate) fn new(roster: &'a Roster<U>, request: &'a Request<'a>) -> Self {
        Self {
            roster,
            request,
            share: roster.share(),
            is_flat: roster.feeders().is_empty(),
            load: request.load.micros() as f64,
            typical: roster.typical().micros() as f64,
            best_at_limit: Cell::new(f64::INFINITY),
            eligibility: PhantomData,
        }
    }

    /// The load of the request and that of the typical one, in millionths.
    #[inline]
    pub(crate) fn loads(&self) -> (f64, f64) {
        (self.load, self.typical)
    }

    /// The share of the gauges that its scores count.
    #[inline]
    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// Whether that is still the roster's share.
    #[inline]
    pub(crate) fn has_current_share(&self) -> bool {
        self.roster.share().to_bits() == self.share.to_bits()
    }

    /// By how much the request is greater than the typical one, in millionths.
    #[inline]
    pub(crate) fn more_than_typical(&self) -> f64 {
        self.load - self.typical
    }

    /// Reads an upstream's ledger and the feeders above it. The score is NaN if the upstream is not eligible.
    #[inline]
    pub(crate) fn read(&self, at: usize, ledger: &Ledger) -> Candidate {
        let own = self.read_both(at, ledger).0;
        if self.is_flat || own.score.is_nan() {
            return own;
        }
        let score = own.own.max(self.score_above(at));
        Candidate { score, ..own }
    }

    /// Reads the upstream's ledger alone: `assigned`, the load that its score is made from, and the factor that makes it.
    #[inline]
    pub(crate) fn read_load(&self, ledger: &Ledger) -> (i64, f64, f64) {
        let assigned = ledger.assigned();
        let load = ledger.shared_estimate_from(assigned, self.share);
        (assigned, load, E::weight(ledger))
    }

    /// Reads the upstream's ledger alone. Returns also the score for the typical request and the weight that both scores
    /// were made with.
    #[inline]
    pub(crate) fn read_both(&self, at: usize, ledger: &Ledger) -> (Candidate, f64, f64) {
        let (assigned, load, weight) = self.read_load(ledger);
        let score = (load + self.load) * weight;
        let candidate = Candidate {
            at,
            assigned,
            score,
            own: score,
        };
        (candidate, (load + self.typical) * weight, weight)
    }

    /// The score of an upstream for the typical request, for this `assigned`.
    #[inline]
    pub(crate) fn typical_from(&self, assigned: i64, ledger: &Ledger) -> f64 {
        (ledger.shared_estimate_from(assigned, self.share) + self.typical) * E::weight(ledger)
    }

    /// Whether the candidate is eligible, has room, was not tried, and is below its limit of requests.
    #[inline]
    pub(crate) fn is_fit(&self, candidate: &Candidate, ledger: &Ledger) -> bool {
        let among = self.request.among;
        among.is_none_or(|mask| mask.contains(candidate.at))
            && (self.is_flat || self.has_room_above(candidate.at))
            && self.is_fit_below(candidate, ledger)
    }

    /// The same, where it is known that the request may use the upstream and that the feeders above have room.
    #[inline]
    pub(crate) fn is_fit_below(&self, candidate: &Candidate, ledger: &Ledger) -> bool {
        let is_fit = !candidate.score.is_nan()
            && E::has_room(ledger, candidate.assigned, self.request.load)
            && !self.request.tried.contains(&candidate.at);
        if is_fit && E::is_at_limit(ledger) {
            let best = self.best_at_limit.get().min(candidate.score);
            self.best_at_limit.set(best);
            return false;
        }
        is_fit
    }

    /// Whether every feeder above the upstream has room.
    #[inline]
    fn has_room_above(&self, at: usize) -> bool {
        let mut above = self.roster.feeders_above(at);
        !above.any(|feeder| feeder.is_full_for(self.request.load))
    }

    /// Whether the upstream has no room above it, although it has in this roster's tree.
    pub(crate) fn has_moved(&self, at: usize, ledger: &Ledger) -> bool {
        self.has_room_above(at) && ledger.is_full_above(self.request.load)
    }

    /// The highest score of the feeders above the upstream; 0 where there is none.
    pub(crate) fn score_above(&self, at: usize) -> f64 {
        let scores = self.roster.feeders_above(at).map(|feeder| {
            let (load, weight) = feeder.load_and_weight(self.share);
            (load + self.load) * weight
        });
        scores.fold(0.0, f64::max)
    }

    /// The level of the upstream with the highest score; of equal ones the lowest.
    pub(crate) fn binding_level(&self, at: usize, ledger: &Ledger) -> Level {
        let mut binding = (self.read_both(at, ledger).0.own, Level::Upstream(at));
        for number in self.roster.path(at) {
            let Some(feeder) = self.roster.feeders().get(number) else {
                continue;
            };
            let (load, weight) = feeder.load_and_weight(self.share);
            let score = (load + self.load) * weight;
            if score > binding.0 {
                binding = (score, Level::Feeder(number));
            }
        }
        binding.1
    }

    /// The best score among upstreams that a search found at their limit of requests, and fit but for that. Infinity if
    /// there were none.
    pub(crate) fn best_at_limit(&self) -> f64 {
        self.best_at_limit.get()
    }

    /// Sets the floor that a search of a group found, unless a score may have fallen since `version`.
    #[inline]
    pub(crate) fn searched(
        &self,
        number: usize,
        version: FloorVersion,
        floor: Floor,
    ) -> Option<SearchedGroup> {
        // The scores were made with this share. If it changes after this, so does the version.
        self.has_current_share().then(|| SearchedGroup {
            number,
            version: self.roster.floors().tighten(number, version, floor),
            floor,
        })
    }

    /// The chosen upstream was booked: its group's floor is that of the others from now on, or its own new score. Without
    /// this, the group would still look like the one to search first.
    #[inline]
    pub(crate) fn booked(&self, group: SearchedGroup, assigned: i64, ledger: &Ledger) {
        let before = self.typical_from(assigned, ledger);
        let after = self.typical_from(ledger.assigned(), ledger);
        let floor = group.floor.raised(before, after);
        let floors = self.roster.floors();
        floors.tighten(group.number, group.version, floor);
    }

    /// The preferred upstream in place of the best one, if it is fit and not worse by more than the tolerance; and whether
    /// it is worse. Under one feeder that binds all score the same, so the upstreams' own scores are compared too.
    pub(crate) fn or_preferred(&self, best: Chosen, preference: Preference) -> (Chosen, bool) {
        let Preference { at, tolerance } = preference;
        let Some(upstream) = self.roster.get(at).filter(|_| at != best.at) else {
            return (best, false);
        };
        let ledger = (**upstream).as_ref();
        let preferred = self.read(at, ledger);
        // Scores are in millionths of a capacity.
        if preferred.is_within(&best, tolerance * Load::SCALE) && self.is_fit(&preferred, ledger) {
            let is_worse = !preferred.is_within(&best, 0.0);
            let is_tie = !is_worse;
            let chosen = preferred.chosen();
            return (Chosen { is_tie, ..chosen }, is_worse);
        }
        (best, false)
    }

    /// The one that ranks highest among the best and those that are hardly worse; and whether it is worse.
    pub(crate) fn or_ranked(&self, best: Chosen, ranking: Ranking<'_>) -> (Chosen, bool) {
        let mut highest = (ranking.rank)(best.at);
        let mut chosen = None;
        for (at, upstream) in self.usable() {
            let ledger = (**upstream).as_ref();
            let candidate = self.read(at, ledger);
            let tolerance = ranking.requests * self.load * E::weight(ledger);
            // Ranks cost more than scores.
            if candidate.is_within(&best, tolerance) && at != best.at {
                let rank = (ranking.rank)(at);
                if rank > highest && self.is_fit(&candidate, ledger) {
                    highest = rank;
                    chosen = Some(candidate);
                }
            }
        }
        let Some(chosen) = chosen else {
            return (best, false);
        };
        let is_worse = !chosen.is_within(&best, 0.0);
        let is_tie = !is_worse;
        (
            Chosen {
                is_tie,
                ..chosen.chosen()
            },
            is_worse,
        )
    }

    /// All candidates that are fit.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Candidate> + Clone {
        let upstreams = self.usable();
        upstreams.filter_map(|(at, upstream): (usize, &Arc<U>)| {
            let ledger = (**upstream).as_ref();
            let candidate = self.read(at, ledger);
            self.is_fit(&candidate, ledger).then_some(candidate)
        })
    }

    /// The upstreams that the request can use, by their positions.
    fn usable(&self) -> impl Iterator<Item = (usize, &Arc<U>)> + Clone {
        let among = self.request.among;
        let all = among.is_none().then(|| self.roster.iter().enumerate());
        let wanted = among.into_iter().flat_map(Mask::iter);
        let wanted = wanted.filter_map(|at| Some((at, self.roster.get(at)?)));
        all.into_iter().flatten().chain(wanted)
    }
}

impl Candidate {
    /// In place of a candidate that is not known yet.
    pub(crate) const NONE: Self = Self {
        at: usize::MAX,
        assigned: 0,
        score: f64::NAN,
        own: f64::NAN,
    };

    /// Whether it is worse than the best by no more than `tolerance`.
    fn is_within(&self, best: &Chosen, tolerance: f64) -> bool {
        self.score <= best.score + tolerance && self.own <= best.own + tolerance
    }

    pub(crate) fn chosen(&self) -> Chosen {
        Chosen {
            at: self.at,
            score: self.score,
            own: self.own,
            assigned: self.assigned,
            is_tie: false,
            group: None,
        }
    }
}

/// The `n`th candidate, or the last one if some vanished since they were counted.
pub(super) fn nth(candidates: impl Iterator<Item = Candidate>, n: usize) -> Option<Candidate> {
    candidates.take(n + 1).last()
}
