//! The estimate beside a slow model: lists of requests with their moments, in place of sums.

use std::sync::Arc;

use proptest::{collection, prelude::any, prop_assert_eq, proptest};

use crate::{Lasts, Ledger, Load, Reading, Reservation, ledger::ScrapeSent};

const CAPACITY: i64 = 1_000_000;

/// How a reservation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Booked,
    Cancelled,
    Unknown,
    /// Dropped after its answer had begun.
    Cut,
}

/// What the model knows of one request.
#[derive(Clone, Copy, Debug)]
struct Request {
    load: i64,
    lasts: Lasts,
    reserved: usize,
    ended: Option<(usize, End)>,
}

impl Request {
    /// Whether it is in `assigned` at `moment`.
    fn counts(&self, moment: usize) -> bool {
        self.reserved < moment
            && match self.ended {
                Some((at, End::Cancelled)) => at > moment,
                Some((at, End::Booked | End::Cut)) if self.lasts == Lasts::Answer => at > moment,
                _ => true,
            }
    }

    /// Whether it is under way at `moment`.
    fn is_under_way(&self, moment: usize) -> bool {
        self.reserved < moment && self.ended.is_none_or(|(at, _)| at > moment)
    }

    /// Whether it is taken for a session, and not known to be in a gauge that is asked for at `moment`.
    fn is_unsettled(&self, moment: usize) -> bool {
        self.ended.is_none_or(|(at, _)| at > moment)
    }
}

#[derive(Default)]
struct Model {
    now: usize,
    requests: Vec<Request>,
    /// What there is beyond own load that ends with its answer, and the most of it; and what the sessions made of both
    /// since.
    rest: i64,
    most: i64,
    sampled: bool,
}

impl Model {
    fn sum(&self, of: impl Fn(&Request) -> bool) -> i64 {
        let requests = self.requests.iter().filter(|one| of(one));
        requests.map(|one| one.load).sum()
    }

    fn answers(&self) -> i64 {
        self.sum(|one| one.lasts == Lasts::Answer && one.is_under_way(self.now))
    }

    fn estimate(&self) -> i64 {
        (self.rest + self.answers()).max(0)
    }

    fn sample(&mut self, sent: usize, value: i64) {
        let now = self.now;
        let of_answers = |one: &Request| one.lasts == Lasts::Answer;
        let reserved = |by| self.sum(|one| of_answers(one) && one.reserved < by);
        let ended = |by| {
            let is_over = |one: &Request| one.ended.is_some_and(|(at, _)| at < by);
            self.sum(|one| of_answers(one) && is_over(one))
        };
        let least = (reserved(sent) - ended(now)).max(0);
        let most = (reserved(now) - ended(sent)).max(0);
        let ambiguous = self.sum(|one| {
            let is_session = !(of_answers(one) && one.is_under_way(now));
            is_session && one.counts(now) && one.is_unsettled(sent)
        });
        let (lowest, shown) = ((value - most).max(0), (value - least).max(0));
        let middle = (value - least - (most - least) / 2).max(0);
        let expected = if self.sampled {
            self.rest
        } else {
            i64::midpoint(middle, middle + ambiguous)
        };
        self.rest = expected.clamp(lowest, shown + ambiguous);
        self.most = shown + ambiguous;
        self.sampled = true;
    }

    /// What the end of a request changes in the rest.
    fn end(&mut self, at: usize, end: End) {
        let now = self.now;
        let request = &mut self.requests[at];
        request.ended = Some((now, end));
        let (load, lasts) = (request.load, request.lasts);
        let change = match (lasts, end) {
            (Lasts::Session, End::Cancelled) => -load,
            // It may be borne, so it counts with what a gauge has to show.
            (Lasts::Answer, End::Unknown) => load,
            _ => 0,
        };
        self.rest += change;
        self.most += change;
    }

    fn reserve(&mut self, load: i64, lasts: Lasts) {
        self.requests.push(Request {
            load,
            lasts,
            reserved: self.now,
            ended: None,
        });
        if lasts == Lasts::Session {
            self.rest += load;
            self.most += load;
        }
    }
}

/// The ledger and the model, with what is open in both.
struct Both {
    rule: Lasts,
    ledger: Arc<Ledger>,
    model: Model,
    open: Vec<(usize, Reservation<Ledger>, bool)>,
    scrape: Option<(ScrapeSent, usize)>,
}

impl Both {
    fn new(rule: Lasts) -> Self {
        let ledger = Ledger::new(Some(Load::from_micros(CAPACITY)));
        ledger.set_lasts(rule);
        let both = Self {
            rule,
            ledger: Arc::new(ledger),
            model: Model::default(),
            open: Vec::new(),
            scrape: None,
        };
        // From here on it bears load of both kinds.
        Reservation::of(Arc::clone(&both.ledger), Load::ZERO)
            .lasting(Lasts::Answer)
            .cancel();
        both
    }

    fn reserve(&mut self, micros: i64, told: Option<Lasts>) {
        let reservation = Reservation::of(Arc::clone(&self.ledger), Load::from_micros(micros));
        let reservation = match told {
            Some(lasts) => reservation.lasting(lasts),
            None => reservation,
        };
        self.open
            .push((self.model.requests.len(), reservation, false));
        self.model.reserve(micros, told.unwrap_or(self.rule));
    }

    fn end(&mut self, which: usize, how: u8) {
        if self.open.is_empty() {
            return;
        }
        let (at, mut reservation, mut has_begun) = self.open.swap_remove(which % self.open.len());
        let end = match how % 5 {
            0 | 1 => End::Booked,
            2 => End::Cancelled,
            3 => End::Unknown,
            _ => {
                reservation.begun();
                has_begun = true;
                End::Cut
            }
        };
        match end {
            End::Booked => reservation.booked(),
            End::Cancelled => reservation.cancel(),
            End::Unknown | End::Cut => drop(reservation),
        }
        let end = if end == End::Unknown && has_begun {
            End::Cut
        } else {
            end
        };
        self.model.end(at, end);
    }

    fn step(&mut self, event: u8, which: usize, micros: i64) {
        self.model.now += 1;
        match event {
            0..=5 => {
                let told = [None, Some(Lasts::Answer), Some(Lasts::Session)];
                self.reserve(micros, told[which % 3]);
            }
            6..=10 => self.end(which, event + u8::try_from(which % 5).unwrap()),
            11 => {
                if !self.open.is_empty() {
                    let at = which % self.open.len();
                    self.open[at].1.begun();
                    self.open[at].2 = true;
                }
            }
            _ => match self.scrape.take() {
                None => self.scrape = Some((self.ledger.scrape_sent(), self.model.now)),
                Some((sent, at)) => {
                    let value = i64::try_from(which % 50).unwrap();
                    let reading = Reading {
                        load: Load::from_micros(value),
                        capacity: None,
                    };
                    self.ledger.sample(sent, reading);
                    self.model.sample(at, value);
                }
            },
        }
        // Between two events.
        self.model.now += 1;
    }
}

proptest! {
    #[test]
    fn the_sums_say_what_lists_of_all_requests_say(
        events in collection::vec((0_u8..15, any::<usize>(), 0_i64..12), 1..300),
        is_session in any::<bool>(),
    ) {
        let mut both = Both::new(if is_session { Lasts::Session } else { Lasts::Answer });
        for (event, which, micros) in events {
            both.step(event, which, micros);
            let Both { ledger, model, .. } = &both;
            prop_assert_eq!(ledger.estimate().micros(), model.estimate());
            let most = model.most + model.answers();
            prop_assert_eq!(ledger.room(), (CAPACITY - most).max(0));
        }
        let waiting = both.open.iter().filter(|(_, _, has_begun)| !has_begun).count();
        prop_assert_eq!(both.ledger.awaiting(), waiting as u64);
        prop_assert_eq!(both.ledger.in_flight(), both.open.len() as u64);
    }
}
