//! How proxies learn the gauges: rounds of scrapes, and probes with requests.

use std::time::Duration;

use switchyard_balance::Reading;

use super::{Proxy, Simulation, travel};
use crate::event::Event;
use crate::picker::{Scrape, World};

impl Simulation {
    pub(super) fn round(&mut self, number: usize) {
        if self.scenario.monitored.is_some() {
            self.ask_monitor(number);
            self.plan_next_round(number);
            return;
        }
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        let count = proxy.scraping.len();
        // If a scrape is late, the proxy learns from the others.
        if std::mem::replace(&mut proxy.left_of_round, count) > 0 {
            proxy
                .picker
                .round_over(self.now, self.scenario.poll.interval);
        }
        let part = self
            .scenario
            .poll
            .interval
            .mul_f64(self.scenario.poll.spread);
        let places = u32::try_from(count).unwrap_or(u32::MAX);
        for (at, place) in (0..count).zip(0..places) {
            let after = part * place / places;
            if after.is_zero() {
                self.scrape_in_round(number, at);
            } else {
                let event = Event::Scrape { proxy: number, at };
                self.queue.plan(self.now + after, event);
            }
        }
        self.read_meters(number);
        self.plan_next_round(number);
    }

    fn plan_next_round(&mut self, number: usize) {
        // Rounds go on as long as a load can still change.
        if self.now < self.scenario.end() || self.open > 0 {
            let poll = self.scenario.poll;
            let stretch = 1.0 + poll.jitter * (2.0 * self.rng.scrapes.f64() - 1.0);
            let next = self.now + poll.interval.mul_f64(stretch);
            self.queue.plan(next, Event::Round { proxy: number });
        }
    }

    /// Scrapes a substation, unless its last scrape is still on its way.
    pub(super) fn scrape_in_round(&mut self, number: usize, at: usize) {
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        let scraping = proxy.scraping.get_mut(at);
        if scraping.is_none_or(|scraping| std::mem::replace(scraping, true)) {
            proxy.ended_in_round(self.now, self.scenario.poll.interval);
        } else {
            self.scrape(number, at);
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
        let (rules, rng) = (&self.scenario.gauges, &mut self.rng.gauges);
        let event = Event::Sample {
            proxy,
            scrape,
            reading: self.fleet.gauge(scrape.at, self.now, rules, rng),
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
        if proxy.picker.polls() {
            proxy.ended_in_round(self.now, self.scenario.poll.interval);
        }
    }
}

impl Proxy {
    /// A scrape of the round has ended, with a sample or without. After the last, the proxy learns.
    fn ended_in_round(&mut self, now: Duration, interval: Duration) {
        let was = self.left_of_round;
        self.left_of_round = was.saturating_sub(1);
        if was == 1 {
            self.picker.round_over(now, interval);
        }
    }
}
