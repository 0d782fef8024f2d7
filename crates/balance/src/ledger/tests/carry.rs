//! What one process has booked is known in the next, once, however its requests, scrapes and answers interleave.

use std::{sync::Arc, time::Duration};

use proptest::{collection, prelude::any, prop_assert, prop_assert_eq, proptest};

use super::{load, reading};
use crate::{
    Lasts, LastsEstimator, Ledger, Load, Reading, RequestLimit, Reservation, Roster,
    ShareEstimator, Standing, Trust,
    ledger::{CarriedLedger, Carrier, ScrapeSent},
    visibility::History,
};

const CAPACITY: f64 = 20.0;
const NOW: Duration = Duration::from_secs(7);

/// The stages of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Reserved, and on its way.
    Sent,
    /// Borne by the upstream.
    Borne,
    /// The proxy has the answer.
    Answered,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    is_old: bool,
    stage: Stage,
    load: Load,
}

/// One process with its scrape under way, if there is one.
struct Process {
    ledger: Ledger,
    scrape: Option<(ScrapeSent, usize, Option<Reading>)>,
    /// When the scrape of its last sample was sent, and when it came.
    sampled: Option<(usize, usize)>,
}

/// An old process and a new one before one upstream, which bears sessions.
struct World {
    time: usize,
    requests: Vec<Request>,
    old: Process,
    new: Process,
    /// What the old one has left, and when its last sample had come.
    carried: Option<(CarriedLedger, Option<usize>)>,
    is_restored: bool,
}

impl Process {
    fn new() -> Self {
        Self {
            ledger: Ledger::new(Some(load(CAPACITY))),
            scrape: None,
            sampled: None,
        }
    }

    /// A scrape is sent, read, or comes.
    fn scrape(&mut self, truth: i64, time: usize) {
        self.scrape = match self.scrape.take() {
            None => Some((self.ledger.scrape_sent(), time, None)),
            Some((sent, at, None)) => {
                let reading = Reading {
                    load: Load::from_micros(truth),
                    capacity: None,
                };
                Some((sent, at, Some(reading)))
            }
            Some((sent, at, Some(reading))) => {
                self.ledger.sample(sent, reading);
                self.sampled = Some((at, time));
                None
            }
        };
    }

    fn reserve(&self, load: Load) -> bool {
        let assigned = self.ledger.assigned();
        self.ledger.has_room(assigned, load) && self.ledger.reserve_from(assigned, load)
    }

    fn most(&self) -> i64 {
        self.ledger.most_from(self.ledger.assigned())
    }
}

impl World {
    fn new() -> Self {
        Self {
            time: 0,
            requests: Vec::new(),
            old: Process::new(),
            new: Process::new(),
            carried: None,
            is_restored: false,
        }
    }

    fn borne(&self) -> i64 {
        let borne = self.requests.iter().filter(|one| one.stage != Stage::Sent);
        borne.map(|one| one.load.micros()).sum()
    }

    /// What the upstream bears, and what is on its way to it.
    fn coming(&self) -> i64 {
        self.requests.iter().map(|one| one.load.micros()).sum()
    }

    fn process(&mut self, is_old: bool) -> &mut Process {
        if is_old { &mut self.old } else { &mut self.new }
    }

    fn step(&mut self, event: u8, which: usize, units: u32) {
        self.time += 1;
        let is_old = which.is_multiple_of(2);
        match event {
            0..=2 => {
                let load = load(f64::from(units));
                // The old one takes requests until it has left what it knows, and the new one from then on.
                let is_old = self.carried.is_none();
                if (is_old || self.is_restored) && self.process(is_old).reserve(load) {
                    self.requests.push(Request {
                        is_old,
                        stage: Stage::Sent,
                        load,
                    });
                }
            }
            3..=5 => {
                let stage = if event == 3 {
                    Stage::Sent
                } else {
                    Stage::Borne
                };
                let at = (0..self.requests.len()).filter(|at| self.requests[*at].stage == stage);
                let at: Vec<_> = at.collect();
                let Some(at) = at.get(which % at.len().max(1)) else {
                    return;
                };
                self.go_on(*at);
            }
            6 => {
                // A session ends.
                let is_over = |one: &Request| one.stage == Stage::Answered;
                if let Some(at) = self.requests.iter().position(is_over) {
                    self.requests.remove(at);
                }
            }
            7 if self.carried.is_none() && which.is_multiple_of(8) => {
                let came = self.old.sampled.map(|(_, came)| came);
                self.carried = Some((self.old.ledger.carry(NOW), came));
            }
            8 if !self.is_restored => self.restore(true),
            _ => {
                let (truth, time) = (self.borne(), self.time);
                self.process(is_old).scrape(truth, time);
            }
        }
    }

    /// The next stage of a request.
    fn go_on(&mut self, at: usize) {
        let Request {
            is_old,
            stage,
            load,
        } = self.requests[at];
        self.requests[at].stage = match stage {
            Stage::Sent => Stage::Borne,
            Stage::Borne | Stage::Answered => {
                self.process(is_old).ledger.booked(load);
                Stage::Answered
            }
        };
    }

    fn is_own_newer(&self, came: Option<usize>) -> bool {
        let sampled = self.new.sampled;
        sampled.is_some_and(|(sent, _)| came.is_none_or(|came| sent > came))
    }

    fn restore(&mut self, is_alive: bool) {
        let Some((carried, came)) = &self.carried else {
            return;
        };
        let by = Carrier {
            now: NOW,
            is_alive,
            is_own_newer: self.is_own_newer(*came),
            ..Carrier::default()
        };
        self.new.ledger.restore(carried, by);
        self.is_restored = true;
    }

    /// All that is under way comes to its end.
    fn finish(&mut self) {
        for at in 0..self.requests.len() {
            while self.requests[at].stage != Stage::Answered {
                self.go_on(at);
            }
        }
        self.new.ledger.predecessor_ended();
        while self.new.scrape.is_some() {
            self.new.scrape(self.borne(), self.time);
        }
    }
}

proptest! {
    #[test]
    fn the_load_is_never_above_what_the_next_process_takes_for_the_most(
        events in collection::vec((0_u8..12, any::<usize>(), 1_u32..6), 1..400),
    ) {
        let mut world = World::new();
        for (event, which, units) in events {
            world.step(event, which, units);
            prop_assert!(world.coming() <= load(CAPACITY).micros());
            if world.is_restored {
                prop_assert!(world.coming() <= world.new.most(), "{:?}", world.requests);
            }
        }
    }

    #[test]
    fn the_next_process_goes_on_from_the_estimate_and_after_a_sample_nothing_counts_twice(
        events in collection::vec((0_u8..12, any::<usize>(), 1_u32..6), 1..200),
        later in collection::vec((0_u8..7, any::<usize>(), 1_u32..6), 0..40),
        is_alive in any::<bool>(),
    ) {
        let mut world = World::new();
        for (event, which, units) in events {
            if event != 8 {
                world.step(event, which, units);
            }
        }
        let came = world.old.sampled.map(|(_, came)| came);
        let left = world.carried.get_or_insert_with(|| (world.old.ledger.carry(NOW), came));
        let (carried, came) = left.clone();
        let own = world.new.ledger.value().filter(|_| world.is_own_newer(came) || !carried.is_sampled);
        if !is_alive {
            // Its requests are lost with it.
            world.requests.retain(|one| one.stage != Stage::Sent);
        }
        world.restore(is_alive);
        let estimate = world.new.ledger.estimate().micros();
        match own {
            None => prop_assert_eq!(estimate, carried.estimate),
            Some(own) => {
                let unseen = carried.most - carried.certain;
                let nearest = carried.estimate.clamp(own.micros(), own.micros() + unseen);
                prop_assert_eq!(estimate, nearest);
            }
        }
        if carried.is_sampled || own.is_some() {
            prop_assert!(!world.new.ledger.weight().is_nan(), "it is a candidate at once");
        }
        if is_alive {
            for (event, which, units) in later {
                world.step(event, which, units);
            }
        }
        world.finish();
        let truth = Load::from_micros(world.borne());
        let sent = world.new.ledger.scrape_sent();
        world.new.ledger.sample(sent, Reading { load: truth, capacity: None });
        prop_assert_eq!(world.new.ledger.estimate(), truth);
        prop_assert_eq!(world.new.most(), truth.micros());
        prop_assert_eq!(world.new.ledger.in_flight(), 0);
    }
}

fn sample(ledger: &Ledger, units: f64) {
    ledger.sample(ledger.scrape_sent(), reading(units));
}

fn book(ledger: &Arc<Ledger>, units: f64) {
    Reservation::of(Arc::clone(ledger), load(units)).booked();
}

const ALIVE: Carrier = Carrier {
    ago: Duration::ZERO,
    now: NOW,
    is_alive: true,
    is_own_newer: false,
};

/// A ledger of sessions with a sample of 10, and then a booking of 4 and a request of 3 that is under way.
fn busy() -> (Arc<Ledger>, Reservation<Ledger>) {
    let old = Arc::new(Ledger::new(Some(load(100.0))));
    sample(&old, 10.0);
    book(&old, 4.0);
    let under_way = Reservation::of(Arc::clone(&old), load(3.0));
    (old, under_way)
}

#[test]
fn without_an_own_sample_the_next_process_goes_on_as_the_one_before() {
    let (old, _under_way) = busy();
    let new = Ledger::default();
    new.restore(&old.carry(NOW), ALIVE);
    assert_eq!(new.estimate(), load(17.0));
    assert_eq!(new.value(), Some(load(10.0)));
    assert_eq!(new.capacity(), Some(load(100.0)));
    assert_eq!(new.room(), load(83.0).micros());
    // What the old one waits for may come after the next scrape, and then before the one after that.
    sample(&new, 14.0);
    assert_eq!(new.estimate(), load(17.0));
    new.predecessor_ended();
    sample(&new, 17.0);
    assert_eq!(
        (new.estimate(), new.room()),
        (load(17.0), load(83.0).micros())
    );
    new.predecessor_ended();
    sample(&new, 17.0);
    assert_eq!(new.estimate(), load(17.0), "it ends once");
}

#[test]
fn a_newer_sample_goes_before_the_old_one_and_allows_what_it_may_lack() {
    for (value, estimate) in [(9.0, 16.0), (12.0, 17.0), (17.0, 17.0), (30.0, 30.0)] {
        let (old, _under_way) = busy();
        let new = Ledger::new(Some(load(100.0)));
        sample(&new, value);
        let newer = Carrier {
            is_own_newer: true,
            ..ALIVE
        };
        new.restore(&old.carry(NOW), newer);
        assert_eq!(new.estimate(), load(estimate), "{value}");
        assert_eq!(new.room(), load(100.0 - value - 7.0).micros(), "{value}");
        assert_eq!(new.value(), Some(load(value)));
    }
}

#[test]
fn a_scrape_that_was_under_way_may_lack_what_the_old_sample_had() {
    let old = Arc::new(Ledger::new(Some(load(100.0))));
    let new = Ledger::new(Some(load(100.0)));
    sample(&old, 10.0);
    // The new one's scrape is read before this booking, and comes long after it.
    let sent = new.scrape_sent();
    book(&old, 4.0);
    sample(&old, 14.0);
    new.restore(&old.carry(NOW), ALIVE);
    new.sample(sent, reading(10.0));
    assert_eq!(new.estimate(), load(14.0));
    assert_eq!(new.room(), load(86.0).micros());
    sample(&new, 10.0);
    assert_eq!(new.estimate(), load(10.0), "it has ended meanwhile");
}

#[test]
fn the_requests_of_a_process_that_is_gone_are_in_the_next_sample_or_nowhere() {
    let (old, _under_way) = busy();
    let new = Ledger::default();
    let gone = Carrier {
        is_alive: false,
        ..ALIVE
    };
    new.restore(&old.carry(NOW), gone);
    assert_eq!(new.estimate(), load(17.0));
    sample(&new, 14.0);
    assert_eq!(new.estimate(), load(14.0));
}

#[test]
fn a_silent_gauge_stays_as_it_was_extrapolated() {
    let old = Ledger::new(Some(load(100.0)));
    sample(&old, 40.0);
    old.extrapolate(-0.5);
    let new = Ledger::default();
    new.restore(&old.carry(NOW), ALIVE);
    assert_eq!(new.estimate(), load(20.0));
    assert_eq!(new.value(), Some(load(40.0)));
    assert_eq!(new.room(), load(60.0).micros(), "a guess makes no room");
    assert!(new.is_sampled() && new.is_in());
    new.extrapolate(-0.5);
    assert_eq!(new.estimate(), load(10.0), "it goes on");
}

#[test]
fn where_load_ends_with_its_answer_the_old_estimate_is_load_of_others_until_the_next_sample() {
    let old = Arc::new(Ledger::new(Some(load(100.0))));
    old.set_lasts(Lasts::Answer);
    sample(&old, 10.0);
    let under_way = [3.0, 4.0].map(|units| Reservation::of(Arc::clone(&old), load(units)));
    let carried = old.carry(NOW);
    let restored = |is_alive| {
        let new = Arc::new(Ledger::default());
        new.set_lasts(Lasts::Answer);
        new.restore(&carried, Carrier { is_alive, ..ALIVE });
        new
    };
    let new = restored(true);
    assert_eq!(new.estimate(), load(17.0));
    let own = Reservation::of(Arc::clone(&new), load(1.0));
    sample(&new, 18.0);
    assert_eq!(new.estimate(), load(18.0));
    drop(under_way);
    sample(&new, 11.0);
    assert_eq!(new.estimate(), load(11.0));
    own.booked();
    assert_eq!(new.estimate(), load(10.0));
    // A silent gauge does not keep what has ended.
    let silent = restored(true);
    silent.predecessor_ended();
    assert_eq!(silent.estimate(), load(10.0));
    assert_eq!(silent.room(), load(90.0).micros());
    assert_eq!(
        restored(false).estimate(),
        load(10.0),
        "its requests are gone"
    );
}

#[test]
fn a_gauge_that_is_not_believed_stays_so_and_own_sessions_end_in_time() {
    let old = Arc::new(Ledger::new(Some(load(100.0))));
    sample(&old, 0.0);
    for (units, seconds) in [(11.0, 60), (22.0, 600)] {
        book(&old, units);
        old.lasts_for(load(units), Duration::from_secs(seconds), NOW);
    }
    old.set_trust(Trust::Least, Load::ZERO, false);
    let new = Ledger::default();
    let later = Carrier {
        ago: Duration::from_secs(30),
        now: Duration::from_secs(1),
        ..ALIVE
    };
    new.restore(&old.carry(NOW), later);
    assert_eq!((new.trust(), new.estimate()), (Trust::Least, load(33.0)));
    sample(&new, 0.0);
    assert_eq!(new.estimate(), load(33.0), "whatever the gauge says");
    let live = |seconds| {
        let now = Duration::from_secs(seconds);
        new.own_live(now, now).unwrap().most
    };
    // The first one had 30 s to go.
    assert_eq!(live(31), load(33.0).micros());
    assert_eq!(live(60), load(22.0).micros());
    assert_eq!(live(900), 0);
}

#[test]
fn what_a_late_gauge_may_lack_is_not_taken_for_shown() {
    let old = Arc::new(Ledger::default());
    sample(&old, 10.0);
    book(&old, 5.0);
    let new = Ledger::default();
    new.restore(
        &old.carry(NOW),
        Carrier {
            is_alive: false,
            ..ALIVE
        },
    );
    let history = History::new(Duration::from_secs(30), &new);
    let sent = history.scrape_sent(new.scrape_sent(), Duration::from_secs(1));
    new.sample(sent, reading(10.0));
    assert_eq!(new.estimate(), load(15.0));
}

#[test]
fn numbers_that_no_ledger_has_do_no_harm() {
    let worst = CarriedLedger {
        is_sampled: true,
        gauge: i64::MIN,
        certain: i64::MIN,
        value: i64::MAX,
        estimate: i64::MAX,
        most: i64::MIN,
        under_way: i64::MAX,
        capacity: Some(i64::MIN),
        beside_own: i64::MAX,
        own_ends: vec![(u32::MAX, i64::MAX), (0, i64::MIN)],
        ..CarriedLedger::default()
    };
    for lasts in Lasts::ALL {
        let new = Ledger::default();
        new.set_lasts(lasts);
        new.restore(&worst, ALIVE);
        new.predecessor_ended();
        sample(&new, 5.0);
        assert_eq!(new.estimate(), load(5.0), "{lasts}");
        assert_eq!(new.request_limit(), RequestLimit::Unlimited);
    }
}

/// Two upstreams, each of which has bookings of one process in each round.
struct Fleet {
    roster: Roster<Ledger>,
    loads: Vec<f64>,
}

impl Fleet {
    fn new() -> Self {
        let ledger = || Arc::new(Ledger::new(Some(load(100_000.0))));
        Self {
            roster: Roster::new([ledger(), ledger()]),
            loads: vec![0.0, 100.0],
        }
    }

    fn book(&mut self, times: usize) {
        for (upstream, load) in self.roster.iter().zip(&mut self.loads) {
            for _ in 0..times {
                book(upstream, 1.0);
                *load += 1.0;
            }
        }
    }

    fn sample(&self) {
        for (upstream, load) in self.roster.iter().zip(&self.loads) {
            upstream.set_standing(Standing::In);
            sample(upstream, *load);
        }
    }
}

#[test]
fn estimators_see_no_bookings_of_others_and_no_load_that_ended_in_a_restore() {
    for has_own_sample in [false, true] {
        let (mut old, new) = (Fleet::new(), Fleet::new());
        let mut share = ShareEstimator::new();
        for _ in 0..20 {
            old.book(10);
            old.sample();
            share.round(&old.roster);
        }
        assert!(share.is_alone());
        let mut new = Fleet {
            loads: old.loads.clone(),
            ..new
        };
        let (mut share, mut lasts) = (ShareEstimator::new(), LastsEstimator::new());
        if has_own_sample {
            new.sample();
            share.round(&new.roster);
            lasts.round(&new.roster);
        }
        // The old one books after its last sample, and after the new one's.
        old.book(40);
        new.loads.clone_from(&old.loads);
        for (old, new) in old.roster.iter().zip(new.roster.iter()) {
            let is_own_newer = has_own_sample;
            new.restore(
                &old.carry(NOW),
                Carrier {
                    is_own_newer,
                    ..ALIVE
                },
            );
        }
        // What it books last, it leaves to the gauges.
        new.loads.iter_mut().for_each(|load| *load += 5.0);
        for _ in 0..20 {
            let round = share.round(&new.roster);
            assert!(share.is_alone(), "own sample: {has_own_sample}");
            assert!(round.drift.abs() < 1e-9, "{}", round.drift);
            assert_eq!(lasts.round(&new.roster), None);
            new.book(10);
            new.sample();
        }
    }
}

#[test]
fn a_share_goes_on_as_it_was_learned() {
    let mut learned = ShareEstimator::new().carry();
    learned.share = 0.4;
    learned.quiet_rounds = 3;
    learned.own_towards_gaps = 2.0;
    learned.all_towards_gaps = 5.0;
    let mut next = ShareEstimator::new();
    next.restore(learned);
    assert_eq!(next.carry(), learned);
    for unsound in [f64::NAN, 2.0, -1.0] {
        next.restore(crate::carried::CarriedShare {
            share: unsound,
            ..learned
        });
        assert_eq!(next.carry(), learned);
    }
}
