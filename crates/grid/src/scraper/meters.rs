//! The scraping of feeders' meters.
//!
//! Each meter has its own interval and timeout, so it has its own turns, beside the rounds of the substations. A meter has
//! one scrape under way at most, and as many meters' scrapes run at once as substations' do, apart from those. So a meter
//! that hangs misses its own turns and delays nothing else.
//!
//! Turns are spread: a meter's second scrape comes after a random part of its interval, and each later one has some
//! jitter. So ten thousand meters are not read at one moment, and several proxies don't fall into step.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use fastrand::Rng;
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use switchyard_balance::Ledger;
use switchyard_scrape::{LagHistory, PageBuffer, PollFailure, PollOutcome, Probe, ScrapeTicket};
use switchyard_transport::Transport;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{
    AT_ONCE, JITTER,
    faults::{Faults, News},
};
use crate::{
    feeders::{Feeder, MeterSettings},
    grid::Grid,
    substation::Id,
    visibility::Visibility,
};

/// A second scrape comes after a random part of the interval, at least this one.
const SOONEST: f64 = 0.5;

/// All meters of the grid, those that wait for their turn, and the scrapes under way.
#[derive(Debug)]
pub(super) struct Meters {
    places: HashMap<Id, Place>,
    /// When each is due that is not under way.
    due: BinaryHeap<Reverse<(Instant, Id)>>,
    running: FuturesUnordered<BoxFuture<'static, Finished>>,
    /// Memory for pages that no scrape uses now.
    buffers: Vec<PageBuffer>,
    visibility: Visibility,
    rng: Rng,
}

#[derive(Debug)]
struct Place {
    feeder: Arc<Feeder>,
    settings: Arc<MeterSettings>,
    /// When its present turn began; none before its first.
    turn: Option<Instant>,
    /// None while its scrape is under way.
    slot: Option<Box<Slot>>,
}

/// What is known of a meter between its scrapes.
#[derive(Debug)]
struct Slot {
    probe: Probe,
    transport: Arc<Transport>,
    /// What the probe was made for.
    settings: Arc<MeterSettings>,
    faults: Faults,
}

/// A scrape that ended.
struct Finished {
    id: Id,
    slot: Box<Slot>,
    buffer: PageBuffer,
    result: Result<Option<PollFailure>, PollFailure>,
    began: Instant,
}

impl Meters {
    /// The meters of `grid`, all of them due. `seed` is for the jitter.
    pub(super) fn new(grid: &Grid, seed: u64) -> Self {
        let mut meters = Self {
            places: HashMap::new(),
            due: BinaryHeap::new(),
            running: FuturesUnordered::new(),
            buffers: Vec::new(),
            visibility: Visibility::new(grid.polls.visibility_lag, grid.meters()),
            rng: Rng::with_seed(seed),
        };
        meters.follow(grid);
        meters
    }

    /// Follows the meters of `grid` from now on. One that is new, or that has moved, is due at once; the others keep
    /// their turns.
    pub(super) fn follow(&mut self, grid: &Grid) {
        self.visibility
            .follow(grid.polls.visibility_lag, grid.meters());
        let mut before = std::mem::take(&mut self.places);
        let mut due: HashMap<Id, Instant> = std::mem::take(&mut self.due)
            .into_iter()
            .map(|Reverse((at, id))| (id, at))
            .collect();
        let now = Instant::now();
        for feeder in grid.feeders() {
            let Some((meter, _)) = feeder.metered() else {
                continue;
            };
            let (id, settings) = (meter.id(), meter.settings());
            let known = before.remove(&id);
            let is_same = |known: &Place| Arc::ptr_eq(&known.settings, &settings);
            let at = match known.as_ref().filter(|known| is_same(known)) {
                Some(_) => due.remove(&id),
                None => Some(now),
            };
            let place = match known {
                Some(known) => Place { settings, ..known },
                None => Place {
                    feeder: Arc::clone(feeder),
                    slot: Some(Slot::new(&settings, meter.transport())),
                    settings,
                    turn: None,
                },
            };
            // One that is under way comes back to its turn.
            if let Some(at) = at.filter(|_| place.slot.is_some()) {
                self.due.push(Reverse((at, id)));
            }
            self.places.insert(id, place);
        }
    }

    /// Scrapes until dropped, and loses nothing then: the scrapes under way go on with the next call.
    pub(super) async fn run(&mut self, grid: &Grid) {
        if self.places.is_empty() && self.running.is_empty() {
            return std::future::pending().await;
        }
        loop {
            self.begin_due(Instant::now(), grid);
            let is_full = self.running.len() >= AT_ONCE;
            let next = self.due.peek().filter(|_| !is_full);
            let next = next.map(|Reverse((at, _))| *at);
            tokio::select! {
                Some(ended) = self.running.next(), if !self.running.is_empty() => {
                    self.end(ended, grid);
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                () = self.visibility.due() => self.visibility.note(grid.meters()),
            }
        }
    }

    fn begin_due(&mut self, now: Instant, grid: &Grid) {
        while self.running.len() < AT_ONCE {
            let Some(&Reverse((at, id))) = self.due.peek() else {
                return;
            };
            if at > now {
                return;
            }
            self.due.pop();
            let Some(place) = self.places.get_mut(&id) else {
                continue;
            };
            let Some(mut slot) = place.slot.take() else {
                continue;
            };
            place.begin_turn(now, &mut self.rng);
            slot.follow(&place.settings);
            slot.probe.set_bearer(grid.bearer(&slot.settings.gauges));
            let late = self.visibility.of(id);
            let buffer = self.buffers.pop().unwrap_or_default();
            let feeder = Arc::clone(&place.feeder);
            self.running
                .push(Box::pin(scrape(id, feeder, slot, late, buffer)));
        }
    }

    fn end(&mut self, ended: Finished, grid: &Grid) {
        let Finished {
            id,
            mut slot,
            buffer,
            result,
            began,
        } = ended;
        self.buffers.push(buffer);
        let Some(place) = self.places.get_mut(&id) else {
            // Its feeder has left meanwhile.
            return;
        };
        if let Some((meter, _)) = place.feeder.metered() {
            let outcome = match &result {
                Ok(_) => PollOutcome::Ok,
                Err(failure) => failure.outcome(),
            };
            let clock = grid.clock();
            meter.scraped(outcome, clock.at(began), clock.now());
            if grid.shared.is_ready() {
                place.feeder.open(false);
            }
        }
        match result {
            // It has one line for all connections, and says nothing about this meter.
            Err(PollFailure::Lacking(shortage)) => grid.lacks(shortage),
            other => slot.log(place.feeder.name(), other),
        }
        let has_moved = !Arc::ptr_eq(&slot.settings, &place.settings);
        let at = if has_moved {
            Instant::now()
        } else {
            place.next_turn(&mut self.rng)
        };
        place.slot = Some(slot);
        self.due.push(Reverse((at, id)));
    }
}

impl Place {
    /// Notes that a turn begins.
    fn begin_turn(&mut self, now: Instant, rng: &mut Rng) {
        let interval = self.settings.interval;
        let earlier = |by: f64| now.checked_sub(interval.mul_f64(by)).unwrap_or(now);
        self.turn = Some(match self.turn {
            // After a standstill, missed turns are not repeated.
            Some(last) => (last + interval).max(earlier(JITTER)).min(now),
            None => earlier((1.0 - SOONEST) * rng.f64()),
        });
    }

    /// When the next turn is due.
    fn next_turn(&self, rng: &mut Rng) -> Instant {
        let interval = self.settings.interval;
        let turn = self.turn.unwrap_or_else(Instant::now);
        turn + interval + interval.mul_f64(JITTER * rng.f64())
    }
}

impl Slot {
    fn new(settings: &Arc<MeterSettings>, transport: &Arc<Transport>) -> Box<Self> {
        Box::new(Self {
            probe: Probe::new(settings.address, &settings.gauges).over(transport),
            transport: Arc::clone(transport),
            settings: Arc::clone(settings),
            faults: Faults::default(),
        })
    }

    /// Reads where `settings` say from now on.
    fn follow(&mut self, settings: &Arc<MeterSettings>) {
        if self.settings.address != settings.address {
            let probe = Probe::new(settings.address, &settings.gauges);
            self.probe = probe.over(&self.transport);
        }
        self.settings = Arc::clone(settings);
        self.probe.set_host(&settings.authority);
    }

    /// Logs what changed since the last scrape.
    fn log(&mut self, feeder: &str, result: Result<Option<PollFailure>, PollFailure>) {
        for news in self.faults.note(result) {
            match news {
                News::Recovered => info!(feeder, "Feeder's meter gives load samples again"),
                News::Failing(failure) => warn!(
                    feeder,
                    outcome = <&str>::from(failure.outcome()),
                    why = %failure,
                    "Feeder's meter gives no load sample: dispatch continues by the ledger"
                ),
                News::NoCapacity(fault) => {
                    warn!(feeder, why = %fault, "Feeder has no known capacity");
                }
            }
        }
    }
}

/// Scrapes a meter once, into its ledger.
async fn scrape(
    id: Id,
    feeder: Arc<Feeder>,
    mut slot: Box<Slot>,
    late: Option<LagHistory>,
    mut buffer: PageBuffer,
) -> Finished {
    let began = Instant::now();
    let result = match feeder.ledger() {
        Some(ledger) => sample(ledger, &feeder, &mut slot, late.as_ref(), &mut buffer).await,
        None => Ok(None),
    };
    Finished {
        id,
        slot,
        buffer,
        result,
        began,
    }
}

async fn sample(
    ledger: &Ledger,
    feeder: &Feeder,
    slot: &mut Slot,
    late: Option<&LagHistory>,
    buffer: &mut PageBuffer,
) -> Result<Option<PollFailure>, PollFailure> {
    let ticket = ScrapeTicket::with_lag(ledger, late);
    let capacity = feeder.configured_capacity();
    let Slot {
        probe, settings, ..
    } = slot;
    probe
        .sample(&settings.gauges, ticket, capacity, buffer)
        .await
}

#[cfg(test)]
mod tests;
