//! Feeders: how proxies learn what their meters show, and how far bookings go beyond their bounds.

use std::time::Duration;

use switchyard_balance::{Load, Reading, ledger::ScrapeSent};

use super::{Simulation, travel};
use crate::event::Event;

/// How far bookings went beyond the bounds of feeders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beyond {
    /// Bookings after which a level was beyond its bound.
    pub(super) bookings: u64,
    /// How far at the worst, as a part of the bound.
    pub(super) worst: f64,
}

impl Beyond {
    fn count(&mut self, part: f64) {
        // A level is full at its bound exactly; loads are sums of whole millionths, their quotient is not.
        if part > 1e-9 {
            self.bookings += 1;
            self.worst = self.worst.max(part);
        }
    }
}

impl Simulation {
    /// A proxy reads all meters.
    pub(super) fn read_meters(&mut self, number: usize) {
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        for (feeder, truth) in self.fleet.feeders().enumerate() {
            let sent = truth.is_metered().then(|| proxy.picker.meter_sent(feeder));
            let Some(sent) = sent.flatten() else {
                continue;
            };
            let rng = &mut self.rng.scrapes;
            let whole =
                travel(self.scenario.poll.scrape, rng) + travel(self.scenario.poll.scrape, rng);
            let until_read = whole.mul_f64(rng.f64());
            let event = Event::MeterRead {
                proxy: number,
                feeder,
                sent,
                rest: whole.saturating_sub(until_read),
            };
            self.queue.plan(self.now + until_read, event);
        }
    }

    pub(super) fn meter_read(
        &mut self,
        proxy: usize,
        feeder: usize,
        sent: ScrapeSent,
        rest: Duration,
    ) {
        self.fleet.set_time(self.now);
        let Some(truth) = self.fleet.feeders().nth(feeder) else {
            return;
        };
        let reading = Reading {
            load: truth.load(),
            capacity: Some(truth.capacity()),
        };
        let event = Event::MeterSample {
            proxy,
            feeder,
            sent,
            reading,
            base: truth.base_load(),
        };
        self.queue.plan(self.now + rest, event);
    }

    pub(super) fn meter_sample(
        &mut self,
        number: usize,
        feeder: usize,
        (sent, reading): (ScrapeSent, Reading),
        base: Load,
    ) {
        if let Some(proxy) = self.proxies.get_mut(number) {
            proxy.picker.meter_sampled(feeder, sent, reading);
            if let Some(known) = proxy.known_base.get_mut(feeder) {
                *known = Some(base);
            }
        }
    }

    pub(super) fn limit(&mut self, feeder: usize, part: Option<f64>) {
        let limit = self.fleet.set_limit(feeder, part, self.now);
        for proxy in &mut self.proxies {
            proxy.picker.set_limit(feeder, limit);
        }
    }

    /// A request has been booked: what that did to the levels above its substation.
    pub(super) fn note_booking(&mut self, at: usize, number: usize) {
        if self.scenario.tree.is_empty() {
            return;
        }
        self.fleet.set_time(self.now);
        if self.now < self.scenario.warm_up {
            return;
        }
        self.booked += 1;
        let known = self.proxies.get(number);
        let known_base = |feeder: usize| known?.known_base.get(feeder).copied().flatten();
        // No request is on its way for longer than that.
        let since = self.now.saturating_sub(self.scenario.answer);
        if let Some(part) = self.fleet.beyond(at, since, known_base) {
            self.beyond.count(part);
        }
    }
}
