//! The path of a request: a pick, a booking, an answer.

use switchyard_balance::{Lasts, Load};

use super::{Simulation, travel};
use crate::event::{Car, Event, Held};
use crate::fleet::Booking;
use crate::picker::{Pick, World};

impl Simulation {
    /// A car arrives.
    pub(super) fn arrive(&mut self) {
        let (proxy, session) = self.workload.arrival();
        self.requests += 1;
        self.ask(Car {
            number: self.requests,
            proxy,
            session,
            is_back: false,
        });
    }

    /// A car asks, and its proxy picks a substation.
    pub(super) fn ask(&mut self, car: Car) {
        let may_enter = self.may_enter(car);
        let pick = may_enter.then(|| self.pick(car.proxy, car.session.power));
        if let Some(pick) = pick.flatten() {
            self.open += 1;
            self.fleet.add_incoming(pick.at, car.session.power);
            let travel = travel(self.scenario.answer, &mut self.rng.answers);
            self.queue
                .plan(self.now + travel, Event::Request { car, pick });
        } else {
            self.refused += 1;
            self.refuse(car, !may_enter);
        }
        self.probe(car.proxy);
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
    pub(super) fn request(&mut self, car: Car, pick: Pick) {
        let (pick_at, proxy) = (pick.at, car.proxy);
        let Some(booking) = self.fleet.book(pick.at, car.session.power) else {
            self.refused += 1;
            self.send_answer(car, pick, false);
            return;
        };
        self.open += 1;
        self.returns.found_room += u64::from(car.is_back);
        let held = match self.scenario.lasts {
            Lasts::Session => {
                self.send_answer(car, pick, true);
                None
            }
            Lasts::Answer => Some(Held { car, pick }),
        };
        let lasts = self.scenario.gauges.lasts(car.session.length, pick_at);
        if self.scenario.slows_at.is_some() {
            self.serve(pick_at, lasts, booking, held);
        } else {
            let event = Event::Departure { booking, held };
            self.queue.plan(self.now + lasts, event);
        }
        self.load_changed();
        self.note_booking(pick_at, proxy);
    }

    /// A session is over. If the substation held its request until now, the answer leaves.
    pub(super) fn depart(&mut self, booking: Booking, held: Option<Held>) {
        self.open -= 1;
        if let Some(held) = held {
            self.send_answer(held.car, held.pick, true);
        }
        if self.fleet.depart(booking) {
            self.load_changed();
        }
    }

    /// The answer leaves the substation.
    pub(super) fn send_answer(&mut self, car: Car, pick: Pick, booked: bool) {
        let travel = travel(self.scenario.answer, &mut self.rng.answers);
        let event = Event::Answer { car, pick, booked };
        self.queue.plan(self.now + travel, event);
    }

    /// The answer reaches the proxy.
    pub(super) fn answer(&mut self, car: Car, pick: Pick, booked: bool) {
        self.open -= 1;
        if let Some(proxy) = self.proxies.get_mut(car.proxy) {
            let at = pick.at;
            proxy.picker.answered(pick, car.session.power, booked);
            if booked && self.scenario.lasts == Lasts::Session {
                proxy.picker.lasts_for(at, car.session, self.now);
            }
        }
        if booked {
            if self.scenario.lasts == Lasts::Session {
                self.note_end(car);
            }
        } else {
            self.refuse(car, false);
        }
    }
}
