//! Scrapes all gauges, round after round.
//!
//! One task with its own connections. A round begins every interval, with some jitter so that
//! several proxies don't fall into step, and its scrapes begin in groups ([`pace`]). A fixed number
//! of scrapes run at once. A substation has at most one scrape under way, so a substation that hangs
//! misses rounds and delays no other. Meters of feeders have turns of their own ([`meters`]).
//!
//! Where Prometheus is asked for all loads, there are rounds of queries in place of scrapes ([`queries`]).
//!
//! Scrape slots belong to substations, not to positions. When the grid changes, a substation that
//! stays keeps its connection and its turn, and a new one is scraped at once ([`places`]). The
//! memory for pages belongs to the scrapes under way, so there is never more of it than scrapes that
//! run at once.

mod faults;
mod meters;
mod pace;
mod places;
mod queries;
mod slot;

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use switchyard_scrape::PageBuffer;

use self::{
    meters::Meters,
    pace::Pace,
    places::Places,
    queries::Queries,
    slot::{FinishedScrape, ScrapeSlot, scrape},
};
use crate::{grid::Grid, request_limits::Judgement, trust, visibility::Visibility};

/// How many scrapes run at once. At 1 ms each this allows 100,000 a second.
const AT_ONCE: usize = 128;
/// The longest random delay of a round, as a share of the interval. It does not move the next
/// round.
const JITTER: f64 = 0.2;

/// What may be scraped next.
enum Turn {
    /// This one, which is at this position.
    Now(usize, Box<ScrapeSlot>),
    /// The next group of the round, at this moment.
    At(Instant),
    /// Nothing before the next round.
    Over,
}

/// The scraping task, before it runs.
#[derive(Debug)]
pub struct Scraper {
    grids: watch::Receiver<Arc<Grid>>,
    grid: Arc<Grid>,
    places: Places,
    meters: Meters,
    queries: Queries,
    pace: Pace,
    /// When the first scrape of the round began.
    round_began: Instant,
    /// Memory for pages that no scrape uses now.
    buffers: Vec<PageBuffer>,
    /// Whether the first round is not finished yet.
    is_first_round: bool,
    /// Whether the grid is marked as ready.
    is_ready: bool,
    rng: Rng,
}

impl Scraper {
    /// A scraper of the grid that `grids` holds, and of the grids after it. `seed` is for the
    /// jitter.
    #[must_use]
    pub fn new(mut grids: watch::Receiver<Arc<Grid>>, seed: u64) -> Self {
        let grid = Arc::clone(&grids.borrow_and_update());
        if !grid.shared.is_ready() {
            grid.feeders.close();
        }
        let mut places = Places::default();
        places.follow(grid.scraped_substations(), &grid.polls.gauges);
        Self {
            grids,
            places,
            meters: Meters::new(&grid, seed),
            queries: Queries::new(&grid, seed),
            pace: Pace::of(0, grid.polls.interval),
            grid,
            round_began: Instant::now(),
            buffers: Vec::new(),
            is_first_round: true,
            is_ready: false,
            rng: Rng::with_seed(seed),
        }
    }

    /// Scrapes until dropped.
    pub async fn run(mut self) {
        let mut visibility = Visibility::new(self.grid.scrapes_lag(), self.grid.ledgers());
        let mut judgement = Judgement::default();
        judgement.follow(&self.grid);
        self.grid.note_stale();
        let mut running = FuturesUnordered::new();
        // The first round is that of the new substations, which are all.
        let mut is_learned = false;
        let mut is_last_grid = false;
        let mut round = Instant::now() + self.grid.polls.interval;
        let timer = sleep_until(round + self.jitter());
        let next_group = sleep_until(round);
        tokio::pin!(timer, next_group);
        loop {
            let mut waits_for_group = false;
            while running.len() < AT_ONCE {
                match self.next_turn() {
                    Turn::Now(at, slot) => {
                        let late = visibility.of(slot.substation.id());
                        let gauges = Arc::clone(&self.grid.polls.gauges);
                        let bearer = self.grid.bearer(&gauges);
                        let buffer = self.buffers.pop().unwrap_or_default();
                        running.push(scrape(at, slot, late, (gauges, bearer), buffer));
                    }
                    Turn::At(moment) => {
                        waits_for_group = true;
                        if next_group.deadline() != moment {
                            next_group.as_mut().reset(moment);
                        }
                        break;
                    }
                    Turn::Over => break,
                }
            }
            tokio::select! {
                () = &mut timer => {
                    // After a standstill, missed rounds are not repeated.
                    let interval = self.grid.polls.interval;
                    round = (round + interval).max(Instant::now());
                    timer.as_mut().reset(round + self.jitter());
                    self.grid.note_stale();
                    if !self.is_first_round {
                        // A meter that has not answered by now may be silent for good.
                        self.grid.feeders.open(true);
                    }
                    self.grid.pass_predecessor(self.grid.clock().now());
                    // If a scrape is late, learn from the other samples of the round anyway.
                    if !std::mem::replace(&mut is_learned, false) && self.grid.polls.queries.is_none() {
                        self.learn();
                    }
                    if self.places.begin_round() {
                        self.pace = Pace::of(self.places.len(), interval);
                        self.round_began = Instant::now();
                    }
                }
                () = &mut next_group, if waits_for_group => {}
                () = self.meters.run(&self.grid) => {}
                due = self.queries.run(&self.grid) => {
                    if due.learn {
                        self.learn();
                    }
                    if !self.is_ready && self.queries.is_first_round_over() {
                        self.is_first_round = false;
                        self.set_ready();
                    }
                }
                () = visibility.due() => visibility.note(self.grid.ledgers()),
                () = judgement.due() => {
                    let places = &self.places;
                    judgement.look(&self.grid, |at| places.asked_in_vain(at));
                }
                changed = self.grids.changed(), if !is_last_grid => {
                    is_last_grid = changed.is_err();
                    let grid = Arc::clone(&self.grids.borrow_and_update());
                    let before = std::mem::replace(&mut self.grid, grid);
                    let polls = &self.grid.polls;
                    visibility.follow(self.grid.scrapes_lag(), self.grid.ledgers());
                    judgement.follow(&self.grid);
                    self.places.follow(self.grid.scraped_substations(), &polls.gauges);
                    self.meters.follow(&self.grid);
                    self.queries.follow(&self.grid);
                    if polls.interval != before.polls.interval {
                        round = Instant::now();
                        timer.as_mut().reset(round + self.jitter());
                    }
                }
                Some(ended) = running.next() => {
                    self.record(ended);
                    if self.places.is_none_due() && running.is_empty() && !std::mem::replace(&mut is_learned, true) {
                        self.learn();
                    }
                }
            }
        }
    }

    fn next_turn(&mut self) -> Turn {
        let now = Instant::now();
        if let Some((at, slot)) = self.places.take_new(now) {
            return Turn::Now(at, slot);
        }
        if self.places.is_none_due() {
            return Turn::Over;
        }
        let moment = self.round_began + self.pace.next();
        if moment > now {
            return Turn::At(moment);
        }
        self.places.take_due(now).map_or(Turn::Over, |(at, slot)| {
            self.pace.begin();
            Turn::Now(at, slot)
        })
    }

    fn jitter(&mut self) -> Duration {
        let interval = self.grid.polls.interval;
        interval.mul_f64(JITTER * self.rng.f64())
    }

    fn record(&mut self, mut ended: FinishedScrape) {
        self.buffers.push(std::mem::take(&mut ended.buffer));
        let id = ended.slot.substation.id();
        let Some(at) = self.places.position(ended.at, id) else {
            // It was retired meanwhile.
            return;
        };
        let is_answered = ended.is_answered();
        let slot = ended.record(&self.grid);
        let is_reachable = slot.substation.is_reachable();
        self.places.give_back(at, slot, is_answered);
        if self.is_ready {
            return;
        }
        // Gauges may be silent for good, and charges work without them; without a connection nothing works.
        if self.is_first_round {
            self.is_first_round = !self.places.all_were_asked();
            let mut all = self.grid.substations().iter();
            self.is_ready = !self.is_first_round && all.any(|one| one.is_reachable());
        } else {
            self.is_ready = is_reachable;
        }
        if self.is_ready {
            self.set_ready();
        }
    }

    fn set_ready(&mut self) {
        self.is_ready = true;
        self.grid.feeders.open(false);
        self.grid.shared.set_ready();
    }

    /// Learns from a round of samples: the share of the gaps that this proxy fills, how long load
    /// lasts, which gauges can be believed, and the regret of its choices.
    fn learn(&self) {
        let mut learning = self.grid.shared.learning.lock();
        let before = learning.share.carry();
        let was_alone = learning.share.is_alone();
        let mut round = learning.share.round(self.grid.roster());
        if was_alone && self.grid.shared.predecessor().is_alive() {
            // What a gauge has grown by beyond own bookings, the process before this one may have booked.
            learning.share.restore(before);
            self.grid.roster().set_share(before.share);
            round.share = before.share;
        }
        if let Some(lasts) = learning.lasts.round(self.grid.roster()) {
            self.grid.learn_lasts(lasts);
        }
        trust::judge(&mut learning.trust, &self.grid);
        drop(learning);
        self.grid.feeders.extrapolate(round.drift);
        self.grid.feeders.take_withheld();
        let metrics = self.grid.choice_metrics();
        metrics.share.set(round.share);
        if let Some(regret) = round.regret {
            metrics.regret.observe(regret);
        }
    }
}

#[cfg(test)]
mod tests;
