//! Rounds of queries to Prometheus, in place of scrapes (`load.prometheus`).
//!
//! A round asks once for all substations: for the samples of the last time, and for the capacities, if a query for them is
//! configured. Each sample has the time at which Prometheus read the gauge. A sample whose time was seen before is
//! no news: it neither counts again nor becomes younger. One that is news goes to its ledger with what the ledger was
//! at that time ([`notes`]).
//!
//! A round reaches back for two of Prometheus' intervals, and for as long as samples travel, as they show both: so a
//! series that goes on is in each answer. Where that brings fewer than the last round, the next one reaches as far back
//! as Prometheus itself looks: its interval may have changed.
//!
//! What is learned from rounds of samples goes by the time in which each substation has a new one, and that is
//! Prometheus' interval, and not that of the queries.
//!
//! Rounds of several proxies begin at random moments, so they don't fall into step.

mod found;
mod index;
mod notes;
mod probes;
mod round;
mod said;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use fastrand::Rng;
use switchyard_promql::{Answer, Offset, QueryError, QueryOutcome};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use self::{
    found::{Found, SeriesFault},
    index::Index,
    notes::Notes,
    probes::Probes,
    round::{Ended, age, ask, reach, take, take_capacity},
    said::{News, Said},
};
use super::JITTER;
use crate::{
    by_id::ById,
    grid::Grid,
    queries::{Shown, Source},
};

/// How far Prometheus looks back for the last sample of a series.
const LOOKBACK: Duration = Duration::from_mins(5);
/// How often ejections and slow starts are looked at, which otherwise scrapes do.
const TICK: Duration = Duration::from_millis(500);
/// The interval of Prometheus is another one if it differs from what was known by more than this part of it.
const OTHER_INTERVAL: f64 = 0.05;

/// What the caller has to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    /// Each substation has a new sample: learn from them.
    pub(super) learn: bool,
}

/// The rounds, between two of them and while one is under way.
pub(super) struct Queries {
    source: Option<Arc<Source>>,
    index: Arc<Index>,
    slots: ById<Slot>,
    notes: Notes,
    probes: Probes,
    said: Said,
    offset: Offset,
    under_way: Option<Pin<Box<dyn Future<Output = Ended> + Send>>>,
    /// When the next round begins, without and with its jitter.
    round: Instant,
    next: Instant,
    tick: Instant,
    learned: Instant,
    /// How many substations had a usable series in the last round.
    usable: usize,
    /// Whether the next round, or the one under way, reaches back as far as Prometheus does.
    is_wide: bool,
    has_ended: bool,
    rng: Rng,
}

impl std::fmt::Debug for Queries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queries")
            .field("next", &self.next)
            .field("usable", &self.usable)
            .finish_non_exhaustive()
    }
}

/// What is known of the series of a substation between two rounds.
#[derive(Debug, Default)]
struct Slot {
    /// The time of the last sample that was used or passed over, by the clock of Prometheus.
    stamp: Option<i64>,
    /// Whether it has a new sample since the last lesson.
    is_fresh: bool,
}

impl Queries {
    /// The rounds for `grid`. `seed` is for the jitter.
    pub(super) fn new(grid: &Grid, seed: u64) -> Self {
        let now = Instant::now();
        let mut queries = Self {
            source: None,
            index: Arc::default(),
            slots: ById::default(),
            notes: Notes::new(),
            probes: Probes::new(seed),
            said: Said::default(),
            offset: Offset::default(),
            under_way: None,
            round: now,
            next: now,
            tick: now + TICK,
            learned: now,
            usable: 0,
            is_wide: true,
            has_ended: false,
            rng: Rng::with_seed(seed),
        };
        queries.follow(grid);
        queries
    }

    /// Whether a round has ended, whatever came of it, and a substation could be reached.
    pub(super) fn is_first_round_over(&self) -> bool {
        self.has_ended && self.probes.has_reached()
    }

    /// Follows the substations of `grid`, and what its configuration says of Prometheus.
    pub(super) fn follow(&mut self, grid: &Grid) {
        let Some(source) = &grid.polls.queries else {
            // Nothing is kept for a later configuration: its samples may come from elsewhere.
            if !self.slots.is_empty() {
                self.slots.clear();
                self.index = Arc::default();
                self.under_way = None;
                self.source = None;
                self.notes = Notes::new();
            }
            return;
        };
        let is_other = self.source.as_ref().is_none_or(|known| {
            known.settings.url != source.settings.url
                || known.settings.query != source.settings.query
        });
        if is_other {
            // What is under way asks elsewhere, or for something else, and so did what is known of clocks.
            self.under_way = None;
            self.offset = Offset::default();
            self.is_wide = true;
            self.next = Instant::now();
        }
        self.source = Some(Arc::clone(source));
        let substations = grid.substations();
        let mut before = std::mem::take(&mut self.slots);
        self.probes
            .follow(substations, |id| before.contains_key(&id));
        let is_new = substations
            .iter()
            .any(|one| !before.contains_key(&one.id()));
        self.slots = grid
            .ids()
            .map(|id| (id, before.remove(&id).unwrap_or_default()))
            .collect();
        self.index = Arc::new(Index::of(substations));
        let slots = &self.slots;
        self.said.retain(|id| slots.contains_key(&id));
        self.notes.follow(grid);
        self.reach_back(grid, source);
        if is_new {
            // Its load is not known: what is under way does not ask for it.
            self.round = Instant::now();
            self.next = self.round;
        }
    }

    /// Asks, and connects to the substations, until there is something to do. Where a configuration says nothing of
    /// Prometheus, for ever. Loses nothing if it is dropped.
    pub(super) async fn run(&mut self, grid: &Grid) -> Due {
        let Some(source) = &grid.polls.queries else {
            return std::future::pending().await;
        };
        loop {
            let is_under_way = self.under_way.is_some();
            tokio::select! {
                ended = until_ended(&mut self.under_way) => {
                    self.under_way = None;
                    return self.end(ended, grid);
                }
                () = sleep_until(self.next), if !is_under_way => self.begin(grid, source),
                () = self.notes.due() => self.notes.note(grid),
                () = sleep_until(self.tick) => {
                    self.tick = Instant::now() + TICK;
                    grid.tick();
                }
                () = self.probes.run(grid, source.probe, source.connect) => return Due::default(),
            }
        }
    }

    fn begin(&mut self, grid: &Grid, source: &Arc<Source>) {
        let interval = source.settings.interval;
        let now = Instant::now();
        // The second round of a process comes after a random part of the interval; missed ones are not repeated.
        let pause = if self.has_ended {
            interval
        } else {
            interval.mul_f64(1.0 - self.rng.f64() / 2.0)
        };
        self.round = (self.round + pause).max(now);
        self.next = self.round + interval.mul_f64(JITTER * self.rng.f64());
        let range = self.range(grid, source);
        self.under_way = Some(Box::pin(ask(
            Arc::clone(source),
            Arc::clone(&self.index),
            range,
        )));
    }

    /// How far back the next round asks.
    fn range(&self, grid: &Grid, source: &Source) -> Duration {
        let state = &grid.shared.queries;
        let reach = state
            .interval()
            .map(|interval| reach(interval, state.delay(), source));
        match reach {
            Some(reach) if !self.is_wide => reach,
            reach => reach.map_or(LOOKBACK, |reach| reach.max(LOOKBACK)),
        }
    }

    fn reach_back(&mut self, grid: &Grid, source: &Source) {
        let state = &grid.shared.queries;
        let known = state.interval().unwrap_or(Duration::from_mins(1));
        let reach = reach(known, state.delay(), source);
        let skew = source.settings.max_skew;
        self.notes
            .reach_back(reach + skew + source.visibility_lag, skew);
    }

    fn end(&mut self, ended: Ended, grid: &Grid) -> Due {
        self.has_ended = true;
        let Ended {
            index,
            source,
            took,
            mut found,
            answer,
            capacities,
        } = ended;
        let state = &grid.shared.queries;
        if let Some(shortage) = answer.as_ref().err().and_then(QueryError::shortage) {
            grid.lacks(shortage);
        }
        self.said.round(answer.as_ref().err());
        let outcome = answer
            .as_ref()
            .map_or_else(QueryError::outcome, |_| QueryOutcome::Ok);
        state.ended(outcome, took);
        state.set_fault(answer.as_ref().err().map(ToString::to_string));
        let Ok(answer) = answer else {
            // What is learned goes by the samples of others, and there are none.
            return Due::default();
        };
        self.said.capacities(capacities.as_ref().err());
        self.set_clock(grid, &source, &answer);
        if let Some(spacing) = found.spacing() {
            self.learn_interval(grid, &source, spacing);
        }
        let unmatched = found.unmatched;
        let example = found.example.take().filter(|_| unmatched == answer.series);
        self.said
            .matches(&source.settings.matching.label, example.as_deref());
        let usable = self.take_all(grid, &index, &source, found, &answer);
        state.show(
            Shown {
                series: answer.series,
                unmatched,
                missing: index.substations.len() - usable,
            },
            grid.clock().at(answer.received),
        );
        grid.note_stale();
        self.is_wide = usable < self.usable;
        self.usable = usable;
        self.lesson(grid)
    }

    /// Takes the samples of a round. Returns how many substations have a series that can be used.
    fn take_all(
        &mut self,
        grid: &Grid,
        index: &Index,
        source: &Source,
        found: Found,
        answer: &Answer,
    ) -> usize {
        let state = &grid.shared.queries;
        let interval = state.interval();
        let samples = found.samples(index.substations.len(), source.aggregate, interval);
        let samples: Vec<_> = samples
            .into_iter()
            .map(|sample| {
                let sample = sample?;
                Ok((sample, age(&sample, source, answer, self.offset)?))
            })
            .collect();
        let ages = samples.iter().filter_map(|one| one.as_ref().ok());
        if let Some(freshest) = ages.map(|(_, age)| *age).min() {
            self.learn_delay(grid, source, freshest);
        }
        let oldest = interval.map_or(LOOKBACK, |interval| reach(interval, state.delay(), source));
        let mut news = News::default();
        let mut usable = 0;
        for (substation, sample) in index.substations.iter().zip(samples) {
            let Some(slot) = self.slots.get_mut(&substation.id()) else {
                // It was retired meanwhile.
                continue;
            };
            let taken = sample.and_then(|(sample, age)| {
                // In a round that asks for more.
                if age > oldest {
                    Err(SeriesFault::Missing)
                } else {
                    Ok((sample, age))
                }
            });
            let fault = match taken {
                Err(fault) => {
                    substation.metrics().poll(fault.outcome());
                    Some(fault)
                }
                Ok((sample, age)) => {
                    usable += 1;
                    if slot.stamp.is_none_or(|stamp| sample.stamp > stamp) {
                        slot.stamp = Some(sample.stamp);
                        let when = (answer.received, age);
                        slot.is_fresh |= take(grid, substation, &self.notes, source, &sample, when);
                    } else {
                        take_capacity(substation, &sample);
                    }
                    None
                }
            };
            substation.set_can_scrape(fault.is_none());
            self.said.substation(substation, fault, &mut news);
        }
        news.log();
        usable
    }

    /// Takes what an answer shows of the clock of Prometheus.
    fn set_clock(&mut self, grid: &Grid, source: &Source, answer: &Answer) {
        self.offset = self.offset.and(answer.offset);
        let proved = self.offset.proved();
        let max_skew = source.settings.max_skew;
        if grid.shared.queries.set_offset(proved, max_skew) {
            warn!(
                ahead_ms = proved,
                ?max_skew,
                "The clocks of Prometheus and of this machine differ by more than load.prometheus.max_skew: set them by NTP. Until then samples count as older than they are"
            );
        }
    }

    fn learn_interval(&mut self, grid: &Grid, source: &Source, spacing: Duration) {
        let state = &grid.shared.queries;
        let is_other = state.interval().is_none_or(|known| {
            let differs = known.abs_diff(spacing).as_secs_f64();
            differs > OTHER_INTERVAL * known.as_secs_f64()
        });
        if is_other && !spacing.is_zero() {
            state.set_interval(spacing.min(LOOKBACK));
            self.reach_back(grid, source);
            grid.note_stale();
        }
    }

    /// Learns how late samples are told of, from the `freshest` of a round: they may travel through more than one system.
    fn learn_delay(&mut self, grid: &Grid, source: &Source, freshest: Duration) {
        let state = &grid.shared.queries;
        // What others say of it counts only in a round that reaches far back: otherwise they may be too late to be in it.
        if self.is_wide || freshest < state.delay() {
            state.set_delay(freshest.min(LOOKBACK));
            self.reach_back(grid, source);
        }
    }

    /// Whether it is time to learn: each substation that has a series has a new sample, or some have none for too long.
    fn lesson(&mut self, grid: &Grid) -> Due {
        let fresh = self.slots.values().filter(|slot| slot.is_fresh).count();
        let interval = grid.shared.queries.interval().unwrap_or(LOOKBACK);
        let is_late = self.learned.elapsed() > interval * 2;
        let learn = fresh > 0 && (fresh >= self.usable || is_late);
        if learn {
            self.learned = Instant::now();
            for slot in self.slots.values_mut() {
                slot.is_fresh = false;
            }
        }
        Due { learn }
    }
}

async fn until_ended(under_way: &mut Option<Pin<Box<dyn Future<Output = Ended> + Send>>>) -> Ended {
    match under_way {
        Some(round) => round.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
