//! All gauges, round after round.
//!
//! One task with its own connections. A round begins every interval, a little early or late so that several
//! proxies don't fall into step; so many scrapes run at once and no more; a substation has at most one under
//! way, so one that hangs misses rounds and delays nobody else's.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::{StreamExt, stream::FuturesUnordered};
use switchyard_balance::Learner;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{
    Grid, Substation,
    probe::{Gauges, Probe},
    substation::Reach,
    visibility::{Look, Visibility},
};
use crate::{config, metrics::PollOutcome};

/// Scrapes at once. With 1 ms a scrape this is enough for 100,000 a second.
const AT_ONCE: usize = 128;
/// How far a round may be late at random, as a share of the interval. The next one is not moved by it.
const JITTER: f64 = 0.2;

/// The scraping task, before it runs.
#[derive(Debug)]
pub struct Scraper {
    grid: Arc<Grid>,
    gauges: Gauges,
    interval: Duration,
    learner: Learner,
    visibility_lag: Duration,
    rng: Rng,
}

/// A scrape that ended: the probe comes back to wait for the next round.
struct Ended {
    at: usize,
    probe: Probe,
    result: Result<(), PollOutcome>,
    took: Duration,
}

/// What is known of one substation between rounds.
struct Seat {
    probe: Option<Probe>,
    was_asked: bool,
    failing_as: Option<PollOutcome>,
}

impl Scraper {
    /// A scraper of the grid.
    #[must_use]
    pub fn new(grid: Arc<Grid>, load: &config::Load, seed: u64) -> Self {
        let gauges = Gauges::new(load);
        Self {
            grid,
            gauges,
            interval: load.interval,
            learner: Learner::new(),
            visibility_lag: load.visibility_lag,
            rng: Rng::with_seed(seed),
        }
    }

    /// Scrapes until dropped.
    pub async fn run(mut self) {
        let grid = Arc::clone(&self.grid);
        let mut seats: Vec<Seat> = grid
            .substations()
            .iter()
            .map(|substation| {
                let probe = Some(Probe::new(substation.address(), &self.gauges));
                Seat {
                    probe,
                    was_asked: false,
                    failing_as: None,
                }
            })
            .collect();
        let (visibility, mut notes) = Visibility::new(self.visibility_lag, grid.substations());
        let mut due: VecDeque<usize> = VecDeque::new();
        let mut running = FuturesUnordered::new();
        let mut never_asked = seats.len();
        let mut is_learned = true;
        let mut round = Instant::now();
        let timer = sleep_until(round);
        tokio::pin!(timer);
        loop {
            while running.len() < AT_ONCE
                && let Some(at) = due.pop_front()
            {
                let probe = seats.get_mut(at).and_then(|seat| seat.probe.take());
                if let (Some(probe), Some(substation)) = (probe, grid.substations().get(at)) {
                    let look = visibility.look(at, substation.ledger());
                    running.push(scrape(at, probe, substation, look, &self.gauges));
                }
            }
            tokio::select! {
                () = &mut timer => {
                    // After a standstill the missed rounds are not made up for.
                    round = (round + self.interval).max(Instant::now());
                    timer.as_mut().reset(round + jitter(self.interval, &mut self.rng));
                    grid.note_stale();
                    // One that is late has not kept the others' samples from being learned from.
                    if !std::mem::replace(&mut is_learned, false) {
                        learn(&mut self.learner, &grid);
                    }
                    // A round that is not over is not begun anew: its last ones would never have a turn.
                    if due.is_empty() {
                        due.extend(0..seats.len());
                    }
                }
                () = notes.due() => visibility.note(grid.substations()),
                Some(ended) = running.next() => {
                    let Some(seat) = seats.get_mut(ended.at) else { continue };
                    let Some(substation) = grid.substations().get(ended.at) else { continue };
                    seat.record(ended.result, ended.took, substation, &grid);
                    seat.probe = Some(ended.probe);
                    if !std::mem::replace(&mut seat.was_asked, true) {
                        never_asked -= 1;
                        if never_asked == 0 {
                            grid.set_first_round_done();
                        }
                    }
                    if due.is_empty() && running.is_empty() && !std::mem::replace(&mut is_learned, true) {
                        learn(&mut self.learner, &grid);
                    }
                }
            }
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

/// Draws from a round of samples what it teaches.
fn learn(learner: &mut Learner, grid: &Grid) {
    let round = learner.round(grid.roster());
    let metrics = grid.choice_metrics();
    metrics.share.set(round.share);
    if let Some(regret) = round.regret {
        metrics.regret.observe(regret);
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
    at: usize,
    mut probe: Probe,
    substation: &Substation,
    look: Look<'_>,
    gauges: &Gauges,
) -> Ended {
    let began = Instant::now();
    let result = probe
        .sample(gauges, look, substation.configured_capacity())
        .await;
    Ended {
        at,
        probe,
        result,
        took: began.elapsed(),
    }
}

fn jitter(interval: Duration, rng: &mut Rng) -> Duration {
    interval.mul_f64(JITTER * rng.f64())
}
