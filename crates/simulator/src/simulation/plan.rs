//! Plans the events that are known in advance.

use super::Simulation;
use crate::event::Event;
use crate::scenario::Fault;

impl Simulation {
    pub(super) fn plan_all(&mut self) {
        self.plan_rounds();
        self.plan_monitor();
        self.plan_next_arrival();
        self.plan_burst();
        self.plan_faults();
    }

    /// Plans the next car of the steady stream. The last one comes before the measurement ends.
    pub(super) fn plan_next_arrival(&mut self) {
        let at = self.workload.gap().map(|gap| self.now + gap);
        if let Some(at) = at.filter(|at| *at < self.scenario.end()) {
            self.queue.plan(at, Event::Arrival);
        }
    }

    fn plan_burst(&mut self) {
        if let Some(burst) = self.scenario.burst {
            for number in 0..burst.count {
                let after = burst.within * number / burst.count;
                self.queue.plan(burst.at + after, Event::BurstArrival);
            }
        }
    }

    /// Each proxy's first round starts at a random moment within the first interval.
    fn plan_rounds(&mut self) {
        for (number, proxy) in self.proxies.iter().enumerate() {
            let part = self.rng.scrapes.f64();
            if proxy.picker.polls() {
                let first = self.scenario.poll.interval.mul_f64(part);
                self.queue.plan(first, Event::Round { proxy: number });
            }
        }
    }

    fn plan_faults(&mut self) {
        for fault in &self.scenario.faults {
            match fault.clone() {
                Fault::DeadGauges { count, from, until } => {
                    let event = |dead| Event::Gauges { count, dead };
                    self.queue.plan(from, event(true));
                    self.queue.plan(until, event(false));
                }
                Fault::Lies {
                    count,
                    lie,
                    from,
                    until,
                } => {
                    let event = |lie| Event::Lies { count, lie };
                    self.queue.plan(from, event(Some(lie)));
                    self.queue.plan(until, event(None));
                }
                Fault::Emptied { at } => self.queue.plan(at, Event::Emptied),
                Fault::Leave { count, from, until } => {
                    let event = |out| Event::Rotation { count, out };
                    self.queue.plan(from, event(true));
                    self.queue.plan(until, event(false));
                }
                Fault::Limit {
                    feeder,
                    part,
                    from,
                    until,
                } => {
                    let event = |part| Event::Limit { feeder, part };
                    self.queue.plan(from, event(Some(part)));
                    self.queue.plan(until, event(None));
                }
                Fault::Shares { at, shares } => self.queue.plan(at, Event::Shares(shares)),
            }
        }
    }
}
