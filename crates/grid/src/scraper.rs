//! Scrapes all gauges, round after round.
//!
//! One task with its own connections. A round begins every interval, with some jitter so that
//! several proxies don't fall into step. A fixed number of scrapes run at once. A substation has at
//! most one scrape under way, so a substation that hangs misses rounds and delays no other.
//!
//! Scrape slots belong to substations, not to positions. When the grid changes, a substation that
//! stays keeps its connection, and a new one is scraped at once. The memory for pages belongs to
//! the scrapes under way, so there is never more of it than scrapes that run at once.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use futures_util::{StreamExt, stream::FuturesUnordered};
use switchyard_balance::{LastsEstimator, ShareEstimator};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use switchyard_scrape::{
    Gauges, LagHistory, PageBuffer, PollFailure, PollOutcome, Probe, ScrapeTicket,
};

use crate::{
    grid::Grid,
    request_limits::Judgement,
    substation::{Id, Reach, Substation},
    visibility::Visibility,
};

/// How many scrapes run at once. At 1 ms each this allows 100,000 a second.
const AT_ONCE: usize = 128;
/// The longest random delay of a round, as a share of the interval. It does not move the next
/// round.
const JITTER: f64 = 0.2;

/// The scraping task, before it runs.
#[derive(Debug)]
pub struct Scraper {
    grids: watch::Receiver<Arc<Grid>>,
    grid: Arc<Grid>,
    slots: HashMap<Id, ScrapeSlot>,
    due: VecDeque<Arc<Substation>>,
    share_estimator: ShareEstimator,
    lasts_estimator: LastsEstimator,
    /// Memory for pages that no scrape uses now.
    buffers: Vec<PageBuffer>,
    /// Whether the first round is not finished yet.
    is_first_round: bool,
    /// Whether the grid is marked as ready.
    is_ready: bool,
    rng: Rng,
}

/// A scrape that ended, with its probe for the next round.
struct FinishedScrape {
    substation: Arc<Substation>,
    probe: Probe,
    buffer: PageBuffer,
    result: Result<Option<PollFailure>, PollFailure>,
    took: Duration,
}

/// The scraping of one substation: its probe, and what is known between rounds.
#[derive(Debug)]
struct ScrapeSlot {
    /// None while its scrape is under way.
    probe: Option<Probe>,
    was_asked: bool,
    /// When the first scrape began that was not answered, up to now: the one under way, or one that has failed.
    asked_in_vain: Option<Instant>,
    failing_as: Option<PollFailure>,
    /// Why the last sample lacked a capacity that its page has.
    capacity_fault: Option<PollFailure>,
}

impl Scraper {
    /// A scraper of the grid that `grids` holds, and of the grids after it. `seed` is for the
    /// jitter.
    #[must_use]
    pub fn new(mut grids: watch::Receiver<Arc<Grid>>, seed: u64) -> Self {
        let grid = Arc::clone(&grids.borrow_and_update());
        let mut scraper = Self {
            grids,
            grid,
            slots: HashMap::new(),
            due: VecDeque::new(),
            share_estimator: ShareEstimator::new(),
            lasts_estimator: LastsEstimator::new(),
            buffers: Vec::new(),
            is_first_round: true,
            is_ready: false,
            rng: Rng::with_seed(seed),
        };
        scraper.assign_slots();
        // The first round begins at once and scrapes all of them.
        scraper.due.clear();
        scraper
    }

    /// Scrapes until dropped.
    pub async fn run(mut self) {
        let mut visibility =
            Visibility::new(self.grid.polls.visibility_lag, self.grid.substations());
        let mut judgement = Judgement::default();
        judgement.follow(&self.grid);
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
                let slot = self.slots.get_mut(&substation.id());
                if let Some(probe) = slot.and_then(ScrapeSlot::ask) {
                    let late = visibility.of(&substation);
                    let gauges = Arc::clone(&self.grid.polls.gauges);
                    let buffer = self.buffers.pop().unwrap_or_default();
                    running.push(scrape(probe, substation, late, gauges, buffer));
                }
            }
            tokio::select! {
                () = &mut timer => {
                    // After a standstill, missed rounds are not repeated.
                    let interval = self.grid.polls.interval;
                    round = (round + interval).max(Instant::now());
                    timer.as_mut().reset(round + jitter(interval, &mut self.rng));
                    self.grid.note_stale();
                    // If a scrape is late, learn from the other samples of the round anyway.
                    if !std::mem::replace(&mut is_learned, false) {
                        self.learn();
                    }
                    // Don't restart an unfinished round: its last substations would never have a
                    // turn.
                    if self.due.is_empty() {
                        self.due.extend(self.grid.substations().iter().cloned());
                    }
                }
                () = visibility.due() => visibility.note(self.grid.substations()),
                () = judgement.due() => {
                    let slots = &self.slots;
                    judgement.look(&self.grid, |id| slots.get(&id)?.asked_in_vain);
                }
                changed = self.grids.changed(), if !is_last_grid => {
                    is_last_grid = changed.is_err();
                    let grid = Arc::clone(&self.grids.borrow_and_update());
                    let before = std::mem::replace(&mut self.grid, grid);
                    let polls = &self.grid.polls;
                    visibility.follow(polls.visibility_lag, self.grid.substations());
                    judgement.follow(&self.grid);
                    if polls.interval != before.polls.interval {
                        round = Instant::now();
                        timer.as_mut().reset(round + jitter(polls.interval, &mut self.rng));
                    }
                    self.assign_slots();
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

    /// Gives each substation of the grid a slot and drops the other slots. New substations are
    /// scraped at once.
    fn assign_slots(&mut self) {
        let mut before = std::mem::take(&mut self.slots);
        for substation in self.grid.substations() {
            let slot = before.remove(&substation.id()).unwrap_or_else(|| {
                self.due.push_back(Arc::clone(substation));
                let probe = Probe::new(substation.address(), &self.grid.polls.gauges);
                ScrapeSlot {
                    probe: Some(probe),
                    was_asked: false,
                    asked_in_vain: None,
                    failing_as: None,
                    capacity_fault: None,
                }
            });
            self.slots.insert(substation.id(), slot);
        }
        let Self { due, slots, .. } = self;
        due.retain(|substation| slots.contains_key(&substation.id()));
    }

    fn record(&mut self, ended: FinishedScrape) {
        self.buffers.push(ended.buffer);
        let Some(slot) = self.slots.get_mut(&ended.substation.id()) else {
            // It was retired meanwhile.
            return;
        };
        // First, so that whoever sees the sample also finds its sessions.
        if let Some(name) = ended.probe.own_name() {
            self.grid.names_itself(&ended.substation, name);
        }
        slot.record(ended.result, ended.took, &ended.substation, &self.grid);
        slot.probe = Some(ended.probe);
        slot.was_asked = true;
        if self.is_ready {
            return;
        }
        // Gauges may be silent for good, and charges work without them; without a connection nothing works.
        if self.is_first_round {
            self.is_first_round = !self.slots.values().all(|slot| slot.was_asked);
            let mut all = self.grid.substations().iter();
            self.is_ready = !self.is_first_round && all.any(|one| one.is_reachable());
        } else {
            self.is_ready = ended.substation.is_reachable();
        }
        if self.is_ready {
            self.grid.shared.set_ready();
        }
    }

    /// Learns from a round of samples: the share of the gaps that this proxy fills, how long load
    /// lasts, and the regret of its choices.
    fn learn(&mut self) {
        let round = self.share_estimator.round(self.grid.roster());
        if let Some(lasts) = self.lasts_estimator.round(self.grid.roster()) {
            self.grid.learn_lasts(lasts);
        }
        let metrics = self.grid.choice_metrics();
        metrics.share.set(round.share);
        if let Some(regret) = round.regret {
            metrics.regret.observe(regret);
        }
    }
}

impl ScrapeSlot {
    /// The probe for a scrape that begins now; `None` while one is under way.
    fn ask(&mut self) -> Option<Probe> {
        let probe = self.probe.take()?;
        self.asked_in_vain.get_or_insert_with(Instant::now);
        Some(probe)
    }

    /// Records a scrape's result in the ledger and the metrics, and logs a change.
    fn record(
        &mut self,
        result: Result<Option<PollFailure>, PollFailure>,
        took: Duration,
        substation: &Substation,
        grid: &Grid,
    ) {
        let now = grid.clock().now();
        let outcome = match &result {
            Ok(_) => PollOutcome::Ok,
            Err(failure) => failure.outcome(),
        };
        // A shortage is the proxy's own. Any answer proves that it lives.
        if outcome == PollOutcome::Shortage || reach(outcome) == Reach::Yes {
            self.asked_in_vain = None;
        }
        substation.metrics().poll(outcome);
        substation.metrics().poll_seconds.observe(took);
        if result.is_ok() {
            substation.stamp_sample(now);
        }
        grid.scraped(substation, reach(outcome), now);
        match result {
            // It has one line for all substations, and says nothing about this one.
            Err(PollFailure::Lacking(shortage)) => grid.lacks(shortage),
            other => self.log(other, substation.name()),
        }
    }

    /// Logs what changed since the last scrape.
    fn log(&mut self, result: Result<Option<PollFailure>, PollFailure>, substation: &str) {
        let (failing_as, capacity_fault) = match result {
            // What is known of the capacity stays as it was.
            Err(failure) => (Some(failure), self.capacity_fault.take()),
            Ok(capacity_fault) => (None, capacity_fault),
        };
        match &failing_as {
            now if is_like(now.as_ref(), self.failing_as.as_ref()) => {}
            None => info!(substation, "Substation gives load samples again"),
            Some(failure) => warn!(
                substation,
                outcome = <&str>::from(failure.outcome()),
                why = %failure,
                "Substation gives no load sample: dispatch continues by the ledger"
            ),
        }
        if let Some(fault) = &capacity_fault
            && !is_like(Some(fault), self.capacity_fault.as_ref())
            && failing_as.is_none()
        {
            warn!(substation, why = %fault, "Substation has no known capacity");
        }
        self.failing_as = failing_as;
        self.capacity_fault = capacity_fault;
    }
}

fn is_like(one: Option<&PollFailure>, other: Option<&PollFailure>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_like(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

/// What the end of a scrape shows about the connection. Any answer proves it, even a missing or
/// unreadable page. A timeout proves nothing, because only the page may be slow, and neither does
/// a shortage of this process.
fn reach(outcome: PollOutcome) -> Reach {
    match outcome {
        PollOutcome::Connect => Reach::No,
        PollOutcome::Timeout | PollOutcome::Shortage => Reach::Unclear,
        _ => Reach::Yes,
    }
}

async fn scrape(
    mut probe: Probe,
    substation: Arc<Substation>,
    late: Option<LagHistory>,
    gauges: Arc<Gauges>,
    mut buffer: PageBuffer,
) -> FinishedScrape {
    let began = Instant::now();
    let ticket = ScrapeTicket::with_lag(substation.ledger(), late.as_ref());
    probe.set_host(&substation.authority());
    let result = probe
        .sample(
            &gauges,
            ticket,
            substation.configured_capacity(),
            &mut buffer,
        )
        .await;
    let took = began.elapsed();
    FinishedScrape {
        substation,
        probe,
        buffer,
        result,
        took,
    }
}

fn jitter(interval: Duration, rng: &mut Rng) -> Duration {
    interval.mul_f64(JITTER * rng.f64())
}
