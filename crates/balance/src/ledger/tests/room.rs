//! No capacity is passed, however requests, answers and scrapes interleave.

use proptest::{collection, prelude::any, prop_assert, proptest};

use super::load;
use crate::{Lasts, Ledger, Load, Reading, ledger::ScrapeSent};

/// The stages of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Reserved, and on its way.
    Sent,
    /// Borne by the upstream.
    Borne,
    /// The answer is on its way.
    Answered,
    /// The proxy has the answer.
    Over,
}

/// The stages of a scrape.
#[derive(Debug)]
enum Scrape {
    Sent(ScrapeSent),
    Read(ScrapeSent, Reading),
}

/// One upstream of 20 that holds no more than it is sent, a ledger, and any order of events.
struct World {
    lasts: Lasts,
    ledger: Ledger,
    requests: Vec<(Request, Load)>,
    scrape: Option<Scrape>,
}

const CAPACITY: f64 = 20.0;

impl World {
    fn new(lasts: Lasts) -> Self {
        let ledger = Ledger::new(Some(load(CAPACITY)));
        ledger.set_lasts(lasts);
        Self {
            lasts,
            ledger,
            requests: Vec::new(),
            scrape: None,
        }
    }

    /// What the upstream bears.
    fn truth(&self) -> i64 {
        let bears = |(stage, _): &&(Request, Load)| match self.lasts {
            Lasts::Answer => *stage == Request::Borne,
            Lasts::Session => *stage != Request::Sent,
        };
        let borne = self.requests.iter().filter(bears);
        borne.map(|(_, load)| load.micros()).sum()
    }

    fn step(&mut self, event: u8, which: usize, units: u32) {
        match event {
            0 | 1 => {
                let load = load(f64::from(units));
                let assigned = self.ledger.assigned();
                if self.ledger.has_room(assigned, load) && self.ledger.reserve_from(assigned, load)
                {
                    self.requests.push((Request::Sent, load));
                }
            }
            2..=4 => {
                let stage = match event {
                    2 => Request::Sent,
                    3 => Request::Borne,
                    _ => Request::Answered,
                };
                let mut at = self.requests.iter_mut().filter(|(s, _)| *s == stage);
                let count = at.by_ref().count();
                if count == 0 {
                    return;
                }
                let mut at = self.requests.iter_mut().filter(|(s, _)| *s == stage);
                let Some(request) = at.nth(which % count) else {
                    return;
                };
                request.0 = match stage {
                    Request::Sent => Request::Borne,
                    Request::Borne => Request::Answered,
                    _ => {
                        self.ledger.booked(request.1);
                        Request::Over
                    }
                };
            }
            _ => {
                self.scrape = match self.scrape.take() {
                    None => Some(Scrape::Sent(self.ledger.scrape_sent())),
                    Some(Scrape::Sent(sent)) => {
                        let reading = Reading {
                            load: Load::from_micros(self.truth()),
                            capacity: None,
                        };
                        Some(Scrape::Read(sent, reading))
                    }
                    Some(Scrape::Read(sent, reading)) => {
                        self.ledger.sample(sent, reading);
                        None
                    }
                };
            }
        }
    }
}

proptest! {
    #[test]
    fn own_bookings_never_pass_a_capacity(
        events in collection::vec((0_u8..8, any::<usize>(), 1_u32..6), 1..400),
        answer in any::<bool>(),
    ) {
        let mut world = World::new(if answer { Lasts::Answer } else { Lasts::Session });
        for (event, which, units) in events {
            world.step(event, which, units);
            let on_their_way = world.requests.iter().filter(|(stage, _)| *stage == Request::Sent);
            let coming: i64 = on_their_way.map(|(_, load)| load.micros()).sum();
            prop_assert!(world.truth() + coming <= load(CAPACITY).micros(), "{:?}", world.requests);
        }
    }

    #[test]
    fn nothing_is_refused_for_longer_than_one_sample(
        events in collection::vec((0_u8..8, any::<usize>(), 1_u32..6), 1..400),
        answer in any::<bool>(),
    ) {
        let mut world = World::new(if answer { Lasts::Answer } else { Lasts::Session });
        for (event, which, units) in events {
            world.step(event, which, units);
        }
        // All that is under way comes to its end, then one scrape is sent and read.
        for stage in 2..=4 {
            for _ in 0..world.requests.len() {
                world.step(stage, 0, 1);
            }
        }
        let truth = Load::from_micros(world.truth());
        world.ledger.sample(world.ledger.scrape_sent(), Reading { load: truth, capacity: None });
        let left = load(CAPACITY).micros() - truth.micros();
        if left > 0 {
            prop_assert!(world.ledger.has_room(world.ledger.assigned(), Load::from_micros(left)));
        }
    }
}
