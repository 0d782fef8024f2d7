//! No capacity is passed by load of both kinds, however requests, answers and scrapes interleave; and after one sample
//! without any traffic the ledger knows the truth.

use std::sync::Arc;

use proptest::{collection, prelude::any, prop_assert, prop_assert_eq, proptest};

use super::super::load;
use crate::{Lasts, Ledger, Load, Reading, Reservation, ledger::ScrapeSent};

const CAPACITY: f64 = 20.0;

/// The stages of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Reserved, and on its way.
    Sent,
    /// Borne by the upstream.
    Borne,
    /// The end of the answer is on its way.
    Answered,
    /// The proxy has the answer; a session is borne.
    Over,
    /// The proxy has lost it; the upstream bears it.
    Lost,
}

struct Request {
    lasts: Lasts,
    stage: Stage,
    reservation: Option<Reservation<Ledger>>,
    load: Load,
    is_before_scrape: bool,
}

impl Request {
    fn is_borne(&self) -> bool {
        match self.stage {
            Stage::Sent => false,
            Stage::Borne | Stage::Lost => true,
            Stage::Answered | Stage::Over => self.lasts == Lasts::Session,
        }
    }
}

/// One upstream that holds no more than it is sent, a ledger, and any order of events.
struct World {
    rule: Lasts,
    ledger: Arc<Ledger>,
    requests: Vec<Request>,
    scrape: Option<(ScrapeSent, Option<Reading>)>,
}

impl World {
    fn new(rule: Lasts) -> Self {
        let ledger = Ledger::new(Some(load(CAPACITY)));
        ledger.set_lasts(rule);
        Self {
            rule,
            ledger: Arc::new(ledger),
            requests: Vec::new(),
            scrape: None,
        }
    }

    fn sum(&self, of: impl Fn(&Request) -> bool) -> i64 {
        let requests = self.requests.iter().filter(|one| of(one));
        requests.map(|one| one.load.micros()).sum()
    }

    fn truth(&self) -> i64 {
        self.sum(Request::is_borne)
    }

    fn reserve(&mut self, units: u32, which: usize) {
        let load = load(f64::from(units));
        if !self.ledger.has_room(self.ledger.assigned(), load) {
            return;
        }
        let told = [None, Some(Lasts::Answer), Some(Lasts::Session)][which % 3];
        let reservation = Reservation::of(Arc::clone(&self.ledger), load);
        self.requests.push(Request {
            lasts: told.unwrap_or(self.rule),
            stage: Stage::Sent,
            reservation: Some(match told {
                Some(lasts) => reservation.lasting(lasts),
                None => reservation,
            }),
            load,
            is_before_scrape: false,
        });
    }

    /// The next stage of one request that is at `stage`.
    fn go_on(&mut self, stage: Stage, which: usize) {
        let all: Vec<_> = (0..self.requests.len())
            .filter(|at| self.requests[*at].stage == stage)
            .collect();
        let Some(at) = all.get(which % all.len().max(1)).copied() else {
            return;
        };
        let request = &mut self.requests[at];
        request.stage = match stage {
            Stage::Sent => Stage::Borne,
            // The proxy may lose it before an answer begins.
            Stage::Borne if which.is_multiple_of(7) => {
                request.reservation.take().unwrap().unknown();
                Stage::Lost
            }
            Stage::Borne => {
                let reservation = request.reservation.as_mut().unwrap();
                if which.is_multiple_of(2) {
                    reservation.begun();
                }
                Stage::Answered
            }
            Stage::Answered => {
                request.reservation.take().unwrap().booked();
                Stage::Over
            }
            Stage::Over | Stage::Lost => {
                self.requests.remove(at);
                return;
            }
        };
    }

    fn step(&mut self, event: u8, which: usize, units: u32) {
        match event {
            0 | 1 => self.reserve(units, which),
            2 => self.go_on(Stage::Sent, which),
            3 => self.go_on(Stage::Borne, which),
            4 => self.go_on(Stage::Answered, which),
            5 => self.go_on(Stage::Over, which),
            6 => self.go_on(Stage::Lost, which),
            _ => self.scrape(),
        }
    }

    /// A scrape is sent, read, or comes. What was sent before it is borne when the gauge is read, as far as it ends with its
    /// answer, and what had ended then has come before it.
    fn scrape(&mut self) {
        for request in &mut self.requests {
            let is_waiting = request.stage == Stage::Sent && request.lasts == Lasts::Answer;
            match self.scrape {
                None => request.is_before_scrape = true,
                Some((_, None)) if is_waiting && request.is_before_scrape => {
                    request.stage = Stage::Borne;
                }
                Some(_) => request.is_before_scrape = false,
            }
        }
        let reading = Reading {
            load: Load::from_micros(self.truth()),
            capacity: None,
        };
        self.scrape = match self.scrape.take() {
            None => Some((self.ledger.scrape_sent(), None)),
            Some((sent, None)) => Some((sent, Some(reading))),
            Some((sent, Some(reading))) => {
                for _ in 0..self.requests.len() {
                    self.go_on(Stage::Answered, 1);
                }
                self.ledger.sample(sent, reading);
                None
            }
        };
    }
}

proptest! {
    #[test]
    fn no_load_of_either_kind_passes_a_capacity(
        events in collection::vec((0_u8..10, any::<usize>(), 1_u32..6), 1..400),
        is_session in any::<bool>(),
    ) {
        let mut world = World::new(if is_session { Lasts::Session } else { Lasts::Answer });
        for (event, which, units) in events {
            world.step(event, which, units);
            let coming = world.sum(|one| one.stage == Stage::Sent);
            prop_assert!(world.truth() + coming <= load(CAPACITY).micros());
        }
        // A sample without any traffic tells the truth.
        while world.scrape.is_some() {
            world.scrape();
        }
        for stage in [Stage::Sent, Stage::Borne, Stage::Answered] {
            for _ in 0..world.requests.len() {
                world.go_on(stage, 1);
            }
        }
        (0..3).for_each(|_| world.scrape());
        prop_assert_eq!(world.ledger.estimate().micros(), world.truth());
        let left = load(CAPACITY).micros() - world.truth();
        prop_assert_eq!(world.ledger.room(), left);
        prop_assert_eq!(world.ledger.in_flight(), 0);
    }
}
