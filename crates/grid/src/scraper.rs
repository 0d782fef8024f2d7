//! All gauges, round after round.
//!
//! One task with its own connections. A round begins every interval, a little early or late so that several
//! proxies don't fall into step; so many scrapes run at once and no more; a substation has at most one under
//! way, so one that hangs misses rounds and delays nobody else's.
//!
//! When the grid changes, seats go on by substation, not by position: who stays keeps its connection, who comes is
//! asked at once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use futures_util::{StreamExt, stream::FuturesUnordered};
use switchyard_balance::Learner;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use switchyard_scrape::{Gauges, LagHistory, PollOutcome, Probe, ScrapeTicket};

use crate::{
    grid::Grid,
    substation::{Id, Reach, Substation},
    visibility::Visibility,
};

/// Scrapes at once. With 1 ms a scrape this is enough for 100,000 a second.
const AT_ONCE: usize = 128;
/// How far a round may be late at random, as a share of the interval. The next one is not moved by it.
const JITTER: f64 = 0.2;

/// The scraping task, before it runs.
#[derive(Debug)]
pub struct Scraper {
    grids: watch::Receiver<Arc<Grid>>,
    grid: Arc<Grid>,
    seats: HashMap<Id, Seat>,
    due: VecDeque<Arc<Substation>>,
    learner: Learner,
    /// Whether a first round is still to be finished.
    is_first_round: bool,
    rng: Rng,
}

/// A scrape that ended: the probe comes back to wait for the next round.
struct Ended {
    substation: Arc<Substation>,
    probe: Probe,
    result: Result<(), PollOutcome>,
    took: Duration,
}

/// What is known of one substation between rounds.
#[derive(Debug)]
struct Seat {
    /// None while a scrape is under way.
    probe: Option<Probe>,
    was_asked: bool,
    failing_as: Option<PollOutcome>,
}

impl Scraper {
    /// A scraper of the grid that `grids` holds, and of those after it.
    #[must_use]
    pub fn new(mut grids: watch::Receiver<Arc<Grid>>, seed: u64) -> Self {
        let grid = Arc::clone(&grids.borrow_and_update());
        let mut scraper = Self {
            grids,
            grid,
            seats: HashMap::new(),
            due: VecDeque::new(),
            learner: Learner::new(),
            is_first_round: true,
            rng: Rng::with_seed(seed),
        };
        scraper.take_seats();
        // The first round begins at once and asks them all.
        scraper.due.clear();
        scraper
    }

    /// Scrapes until dropped.
    pub async fn run(mut self) {
        let mut visibility =
            Visibility::new(self.grid.polls.visibility_lag, self.grid.substations());
        let mut running = FuturesUnordered::new();
        let mut is_learned = true;
        let mut is_last_grid = false;
        let mut round = Instant::now();
        let timer = sleep_until(round);
        tokio::pin!(timer);
        loop {
            while running.len() < AT_ONCE
                && let Some(substation) = self.due.pop_front()
            {
                let seat = self.seats.get_mut(&substation.id());
                if let Some(probe) = seat.and_then(|seat| seat.probe.take()) {
                    let late = visibility.of(&substation);
                    let gauges = Arc::clone(&self.grid.polls.gauges);
                    running.push(scrape(probe, substation, late, gauges));
                }
            }
            tokio::select! {
                () = &mut timer => {
                    // After a standstill the missed rounds are not made up for.
                    let interval = self.grid.polls.interval;
                    round = (round + interval).max(Instant::now());
                    timer.as_mut().reset(round + jitter(interval, &mut self.rng));
                    self.grid.note_stale();
                    // One that is late has not kept the others' samples from being learned from.
                    if !std::mem::replace(&mut is_learned, false) {
                        self.learn();
                    }
                    // A round that is not over is not begun anew: its last ones would never have a turn.
                    if self.due.is_empty() {
                        self.due.extend(self.grid.substations().iter().cloned());
                    }
                }
                () = visibility.due() => visibility.note(self.grid.substations()),
                changed = self.grids.changed(), if !is_last_grid => {
                    is_last_grid = changed.is_err();
                    let grid = Arc::clone(&self.grids.borrow_and_update());
                    let before = std::mem::replace(&mut self.grid, grid);
                    let polls = &self.grid.polls;
                    visibility.follow(polls.visibility_lag, self.grid.substations());
                    if polls.interval != before.polls.interval {
                        round = Instant::now();
                        timer.as_mut().reset(round + jitter(polls.interval, &mut self.rng));
                    }
                    self.take_seats();
                }
                Some(ended) = running.next() => {
                    self.record(ended);
                    if self.due.is_empty() && running.is_empty() && !std::mem::replace(&mut is_learned, true) {
                        self.learn();
                    }
                }
            }
        }
    }

    /// Gives each substation of the grid a seat, and takes the others' away. Whoever comes is asked at once.
    fn take_seats(&mut self) {
        let mut before = std::mem::take(&mut self.seats);
        for substation in self.grid.substations() {
            let seat = before.remove(&substation.id()).unwrap_or_else(|| {
                self.due.push_back(Arc::clone(substation));
                let probe = Probe::new(substation.address(), &self.grid.polls.gauges);
                Seat {
                    probe: Some(probe),
                    was_asked: false,
                    failing_as: None,
                }
            });
            self.seats.insert(substation.id(), seat);
        }
        let Self { due, seats, .. } = self;
        due.retain(|substation| seats.contains_key(&substation.id()));
    }

    fn record(&mut self, ended: Ended) {
        let Some(seat) = self.seats.get_mut(&ended.substation.id()) else {
            // It left meanwhile.
            return;
        };
        seat.record(ended.result, ended.took, &ended.substation, &self.grid);
        seat.probe = Some(ended.probe);
        seat.was_asked = true;
        if self.is_first_round && self.seats.values().all(|seat| seat.was_asked) {
            self.is_first_round = false;
            self.grid.common.set_first_round_done();
        }
    }

    /// Draws from a round of samples what it teaches.
    fn learn(&mut self) {
        let round = self.learner.round(self.grid.roster());
        let metrics = self.grid.choice_metrics();
        metrics.share.set(round.share);
        if let Some(regret) = round.regret {
            metrics.regret.observe(regret);
        }
    }
}

impl Seat {
    /// Writes a scrape's result into the ledger, the metrics and, where something changed, the log.
    fn record(
        &mut self,
        result: Result<(), PollOutcome>,
        took: Duration,
        substation: &Substation,
        grid: &Grid,
    ) {
        let now = grid.clock().now();
        let outcome = result.err();
        substation
            .metrics()
            .poll(outcome.unwrap_or(PollOutcome::Ok));
        substation
            .metrics()
            .poll_seconds
            .observe(took.as_secs_f64());
        if result.is_ok() {
            substation.stamp_sample(now);
        }
        grid.scraped(substation, reach(outcome), now);
        if std::mem::replace(&mut self.failing_as, outcome) == outcome {
            return;
        }
        let name = substation.name();
        match outcome {
            None => info!(substation = name, "Its load is sampled again"),
            Some(outcome) => warn!(
                substation = name,
                ?outcome,
                "No sample of its load; its ledger goes on"
            ),
        }
    }
}

/// What a scrape's end says of the way to the substation. A page that was not there, or not to be read, came
/// from somebody; silence may be the page's fault alone.
fn reach(outcome: Option<PollOutcome>) -> Reach {
    match outcome {
        Some(PollOutcome::Connect) => Reach::No,
        Some(PollOutcome::Timeout) => Reach::Unclear,
        _ => Reach::Yes,
    }
}

async fn scrape(
    mut probe: Probe,
    substation: Arc<Substation>,
    late: Option<LagHistory>,
    gauges: Arc<Gauges>,
) -> Ended {
    let began = Instant::now();
    let ticket = ScrapeTicket::with_lag(substation.ledger(), late.as_ref());
    let result = probe
        .sample(&gauges, ticket, substation.configured_capacity())
        .await;
    let took = began.elapsed();
    Ended {
        substation,
        probe,
        result,
        took,
    }
}

fn jitter(interval: Duration, rng: &mut Rng) -> Duration {
    interval.mul_f64(JITTER * rng.f64())
}
