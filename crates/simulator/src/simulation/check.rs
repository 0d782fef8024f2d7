//! What must hold after every event. For tests: it walks through everything that is planned.

use switchyard_balance::Ledger;

use super::Simulation;
use crate::event::Event;
use crate::fleet::Substation;

impl Simulation {
    /// What is wrong, if anything is: each substation's load is the sum of its running sessions, what is on
    /// its way to it is the sum of the requests under way, no load is above capacity, and each ledger waits
    /// for just the answers that are still to come.
    pub fn check(&self) -> Result<(), String> {
        for (at, substation) in self.fleet.iter().enumerate() {
            let (running, coming) = self.planned(at);
            let told = substation.load().micros();
            equal(at, "load", told, running)?;
            let told = substation.load_to_come().micros() - told;
            equal(at, "load to come", told, coming)?;
            if substation.load() > substation.capacity() {
                return Err(format!("substation {at} is over its capacity"));
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

    /// What is left once everything is over, if anything is.
    pub fn check_rest(&self) -> Result<(), String> {
        self.check()?;
        for (at, substation) in self.fleet.iter().enumerate() {
            equal(at, "load at the end", substation.load().micros(), 0)?;
            for proxy in &self.proxies {
                let believed = proxy.picker.ledger(at).map(Ledger::estimate);
                let believed = believed.unwrap_or_default().micros();
                equal(at, "estimate at the end", believed, 0)?;
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

    /// By what is planned: what runs on a substation, and what is on its way to it.
    fn planned(&self, at: usize) -> (i64, i64) {
        let mut running = 0;
        let mut coming = 0;
        for event in self.queue.iter() {
            match event {
                Event::Departure(booking)
                    if booking.at == at && self.fleet.is_running(*booking) =>
                {
                    running += booking.power.micros();
                }
                Event::Request { pick, session, .. } if pick.at == at => {
                    coming += session.power.micros();
                }
                _ => {}
            }
        }
        (running, coming)
    }

    fn unanswered(&self, number: usize, at: usize) -> u64 {
        let mut count = 0;
        for event in self.queue.iter() {
            if let Event::Request { proxy, pick, .. } | Event::Answer { proxy, pick, .. } = event {
                count += u64::from(*proxy == number && pick.at == at);
            }
        }
        count
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
