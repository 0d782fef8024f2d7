//! One contender in one world: event by event.

mod check;
mod plan;
mod requests;
mod scrapes;

use std::time::Duration;

use fastrand::Rng;

use crate::event::Event;
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::picker::Picker;
use crate::queue::Queue;
use crate::scenario::Scenario;
use crate::workload::Workload;
use crate::{Contender, Outcome};

/// A running simulation.
pub struct Simulation {
    scenario: Scenario,
    now: Duration,
    queue: Queue,
    workload: Workload,
    fleet: Fleet,
    proxies: Vec<Proxy>,
    meter: Meter,
    /// Requests on their way and sessions running.
    open: u64,
    requests: u64,
    refused: u64,
    rng: Streams,
}

struct Proxy {
    picker: Box<dyn Picker>,
    /// Which substations a round's scrape is on its way to: scrapes of one never overlap.
    scraping: Vec<bool>,
}

/// One generator for each purpose, so that a contender that draws more does not meet other cars.
struct Streams {
    answers: Rng,
    scrapes: Rng,
    choices: Rng,
}

impl Simulation {
    /// The world of `scenario` before anything has happened.
    #[must_use]
    pub fn new(scenario: &Scenario, contender: Contender, seed: u64) -> Self {
        let mut seeds = Rng::with_seed(seed);
        let fleet = Fleet::new(scenario);
        let capacities = fleet.capacities();
        let proxy = |_: &f64| Proxy {
            picker: contender.picker(&capacities, scenario.poll.interval),
            scraping: vec![false; capacities.len()],
        };
        let mut simulation = Self {
            now: Duration::ZERO,
            queue: Queue::default(),
            workload: Workload::new(scenario, seeds.fork()),
            proxies: scenario.shares.iter().map(proxy).collect(),
            meter: Meter::new(scenario.warm_up, scenario.end()),
            open: 0,
            requests: 0,
            refused: 0,
            rng: Streams {
                answers: seeds.fork(),
                scrapes: seeds.fork(),
                choices: seeds.fork(),
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
        self.meter.advance(self.scenario.end());
        Outcome {
            average: self.meter.average(),
            peak: self.meter.peak(),
            requests: self.requests,
            refused: self.refused,
        }
    }

    /// Lets the next thing happen. Arrivals end when the measurement does; once the last session is over
    /// and the gauges have been read once more, nothing happens any more and it returns `false`.
    pub fn step(&mut self) -> bool {
        let Some((now, event)) = self.queue.pop() else {
            return false;
        };
        self.meter.advance(now);
        self.now = now;
        self.handle(event);
        true
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The truth.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                self.arrive();
                self.plan_next_arrival();
            }
            Event::BurstArrival => self.arrive(),
            Event::Request {
                proxy,
                pick,
                session,
            } => self.request(proxy, pick, session),
            Event::Answer {
                proxy,
                pick,
                session,
                booked,
            } => {
                self.open -= 1;
                if let Some(proxy) = self.proxies.get_mut(proxy) {
                    proxy.picker.answered(pick, session.power, booked);
                }
            }
            Event::Departure(booking) => {
                self.open -= 1;
                if self.fleet.depart(booking) {
                    self.meter.set(self.fleet.imbalance());
                }
            }
            Event::Round { proxy } => self.round(proxy),
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
            Event::Rotation { count, out } => {
                self.fleet.set_out(count, out);
                self.meter.set(self.fleet.imbalance());
            }
            Event::Shares(shares) => self.workload.set_shares(shares),
            Event::Emptied => {
                self.fleet.empty(0);
                self.meter.set(self.fleet.imbalance());
            }
        }
    }
}

/// Half a way there and back, give or take.
fn travel(both_ways: Duration, rng: &mut Rng) -> Duration {
    (both_ways / 2).mul_f64(0.5 + rng.f64())
}
