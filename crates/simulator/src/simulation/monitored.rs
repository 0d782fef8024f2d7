//! Proxies that ask a monitoring system for all gauges, which it reads at moments of its own.

use std::time::Duration;

use super::Simulation;
use crate::event::Event;

/// From one note of a proxy's ledgers to the next.
const NOTES: Duration = Duration::from_millis(600);

/// What a proxy was told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// When the last sample of each substation was taken.
    stamps: Vec<Option<Duration>>,
    /// Which have a new sample since the proxy learned last.
    is_fresh: Vec<bool>,
}

impl Simulation {
    pub(super) fn plan_monitor(&mut self) {
        let Some(monitored) = self.scenario.monitored else {
            return;
        };
        for at in 0..self.read.len() {
            let first = monitored.interval.mul_f64(self.rng.gauges.f64());
            self.queue.plan(first, Event::Monitor { at });
        }
        for proxy in 0..self.proxies.len() {
            self.queue.plan(Duration::ZERO, Event::Note { proxy });
        }
    }

    /// Reads a gauge for the monitoring system.
    pub(super) fn monitor(&mut self, at: usize) {
        let Some(monitored) = self.scenario.monitored else {
            return;
        };
        let (rules, rng) = (&self.scenario.gauges, &mut self.rng.gauges);
        if let Some(reading) = self.fleet.gauge(at, self.now, rules, rng)
            && let Some(read) = self.read.get_mut(at)
        {
            *read = Some((self.now + monitored.ahead, reading));
        }
        if self.now < self.scenario.end() {
            let next = self.now + monitored.interval;
            self.queue.plan(next, Event::Monitor { at });
        }
    }

    /// Notes the states of a proxy's ledgers.
    pub(super) fn note(&mut self, number: usize) {
        let Some(proxy) = self.proxies.get_mut(number) else {
            return;
        };
        proxy.picker.note(self.now);
        if self.now < self.scenario.end() {
            let next = self.now + NOTES;
            self.queue.plan(next, Event::Note { proxy: number });
        }
    }

    /// Asks the monitoring system for all gauges.
    pub(super) fn ask_monitor(&mut self, number: usize) {
        let (Some(monitored), Some(proxy)) =
            (self.scenario.monitored, self.proxies.get_mut(number))
        else {
            return;
        };
        let told = &mut proxy.told;
        told.stamps.resize(self.read.len(), None);
        told.is_fresh.resize(self.read.len(), false);
        let slots = told.stamps.iter_mut().zip(&mut told.is_fresh);
        for ((at, read), (known, is_fresh)) in self.read.iter().enumerate().zip(slots) {
            let Some((stamp, reading)) = *read else {
                continue;
            };
            if known.is_none_or(|known| stamp > known) {
                *known = Some(stamp);
                // None is from the future.
                let moment = stamp.min(self.now);
                *is_fresh |= proxy.picker.told(at, moment, monitored.max_skew, reading);
            }
        }
        if told.is_fresh.iter().all(|is_fresh| *is_fresh) {
            told.is_fresh.fill(false);
            proxy.picker.round_over(self.now, monitored.interval);
        }
    }
}
