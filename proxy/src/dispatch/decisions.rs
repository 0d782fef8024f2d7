//! Records of the last choices with their inputs: they answer "why was this car sent there?"
//!
//! A record costs more than the choice itself. So at most a hundred per second are made, which no request notices. With
//! little traffic every choice is recorded. The choices of a request whose trace is sampled are recorded in any case, and
//! kept apart, so that neither kind takes the place of the other.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use http::HeaderValue;
use parking_lot::Mutex;
use switchyard_balance::{Choice, Explanation, Load, Policy, Reason, explain};

use switchyard_grid::{Clock, Grid, Moment, Substation};
use switchyard_selection::Selection;
use switchyard_traces::TraceId;

use super::{limit, needs::Ask};
use crate::snapshot::Snapshot;

/// Number of records kept.
const KEPT: usize = 256;
/// Number of records kept of requests whose trace is sampled. Each takes a KiB or two.
const TRACED: usize = 1_024;
/// The least time between two records, in milliseconds.
const APART: u64 = 10;

/// One choice. It has the names of its substations, and not the grid: records outlive many grids, and each would keep
/// all its substations.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The id of the request.
    pub request_id: HeaderValue,
    /// The trace of the request, if it is sampled.
    pub trace_id: Option<TraceId>,
    /// The clock of `at`.
    pub clock: Clock,
    /// When it was made.
    pub at: Moment,
    /// The load of the charge.
    pub load: Load,
    /// The chosen substation.
    pub chosen: Arc<str>,
    /// Why that one was chosen.
    pub reason: Reason,
    /// The policy that chose.
    pub policy: Policy,
    /// The weight of the gauges, 0 to 1 (see the docs on several proxies).
    pub share: f64,
    /// By how much the best score is below the second best.
    pub margin: Option<f64>,
    candidates: Explanation,
    known: [Known; explain::MAX_CANDIDATES],
    /// What it selected by, if it did.
    selection: Option<Arc<Selection>>,
    /// The names of the candidates' binding levels, where there are feeders.
    bindings: [Option<String>; explain::MAX_CANDIDATES],
}

/// What is kept of a candidate beside its numbers: its name, and the moment of its last sample.
type Known = (Option<Arc<str>>, Option<Moment>);

/// The last records. Shared by all dispatchers.
#[derive(Debug)]
pub struct Decisions {
    kept: Mutex<Kept>,
    next_at: AtomicU64,
}

/// The records, the oldest first.
#[derive(Debug)]
struct Kept {
    spaced: VecDeque<Arc<Decision>>,
    traced: VecDeque<Arc<Decision>>,
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                spaced: VecDeque::with_capacity(KEPT),
                traced: VecDeque::new(),
            }),
            next_at: AtomicU64::new(0),
        }
    }
}

impl Decisions {
    /// Whether a choice made at `now` should be recorded. True for one caller only.
    pub(super) fn should_record(&self, now: Moment) -> bool {
        let next = self.next_at.load(Relaxed);
        now.millis() >= next
            && self
                .next_at
                .compare_exchange(next, now.millis() + APART, Relaxed, Relaxed)
                .is_ok()
    }

    /// Stores a record in place of the oldest one.
    pub fn record(&self, decision: Arc<Decision>) {
        let mut kept = self.kept.lock();
        let (all, most) = match decision.trace_id {
            Some(_) => (&mut kept.traced, TRACED),
            None => (&mut kept.spaced, KEPT),
        };
        if all.len() == most {
            all.pop_front();
        }
        all.push_back(decision);
    }

    /// The last `limit` records, the newest first.
    #[must_use]
    pub fn last(&self, limit: usize) -> Vec<Arc<Decision>> {
        let kept = self.kept.lock();
        let newest = |all: &VecDeque<Arc<Decision>>| -> Vec<_> {
            all.iter().rev().take(limit).cloned().collect()
        };
        let mut all = newest(&kept.traced);
        all.extend(newest(&kept.spaced));
        drop(kept);
        all.sort_by_key(|decision| Reverse(decision.at));
        all.truncate(limit);
        all
    }

    /// The records of the request with this id, the oldest first.
    #[must_use]
    pub fn of(&self, request_id: &[u8]) -> Vec<Arc<Decision>> {
        let kept = self.kept.lock();
        let all = kept.spaced.iter().chain(&kept.traced);
        let of_request = all.filter(|decision| decision.request_id.as_bytes() == request_id);
        let mut found: Vec<_> = of_request.cloned().collect();
        drop(kept);
        found.sort_by_key(|decision| decision.at);
        found
    }
}

impl Decision {
    /// The record of a choice, with the candidates as they were right before it.
    #[must_use]
    pub fn new(
        grid: &Grid,
        at: Moment,
        load: Load,
        choice: &Choice<Substation>,
        mut candidates: Explanation,
    ) -> Self {
        let margin = candidates.margin();
        candidates.include(choice.at, grid.roster());
        let mut known = [const { (None, None) }; explain::MAX_CANDIDATES];
        for (slot, candidate) in known.iter_mut().zip(candidates.candidates()) {
            if let Some(substation) = grid.substations().get(candidate.at) {
                *slot = (Some(substation.shared_name()), substation.sampled_at());
            }
        }
        Self {
            request_id: HeaderValue::from_static(""),
            trace_id: None,
            clock: grid.clock(),
            at,
            load,
            chosen: choice.reservation.upstream().shared_name(),
            reason: choice.reason,
            policy: grid.selector().policy(),
            share: grid.roster().share(),
            margin,
            candidates,
            known,
            selection: None,
            bindings: [const { None }; explain::MAX_CANDIDATES],
        }
    }

    /// The same of the request with this id, and the trace with this one.
    pub(super) fn made_for(mut self, request_id: &HeaderValue, trace_id: Option<TraceId>) -> Self {
        self.request_id = request_id.clone();
        self.trace_id = trace_id;
        self
    }

    /// The same of a request in this snapshot, with what it selected by and the levels that bind.
    pub(super) fn asked(mut self, ask: &Ask<'_>, snapshot: &Snapshot) -> Self {
        self.selection = ask.selection.cloned();
        let roster = snapshot.grid.roster();
        if !roster.feeders().is_empty() {
            let names = self.bindings.iter_mut();
            for (name, candidate) in names.zip(self.candidates.candidates()) {
                let is_below = roster.path(candidate.at).next().is_some();
                *name = is_below.then(|| limit::name_of(candidate.binding, snapshot));
            }
        }
        self
    }

    /// The label and the value of each rule that it was selected by.
    pub fn selection(&self) -> impl Iterator<Item = (&str, &str)> {
        let selection = self.selection.iter();
        selection.flat_map(|selection| selection.values())
    }

    /// The names of the levels that bind the candidates, in the same order: of a substation or a feeder above it. None for
    /// one that is under no feeder.
    pub fn bindings(&self) -> impl Iterator<Item = Option<&str>> {
        self.bindings.iter().map(Option::as_deref)
    }

    /// The best candidates, the best one first, each with its name and the moment of its last sample.
    pub fn candidates(&self) -> impl Iterator<Item = (&explain::Candidate, &str, Option<Moment>)> {
        let known = self.known.iter();
        let candidates = self.candidates.candidates().zip(known);
        candidates.map(|(stood, (name, at))| (stood, name.as_deref().unwrap_or_default(), *at))
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use switchyard_config::Config;

    use super::*;
    use crate::metrics::Metrics;

    /// Some choice.
    fn decision() -> Decision {
        let text = "substations: [{name: a, address: 127.0.0.1:1}]";
        let config = Config::from_yaml(text, "test").unwrap();
        let metrics = Metrics::new().unwrap();
        let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
        let (load, mut rng) = (Load::new(1.0).unwrap(), Rng::with_seed(1));
        let explanation = Explanation::of(grid.roster(), &load.into());
        let choice = grid.selector().reserve(grid.roster(), load, &mut rng);
        let now = grid.clock().now();
        Decision::new(&grid, now, load, &choice.unwrap(), explanation)
    }

    #[test]
    fn neither_kind_takes_the_place_of_the_other() {
        let decisions = Decisions::default();
        let one = decision();
        let record = |kind: &str, count: usize, trace_id: Option<TraceId>| {
            for at in 0..=count {
                let id = HeaderValue::from_str(&format!("{kind}{at}")).unwrap();
                decisions.record(Arc::new(one.clone().made_for(&id, trace_id)));
            }
        };
        record("traced", TRACED, Some(TraceId::of(1)));
        record("plain", KEPT, None);
        record("more", TRACED / 2, Some(TraceId::of(2)));
        let kept = |id: String| decisions.of(id.as_bytes()).len();
        let last = TRACED / 2;
        for (id, count) in [
            ("traced0".to_owned(), 0),
            (format!("traced{}", last + 1), 0),
            (format!("traced{}", last + 2), 1),
            (format!("traced{TRACED}"), 1),
            ("plain0".to_owned(), 0),
            ("plain1".to_owned(), 1),
            (format!("plain{KEPT}"), 1),
            (format!("more{last}"), 1),
            ("plain".to_owned(), 0),
        ] {
            assert_eq!(kept(id.clone()), count, "{id}");
        }
        assert_eq!(decisions.last(usize::MAX).len(), TRACED + KEPT);
        assert_eq!(decisions.last(3).len(), 3);
    }

    #[test]
    fn records_are_spaced_and_one_worker_makes_each() {
        let decisions = Decisions::default();
        let kept = (0..1_000)
            .filter(|millis| decisions.should_record(Moment::from_millis(*millis)))
            .count();
        assert_eq!(kept, 100);
        assert!(decisions.should_record(Moment::from_millis(5_000)));
        assert!(
            !decisions.should_record(Moment::from_millis(5_000)),
            "a second caller at the same time"
        );
    }
}
