//! How proxies learn the gauges: rounds of scrapes, and probes with requests.

use std::time::Duration;

use switchyard_balance::Reading;

use super::{Simulation, travel};
use crate::event::Event;
use crate::picker::{Scrape, World};

impl Simulation {
    pub(super) fn round(&mut self, number: usize) {
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        let mut free = Vec::new();
        for (at, scraping) in proxy.scraping.iter_mut().enumerate() {
            if !std::mem::replace(scraping, true) {
                free.push(at);
            }
        }
        for at in free {
            self.scrape(number, at);
        }
        // Rounds go on as long as a load can still change.
        if self.now < self.scenario.end() || self.open > 0 {
            let poll = self.scenario.poll;
            let stretch = 1.0 + poll.jitter * (2.0 * self.rng.scrapes.f64() - 1.0);
            let next = self.now + poll.interval.mul_f64(stretch);
            self.queue.plan(next, Event::Round { proxy: number });
        }
    }

    /// Sends the probes of a request.
    pub(super) fn probe(&mut self, number: usize) {
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        for at in proxy.picker.probes(self.now, &mut self.rng.choices) {
            self.scrape(number, at);
        }
    }

    fn scrape(&mut self, number: usize, at: usize) {
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        let scrape = Scrape {
            at,
            sent: proxy.picker.scrape_sent(at),
            sent_at: self.now,
        };
        let rng = &mut self.rng.scrapes;
        let whole = travel(self.scenario.poll.scrape, rng) + travel(self.scenario.poll.scrape, rng);
        let until_read = whole.mul_f64(rng.f64());
        let event = Event::Read {
            proxy: number,
            scrape,
            rest: whole.saturating_sub(until_read),
        };
        self.queue.plan(self.now + until_read, event);
    }

    pub(super) fn read(&mut self, proxy: usize, scrape: Scrape, rest: Duration) {
        let event = Event::Sample {
            proxy,
            scrape,
            reading: self.fleet.gauge(scrape.at),
        };
        self.queue.plan(self.now + rest, event);
    }

    pub(super) fn sample(&mut self, proxy: usize, scrape: Scrape, reading: Option<Reading>) {
        let Some(proxy) = self.proxies.get_mut(proxy) else {
            return;
        };
        if let Some(scraping) = proxy.scraping.get_mut(scrape.at) {
            *scraping = false;
        }
        let world = World {
            now: self.now,
            fleet: &self.fleet,
        };
        if let Some(reading) = reading {
            let rng = &mut self.rng.choices;
            proxy.picker.sampled(scrape, reading, &world, rng);
        }
        if proxy.picker.polls() && !proxy.scraping.contains(&true) {
            proxy.picker.round_over();
        }
    }
}
