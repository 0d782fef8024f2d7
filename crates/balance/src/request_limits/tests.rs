//! Limits in a small world: clients, upstreams that take a time to answer, and the real ledgers and choice.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use fastrand::Rng;

mod exact;

use super::*;
use crate::{
    Lasts, Ledger, Load, Policy, Reading, Reason, Reservation, Roster, Selector, Standing,
};

/// Nanoseconds.
type Time = u64;

const MILLISECOND: Time = 1_000_000;
const SECOND: Time = 1000 * MILLISECOND;
/// When a client gives up.
const TIMEOUT: Time = 5 * SECOND;

fn nanos(duration: Duration) -> Time {
    Time::try_from(duration.as_nanos()).unwrap()
}

/// Something that happens.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A client asks.
    Ask,
    /// A request ends: at this upstream, and when it began.
    End(usize, Time, usize),
    Look,
}

struct World {
    roster: Roster<Ledger>,
    selector: Selector,
    limits: Option<RequestLimits<usize>>,
    /// One whose gauge has been silent since then.
    frozen: Option<(usize, Time)>,
    traffic: Vec<Traffic>,
    failed: u64,
    /// How many looks found a limit.
    limited: u64,
    passed_over: u64,
    held: Vec<Option<Reservation<Ledger>>>,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    number: u64,
    rng: Rng,
}

fn sampled(load: f64, capacity: Option<f64>) -> Arc<Ledger> {
    let ledger = Ledger::default();
    let reading = Reading {
        load: Load::new(load).unwrap(),
        capacity: capacity.and_then(Load::new),
    };
    ledger.sample(ledger.scrape_sent(), reading);
    Arc::new(ledger)
}

impl World {
    fn new(upstreams: usize, has_limits: bool) -> Self {
        let roster = Roster::new((0..upstreams).map(|_| sampled(0.0, None)));
        let mut limits = RequestLimits::default();
        limits.follow(0..upstreams);
        Self {
            roster,
            selector: Selector::new(Policy::LeastLoad),
            limits: has_limits.then_some(limits),
            frozen: None,
            traffic: vec![Traffic::default(); upstreams],
            failed: 0,
            limited: 0,
            passed_over: 0,
            held: Vec::new(),
            events: BinaryHeap::new(),
            number: 0,
            rng: Rng::with_seed(7),
        }
    }

    fn at(&mut self, time: Time, event: Event) {
        self.number += 1;
        self.events.push(Reverse((time, self.number, event)));
    }

    /// Runs from `from` to `until`. An upstream takes `service` to answer, and never answers if that is `None`. With
    /// `rate` requests come at that interval, else a client asks again when it has its answer.
    fn run(
        &mut self,
        (from, until): (Time, Time),
        rate: Option<Time>,
        mut service: impl FnMut(usize, Time, &mut Rng) -> Option<Time>,
    ) {
        self.at(from, Event::Look);
        while let Some(Reverse((now, number, event))) = self.events.pop() {
            if now >= until {
                self.events.push(Reverse((now, number, event)));
                break;
            }
            match event {
                Event::Ask => {
                    let one = Load::new(1.0).unwrap();
                    let choice = self.selector.reserve(&self.roster, one, &mut self.rng);
                    let choice = choice.unwrap();
                    self.passed_over += u64::from(choice.reason == Reason::Limit);
                    let took =
                        service(choice.at, now, &mut self.rng).filter(|took| *took < TIMEOUT);
                    self.held.push(Some(choice.reservation));
                    let end = Event::End(choice.at, now, self.held.len() - 1);
                    self.at(now + took.unwrap_or(TIMEOUT), end);
                    if let Some(rate) = rate {
                        self.at(now + rate, Event::Ask);
                    }
                }
                Event::End(upstream, began, slot) => {
                    let is_answered = now - began < TIMEOUT;
                    let traffic = &mut self.traffic[upstream];
                    traffic.ended += 1;
                    traffic.answered += u64::from(is_answered);
                    traffic.seconds += Duration::from_nanos(now - began).as_secs_f64();
                    let reservation = self.held[slot].take().unwrap();
                    if is_answered {
                        reservation.booked();
                    } else {
                        self.failed += 1;
                        reservation.unknown();
                    }
                    if rate.is_none() {
                        self.at(now, Event::Ask);
                    }
                }
                Event::Look => {
                    self.look(now);
                    self.at(now + nanos(INTERVAL), Event::Look);
                }
            }
        }
        // The next run brings its own.
        self.events
            .retain(|Reverse((_, _, event))| *event != Event::Look);
    }

    fn look(&mut self, now: Time) {
        let Some(limits) = &mut self.limits else {
            return;
        };
        let frozen = self.frozen;
        let all = self.roster.iter().zip(&self.traffic).enumerate();
        let traffic = all.map(|(at, (ledger, traffic))| {
            let since = frozen.filter(|(frozen, since)| *frozen == at && *since < now);
            let unread = since.map_or(0, |(_, since)| now - since);
            ledger.is_in().then_some(Traffic {
                in_flight: ledger.in_flight(),
                capacity: ledger.capacity().map(Load::units),
                unread: Duration::from_nanos(unread).as_secs_f64(),
                ..*traffic
            })
        });
        let found = limits.look(traffic, INTERVAL);
        for (ledger, limit) in self.roster.iter().zip(found) {
            self.limited += u64::from(limit != RequestLimit::Unlimited);
            ledger.set_request_limit(limit);
        }
    }

    fn answered(&self) -> Vec<u64> {
        self.traffic
            .iter()
            .map(|traffic| traffic.answered)
            .collect()
    }

    fn all_answered(&self) -> u64 {
        self.answered().iter().sum()
    }

    /// Starts a closed loop of so many clients.
    fn clients(mut self, clients: usize) -> Self {
        for _ in 0..clients {
            self.at(0, Event::Ask);
        }
        self
    }
}

#[test]
fn a_slow_upstream_does_not_slow_a_closed_loop_down() {
    for slow in [50, 200, 1000] {
        let answered = |has_limits| {
            let mut world = World::new(3, has_limits).clients(64);
            let mut run = |from, until| {
                world.run((from, until), None, |at, _, _| {
                    Some(if at == 0 { slow } else { 1 } * MILLISECOND)
                });
                world.all_answered()
            };
            // Before the first look all clients wait for the slow one.
            let first = run(0, 2 * SECOND);
            run(2 * SECOND, 7 * SECOND) - first
        };
        // Least connections: a third of the clients wait for each.
        let least_connections = 5 * (2 * 64 / 3) * 1000;
        assert!(
            answered(false) < least_connections / 3,
            "or it tests nothing"
        );
        let with_limits = answered(true);
        assert!(
            with_limits * 10 > least_connections * 9,
            "{slow} ms: {with_limits} of {least_connections}"
        );
    }
}

#[test]
fn the_choice_goes_by_load_alone_where_all_are_equally_fast_or_slow() {
    for (mean, seconds) in [(0.2, 2), (5.0, 20), (500.0, 800)] {
        // A long tail: one in fifty takes twenty times as long.
        let service = |_: usize, _: Time, rng: &mut Rng| {
            let factor = if rng.u8(..50) == 0 { 20.0 } else { 0.6 };
            let seconds = mean / 1000.0 * factor * -f64::ln(1.0 - rng.f64());
            Some(nanos(Duration::from_secs_f64(seconds.min(4.0))))
        };
        let mut worlds = [false, true].map(|has_limits| {
            let mut world = World::new(5, has_limits).clients(64);
            world.run((0, seconds * SECOND), None, service);
            world
        });
        let [without, with] = &mut worlds;
        let looks = 5 * 20 * seconds;
        assert!(
            with.limited * 50 <= looks,
            "{mean} ms: {} of {looks}",
            with.limited
        );
        assert!(with.passed_over * 100 <= with.all_answered());
        let (without, with) = (without.all_answered(), with.all_answered());
        assert!(with * 100 >= without * 97, "{mean} ms: {with}, {without}");
    }
}

#[test]
fn an_upstream_that_hangs_gets_few_requests_more() {
    let failed = |has_limits, hangs_from| {
        let mut world = World::new(5, has_limits);
        world.at(0, Event::Ask);
        let every = 2 * MILLISECOND;
        world.run((0, 14 * SECOND), Some(every), |at, now, _| {
            (at != 0 || now < hangs_from).then_some(MILLISECOND)
        });
        world.failed
    };
    assert!(failed(false, 2 * SECOND) > 600, "or it tests nothing");
    // What came before it was noticed, and then one at a time.
    let midway = failed(true, 2 * SECOND);
    assert!(midway <= 16, "{midway}");
    let from_the_start = failed(true, 0);
    assert!(from_the_start <= 10, "{from_the_start}");
}

#[test]
fn a_newcomer_that_hangs_gets_four_requests_and_one_that_answers_its_share() {
    for hangs in [true, false] {
        let mut world = World::new(5, true);
        let newcomer = &world.roster[4];
        newcomer.set_standing(Standing::Out);
        world.at(0, Event::Ask);
        let every = 3 * MILLISECOND;
        world.run((0, 2 * SECOND), Some(every), |_, _, _| Some(MILLISECOND));
        world.roster[4].set_standing(Standing::In);
        world.run((2 * SECOND, 12 * SECOND), Some(every), |at, _, _| {
            (at != 4 || !hangs).then_some(MILLISECOND)
        });
        if hangs {
            // The first four, and one more when they have timed out.
            assert!(world.roster[4].reservations() <= 6);
        } else {
            let answered = world.answered();
            assert!(answered[4].abs_diff(answered[0]) <= 2, "{answered:?}");
        }
    }
}

#[test]
fn one_that_recovers_is_compared_by_load_alone_again() {
    let mut world = World::new(3, true).clients(16);
    world.run((0, 4 * SECOND), None, |at, now, _| {
        let is_slow = at == 0 && (SECOND..2 * SECOND).contains(&now);
        Some(if is_slow {
            200 * MILLISECOND
        } else {
            MILLISECOND
        })
    });
    let limits: Vec<_> = world.roster.iter().map(|one| one.request_limit()).collect();
    assert_eq!(limits, [RequestLimit::Unlimited; 3]);
    let answered = world.answered();
    assert!(answered[0].abs_diff(answered[1]) <= 64, "{answered:?}");
}

#[test]
fn a_slow_upstream_that_alone_has_room_is_used_and_a_hard_limit_is_kept() {
    let (one, mut rng) = (Load::new(1.0).unwrap(), Rng::with_seed(1));
    let roster = Roster::new([sampled(0.0, None), sampled(9.5, Some(10.0))]);
    let selector = Selector::new(Policy::LeastLoad);
    let mut reserve = || selector.reserve(&roster, one, &mut rng);
    roster[0].set_request_limit(RequestLimit::Soft(1));
    let held: Vec<_> = (0..5).map(|_| reserve().unwrap()).collect();
    assert!(held.iter().all(|choice| choice.at == 0));
    roster[0].set_request_limit(RequestLimit::Hard(6));
    let last = reserve().unwrap();
    assert!(reserve().is_err());
    drop(last);
    assert!(reserve().is_ok(), "room again");
}

#[test]
fn a_choice_says_when_a_limit_decided_it() {
    let (one, mut rng) = (Load::new(1.0).unwrap(), Rng::with_seed(1));
    let roster = Roster::new([sampled(0.0, None), sampled(5.0, None), sampled(9.0, None)]);
    let selector = Selector::new(Policy::LeastLoad);
    roster[0].set_request_limit(RequestLimit::Soft(1));
    let first = selector.reserve(&roster, one, &mut rng).unwrap();
    assert_eq!((first.at, first.reason), (0, Reason::Policy));
    let second = selector.reserve(&roster, one, &mut rng).unwrap();
    assert_eq!((second.at, second.reason), (1, Reason::Limit));
    // The limit of one that would not have been chosen decides nothing.
    roster[0].set_request_limit(RequestLimit::Unlimited);
    roster[2].set_request_limit(RequestLimit::Soft(0));
    let third = selector.reserve(&roster, one, &mut rng).unwrap();
    assert_eq!((third.at, third.reason), (0, Reason::Policy));
}

#[test]
fn threads_that_reserve_at_once_never_exceed_a_hard_limit() {
    let roster = Roster::new([sampled(0.0, None), sampled(0.0, None)]);
    let selector = Selector::new(Policy::LeastLoad);
    for upstream in roster.iter() {
        upstream.set_request_limit(RequestLimit::Hard(3));
    }
    let one = Load::new(1.0).unwrap();
    let held = [0, 0].map(AtomicU32::new);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (roster, selector, held) = (&roster, &selector, &held);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed);
                for _ in 0..20_000 {
                    if let Ok(choice) = selector.reserve(roster, one, &mut rng) {
                        let under_way = held[choice.at].fetch_add(1, SeqCst) + 1;
                        assert!(under_way <= 3, "{under_way}");
                        held[choice.at].fetch_sub(1, SeqCst);
                        choice.reservation.cancel();
                    }
                }
            });
        }
    });
    assert_eq!(roster[0].in_flight() + roster[1].in_flight(), 0);
}

/// Inference servers of these capacities, whose load is their requests under way.
fn servers(capacities: &[f64], has_limits: bool) -> World {
    let mut world = World::new(capacities.len(), has_limits);
    world.roster = Roster::new(capacities.iter().map(|one| sampled(0.0, Some(*one))));
    for ledger in world.roster.iter() {
        ledger.set_lasts(Lasts::Answer);
    }
    world
}

#[test]
fn where_load_ends_with_its_answer_a_server_keeps_its_part_however_long_its_requests_take() {
    // Answers of 1 s on average, a few of them very long; one server is six times as slow as the others.
    let service = |at: usize, _: Time, rng: &mut Rng| {
        let factor = if rng.u8(..50) == 0 { 20.0 } else { 0.6 };
        let slow = if at == 2 { 6.0 } else { 1.0 };
        let seconds = 0.1 * slow * factor * -f64::ln(1.0 - rng.f64());
        Some(nanos(Duration::from_secs_f64(seconds.min(4.0))))
    };
    let [without, with] = [false, true].map(|has_limits| {
        let mut world = servers(&[256.0, 256.0, 64.0], has_limits).clients(90);
        world.run((0, 120 * SECOND), None, service);
        world.answered()
    });
    for (without, with) in without.iter().zip(&with) {
        assert!(without.abs_diff(*with) * 20 < *without, "{without} {with}");
    }
}

#[test]
fn a_server_that_freezes_with_its_gauge_takes_hardly_a_request_more() {
    for capacities in [[256.0, 256.0, 64.0], [64.0, 256.0, 256.0]] {
        let mut world = servers(&capacities, true).clients(64);
        let (frozen_at, mut rng) = (5 * SECOND, Rng::with_seed(3));
        let mut run = |world: &mut World, from, until| {
            world.run((from, until), None, |at, now, _| {
                let took = SECOND / 2 + rng.u64(..SECOND);
                (at != 0 || now + took < frozen_at).then_some(took.min(TIMEOUT - 1))
            });
        };
        run(&mut world, 0, frozen_at);
        let held = world.roster[0].in_flight();
        world.frozen = Some((0, frozen_at + SECOND / 8));
        // Its requests are not overdue yet: half a second is a short answer.
        run(&mut world, frozen_at, frozen_at + SECOND / 2);
        assert_eq!(world.roster[0].request_limit(), RequestLimit::Soft(1));
        run(&mut world, frozen_at + SECOND / 2, frozen_at + 4 * SECOND);
        let held_now = world.roster[0].in_flight();
        assert!(
            held > 4 && held_now <= held + 3,
            "{held_now} after {held}: {:?}",
            world.roster[0].request_limit()
        );
    }
}

#[test]
fn a_gauge_that_is_silent_while_requests_are_answered_says_nothing() {
    let mut world = servers(&[100.0; 3], true).clients(60);
    world.frozen = Some((0, SECOND));
    world.run((0, 20 * SECOND), None, |_, _, rng| {
        Some(SECOND / 2 + rng.u64(..SECOND))
    });
    let answered = world.answered();
    assert!(answered[0] * 20 >= answered[1] * 19, "{answered:?}");
}

#[test]
fn what_is_known_of_an_upstream_stays_when_others_come_and_go() {
    let mut limits = RequestLimits::default();
    limits.follow([1, 2, 3].into_iter());
    let busy = |seconds: f64| {
        Some(Traffic {
            answered: 100,
            ended: 100,
            seconds: 100.0 * seconds,
            in_flight: 10,
            ..Traffic::default()
        })
    };
    let first = [busy(0.001), busy(1.0), busy(0.001)].into_iter();
    let found: Vec<_> = limits.look(first, INTERVAL).collect();
    assert_eq!(found[1], RequestLimit::Soft(10));
    limits.follow([4, 3, 2].into_iter());
    let second = [Some(Traffic::default()), busy(0.001), busy(1.0)].into_iter();
    let found: Vec<_> = limits.look(second, INTERVAL).collect();
    assert_eq!(
        found,
        [
            RequestLimit::Soft(4),
            RequestLimit::Unlimited,
            RequestLimit::Soft(7)
        ]
    );
}

#[test]
fn the_next_process_knows_which_upstreams_are_slow_silent_and_new() {
    let mut old: RequestLimits<u8> = RequestLimits::default();
    old.follow(0..4);
    let answers = |seconds: f64| Traffic {
        answered: 100,
        ended: 100,
        seconds: 100.0 * seconds,
        ..Traffic::default()
    };
    let silent = Traffic {
        in_flight: 9,
        ..Traffic::default()
    };
    let traffic = [answers(0.01), answers(1.0), silent, Traffic::default()];
    for _ in 0..20 {
        let _ = old.look(traffic.into_iter().map(Some), INTERVAL).count();
    }
    let limits = |limits: &mut RequestLimits<u8>, traffic: [Traffic; 4]| {
        let limits = limits.look(traffic.into_iter().map(Some), INTERVAL);
        limits.map(RequestLimit::requests).collect::<Vec<_>>()
    };
    let before = limits(&mut old, traffic);
    assert_eq!(before[0], None);
    assert_eq!(before[1..], [Some(LEAST), Some(1), Some(LEAST)]);
    // It may follow the upstreams before it hears of them, or after.
    for is_early in [false, true] {
        let mut new = RequestLimits::default();
        if is_early {
            new.follow(0..4);
        }
        new.restore(old.carry());
        new.follow(0..4);
        let fast = Traffic {
            answered: 1,
            ended: 1,
            seconds: 0.01,
            ..Traffic::default()
        };
        let after = limits(
            &mut new,
            [fast, Traffic::default(), Traffic::default(), fast],
        );
        assert_eq!(after[0], None);
        assert!(after[1] >= Some(LEAST), "it is slow");
        assert_eq!(after[2], Some(1), "until it answers");
        // One that has answered before is not new.
        let mut new = RequestLimits::default();
        new.restore(old.carry());
        new.follow(0..4);
        let after = limits(
            &mut new,
            [
                Traffic::default(),
                fast,
                Traffic::default(),
                Traffic::default(),
            ],
        );
        assert_eq!((after[0], after[3]), (None, Some(LEAST)));
    }
}
