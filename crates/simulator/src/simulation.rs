//! One contender in one scenario, event by event.

mod check;
mod meters;
mod monitored;
mod plan;
mod requests;
mod returns;
mod scrapes;
mod served;

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::{Forecast, Load, Policy, Promises, Reading};

use crate::contender::Contender;
use crate::event::Event;
use crate::event_queue::EventQueue;
use crate::fleet::Fleet;
use crate::outcome::Outcome;
use crate::picker::Picker;
use crate::scenario::Scenario;
use crate::time_weighted::TimeWeighted;
use crate::workload::Workload;
use meters::Beyond;
use returns::Returns;
use served::Served;

/// A running simulation.
pub struct Simulation {
    scenario: Scenario,
    now: Duration,
    queue: EventQueue,
    workload: Workload,
    fleet: Fleet,
    proxies: Vec<Proxy>,
    imbalance: TimeWeighted,
    /// The utilisation of the fullest level; only with feeders.
    binding: TimeWeighted,
    beyond: Beyond,
    /// The last reading of each gauge by a monitoring system, with its time.
    read: Vec<Option<(Duration, Reading)>>,
    booked: u64,
    /// Requests on their way, and running sessions.
    open: u64,
    requests: u64,
    refused: u64,
    returns: Returns,
    /// The sessions at each substation, where they slow down.
    served: Vec<Served>,
    rng: Streams,
}

struct Proxy {
    picker: Box<dyn Picker>,
    /// Whether a scrape is on its way, for each substation: scrapes of one substation never
    /// overlap.
    scraping: Vec<bool>,
    /// The base load of each feeder as its meter showed it last, if it is read.
    known_base: Vec<Option<Load>>,
    /// The scrapes of the round that have not ended, and those that have not begun.
    left_of_round: usize,
    /// What it was told last by a monitoring system.
    told: monitored::Told,
    forecast: Forecast,
    promises: Promises,
}

/// One random generator for each purpose, so that all contenders get the same cars however much
/// they draw.
struct Streams {
    answers: Rng,
    scrapes: Rng,
    choices: Rng,
    waits: Rng,
    gauges: Rng,
}

impl Simulation {
    /// A simulation of `scenario` at its beginning.
    #[must_use]
    pub fn new(scenario: &Scenario, contender: Contender, seed: u64) -> Self {
        let mut seeds = Rng::with_seed(seed);
        let fleet = Fleet::new(scenario);
        let proxy = |contender: Contender| Proxy {
            picker: contender.picker(&fleet, scenario),
            scraping: vec![false; fleet.iter().count()],
            known_base: vec![None; scenario.tree.feeders.len()],
            left_of_round: 0,
            told: monitored::Told::default(),
            forecast: Forecast::default(),
            promises: Promises::default(),
        };
        // What goes past all proxies goes anywhere, whatever is compared.
        let past = (scenario.past > 0.0).then_some(Contender::Ledger(Policy::Random));
        let mut simulation = Self {
            now: Duration::ZERO,
            queue: EventQueue::default(),
            workload: Workload::new(scenario, seeds.fork()),
            proxies: scenario
                .shares
                .iter()
                .map(|_| contender)
                .chain(past)
                .map(proxy)
                .collect(),
            imbalance: TimeWeighted::new(scenario.warm_up, scenario.end(), 1.0),
            binding: TimeWeighted::new(scenario.warm_up, scenario.end(), 0.0),
            beyond: Beyond::default(),
            read: vec![None; fleet.iter().count()],
            booked: 0,
            open: 0,
            requests: 0,
            refused: 0,
            returns: Returns::default(),
            served: Served::all(scenario),
            rng: Streams {
                answers: seeds.fork(),
                scrapes: seeds.fork(),
                choices: seeds.fork(),
                waits: seeds.fork(),
                gauges: seeds.fork(),
            },
            fleet,
            scenario: scenario.clone(),
        };
        simulation.plan_all();
        simulation
    }

    /// Runs to the end of the measurement.
    #[must_use]
    pub fn run(mut self) -> Outcome {
        while self.now < self.scenario.end() && self.step() {}
        self.imbalance.advance(self.scenario.end());
        self.binding.advance(self.scenario.end());
        Outcome {
            average: self.imbalance.average(),
            peak: self.imbalance.peak(),
            requests: self.requests,
            refused: self.refused,
            came_back: self.returns.came_back(),
            found_room: self.returns.found_room,
            wave: self.returns.wave(),
            binding: self.binding.average(),
            binding_peak: self.binding.peak(),
            booked: self.booked,
            booked_beyond: self.beyond.bookings,
            beyond: self.beyond.worst,
        }
    }

    /// Handles the next event; `false` if there is none. Arrivals end with the measurement. The
    /// last events are the end of the last session and one more reading of the gauges.
    pub fn step(&mut self) -> bool {
        let Some((now, event)) = self.queue.pop() else {
            return false;
        };
        self.imbalance.advance(now);
        self.binding.advance(now);
        self.now = now;
        self.handle(event);
        true
    }

    /// How many requests got no place so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// How many proxies distrust the gauge of the substation at this position.
    #[must_use]
    pub fn distrusting(&self, at: usize) -> usize {
        let ledgers = self.proxies.iter().map(|proxy| proxy.picker.ledger(at));
        ledgers
            .flatten()
            .filter(|ledger| ledger.is_distrusted())
            .count()
    }

    /// The true state of the substations.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// To be called when a load or a bound has changed.
    fn load_changed(&mut self) {
        if self.scenario.tree.is_empty() {
            self.imbalance.set(self.fleet.imbalance());
        } else {
            self.fleet.set_time(self.now);
            self.binding.set(self.fleet.binding());
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                self.arrive();
                self.plan_next_arrival();
            }
            Event::BurstArrival => self.arrive(),
            Event::Return(car) => self.come_back(car),
            Event::Request { car, pick } => self.request(car, pick),
            Event::Answer { car, pick, booked } => self.answer(car, pick, booked),
            Event::Departure { booking, held } => self.depart(booking, held),
            Event::Served { at, version } => self.end_served(at, version),
            Event::Round { proxy } => self.round(proxy),
            Event::Scrape { proxy, at } => self.scrape_in_round(proxy, at),
            Event::Read {
                proxy,
                scrape,
                rest,
            } => self.read(proxy, scrape, rest),
            Event::Sample {
                proxy,
                scrape,
                reading,
            } => self.sample(proxy, scrape, reading),
            Event::Gauges { count, dead } => self.fleet.set_dead(count, dead),
            Event::Lies { count, lie } => self.fleet.set_lie(count, lie),
            Event::Rotation { count, out } => {
                self.fleet.set_out(count, out);
                self.load_changed();
            }
            Event::Shares(shares) => self.workload.set_shares(shares),
            Event::Emptied => {
                self.fleet.empty(0);
                self.load_changed();
            }
            Event::MeterRead {
                proxy,
                feeder,
                sent,
                rest,
            } => self.meter_read(proxy, feeder, sent, rest),
            Event::MeterSample {
                proxy,
                feeder,
                sent,
                reading,
                base,
            } => self.meter_sample(proxy, feeder, (sent, reading), base),
            Event::Monitor { at } => self.monitor(at),
            Event::Note { proxy } => self.note(proxy),
            Event::Limit { feeder, part } => {
                self.limit(feeder, part);
                self.load_changed();
            }
        }
    }
}

/// The time of one way, drawn around half of the time for both ways.
fn travel(both_ways: Duration, rng: &mut Rng) -> Duration {
    (both_ways / 2).mul_f64(0.5 + rng.f64())
}
