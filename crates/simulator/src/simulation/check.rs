//! Invariants that hold after every event. For tests only, because it walks through all planned
//! events.

use switchyard_balance::Ledger;

use super::{Simulation, served::Served};
use crate::event::{Event, Held};
use crate::fleet::{Booking, Substation};

impl Simulation {
    /// Checks the invariants, and describes the first violation. Each substation's load is the sum
    /// of its running sessions. Its incoming load is the sum of the requests on their way. No load
    /// is above capacity. Each feeder bears what its members do. Each ledger waits for exactly the answers that are still to come.
    pub fn check(&self) -> Result<(), String> {
        self.check_feeders()?;
        for (at, substation) in self.fleet.iter().enumerate() {
            let (running, incoming) = self.planned(at);
            let load = substation.load().micros();
            equal(at, "load", load, running)?;
            let expected = substation.load_with_incoming().micros() - load;
            equal(at, "incoming load", expected, incoming)?;
            if substation.load() > substation.capacity() {
                return Err(format!("substation {at} is above its capacity"));
            }
            for (number, proxy) in self.proxies.iter().enumerate() {
                if let Some(ledger) = proxy.picker.ledger(at) {
                    let open = self.unanswered(number, at);
                    equal(at, "in flight", ledger.in_flight(), open)?;
                }
            }
        }
        Ok(())
    }

    /// Checks that nothing is left after the last event, and describes the first violation.
    pub fn check_rest(&self) -> Result<(), String> {
        self.check()?;
        for (at, substation) in self.fleet.iter().enumerate() {
            equal(at, "load at the end", substation.load().micros(), 0)?;
            for proxy in &self.proxies {
                let estimate = proxy.picker.ledger(at).map(Ledger::estimate);
                let estimate = estimate.unwrap_or_default().micros();
                equal(at, "estimate at the end", estimate, 0)?;
            }
        }
        Ok(())
    }

    fn check_feeders(&self) -> Result<(), String> {
        let (parents, of) = self.fleet.shape();
        let mut sums = vec![(0, 0); parents.len()];
        for (substation, feeder) in self.fleet.iter().zip(of) {
            let load = substation.load().micros();
            let mut next = feeder;
            while let Some((at, sum)) = next.and_then(|at| Some((at, sums.get_mut(at)?))) {
                sum.0 += load;
                sum.1 += substation.load_with_incoming().micros() - load;
                next = parents.get(at).copied().flatten();
            }
        }
        for (at, (feeder, (load, incoming))) in self.fleet.feeders().zip(sums).enumerate() {
            let is = feeder.members().micros();
            let on_its_way = feeder.load_with_incoming().micros() - feeder.load().micros();
            if (is, on_its_way) != (load, incoming) {
                return Err(format!(
                    "feeder {at}: {is} and {on_its_way} on its way, not {load} and {incoming}"
                ));
            }
        }
        Ok(())
    }

    /// The greatest difference between the loads of two substations, in units.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let loads = || self.fleet.iter().map(|s: &Substation| s.load().units());
        loads().fold(0.0, f64::max) - loads().fold(f64::INFINITY, f64::min)
    }

    /// The running and the incoming load of a substation, according to the planned events.
    fn planned(&self, at: usize) -> (i64, i64) {
        let mut running = 0;
        let mut incoming = 0;
        for event in self.queue.iter() {
            match event {
                Event::Departure { booking, .. }
                    if booking.at == at && self.fleet.is_running(*booking) =>
                {
                    running += booking.power.micros();
                }
                Event::Request { pick, car } if pick.at == at => {
                    incoming += car.session.power.micros();
                }
                _ => {}
            }
        }
        for (booking, _) in self.all_served().filter(|(booking, _)| booking.at == at) {
            running += booking.power.micros();
        }
        (running, incoming)
    }

    fn unanswered(&self, number: usize, at: usize) -> u64 {
        let mut count = 0;
        for event in self.queue.iter() {
            if let Event::Request { car, pick }
            | Event::Answer { car, pick, .. }
            | Event::Departure {
                held: Some(Held { car, pick }),
                ..
            } = event
            {
                count += u64::from(car.proxy == number && pick.at == at);
            }
        }
        let held = self.all_served().filter_map(|(_, held)| held.as_ref());
        let own = held.filter(|held| held.car.proxy == number && held.pick.at == at);
        count + own.map(|_| 1).sum::<u64>()
    }

    /// The sessions of substations that slow down.
    fn all_served(&self) -> impl Iterator<Item = &(Booking, Option<Held>)> {
        self.served.iter().flat_map(Served::sessions)
    }
}

fn equal<T: Copy + PartialEq + std::fmt::Display>(
    at: usize,
    what: &str,
    is: T,
    should_be: T,
) -> Result<(), String> {
    if is == should_be {
        return Ok(());
    }
    Err(format!("substation {at}: {what} is {is}, not {should_be}"))
}
