//! The path of a request: a pick, a booking, an answer.

use switchyard_balance::Load;

use super::{Simulation, travel};
use crate::event::Event;
use crate::fleet::Session;
use crate::picker::{Pick, World};

impl Simulation {
    /// A car arrives, and its proxy picks a substation.
    pub(super) fn arrive(&mut self) {
        let (number, session) = self.workload.arrival();
        self.requests += 1;
        if let Some(pick) = self.pick(number, session.power) {
            self.open += 1;
            self.fleet.add_incoming(pick.at, session.power);
            let travel = travel(self.scenario.answer, &mut self.rng.answers);
            let event = Event::Request {
                proxy: number,
                pick,
                session,
            };
            self.queue.plan(self.now + travel, event);
        } else {
            self.refused += 1;
        }
        self.probe(number);
    }

    fn pick(&mut self, proxy: usize, power: Load) -> Option<Pick> {
        let world = World {
            now: self.now,
            fleet: &self.fleet,
        };
        let picker = &mut self.proxies.get_mut(proxy)?.picker;
        picker.pick(power, &world, &mut self.rng.choices)
    }

    /// The request reaches its substation, which books it, or refuses it if it is full.
    pub(super) fn request(&mut self, proxy: usize, pick: Pick, session: Session) {
        let booking = self.fleet.book(pick.at, session.power);
        if let Some(booking) = booking {
            self.open += 1;
            let event = Event::Departure(booking);
            self.queue.plan(self.now + session.length, event);
            self.imbalance.set(self.fleet.imbalance());
        } else {
            self.refused += 1;
        }
        let travel = travel(self.scenario.answer, &mut self.rng.answers);
        let event = Event::Answer {
            proxy,
            pick,
            session,
            booked: booking.is_some(),
        };
        self.queue.plan(self.now + travel, event);
    }
}
