//! Threads that meet on a path of feeders in every order that a scheduler can think of:
//! `cargo test -p switchyard-balance --features shuttle --test interleavings`.
//!
//! Each schedule comes from a seed, so a failure can be repeated: it prints what to pass to `shuttle::replay`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use fastrand::Rng;
use shuttle::{
    rand::{RngCore, thread_rng},
    thread,
};
use switchyard_balance::{
    Feeder, FeederLock, Lasts, Ledger, Load, Policy, Reading, Reservation, Roster, Selector, Tree,
};

/// Schedules that each test tries.
const SCHEDULES: usize = 2_000;

fn load(units: u32) -> Load {
    Load::new(f64::from(units)).unwrap()
}

fn sample(ledger: &Ledger, units: u32) {
    let reading = Reading {
        load: load(units),
        capacity: None,
    };
    ledger.sample(ledger.scrape_sent(), reading);
}

/// Upstreams with a sample of 0 and room for anything, under these feeders (capacity, parent).
fn roster(feeders: &[(u32, Option<usize>)], of: &[usize]) -> Roster<Ledger> {
    let lock = FeederLock::default();
    let tree = Tree {
        feeders: feeders
            .iter()
            .map(|(capacity, _)| {
                let feeder = Feeder::new(&lock, false);
                feeder.set_capacity(Some(load(*capacity)));
                Arc::new(feeder)
            })
            .collect(),
        parents: feeders.iter().map(|(_, parent)| *parent).collect(),
        of: of.iter().map(|feeder| Some(*feeder)).collect(),
    };
    let members = of.iter().map(|_| {
        let ledger = Ledger::new(Some(load(1_000)));
        sample(&ledger, 0);
        Arc::new(ledger)
    });
    Roster::in_tree(members, tree)
}

fn reserve(roster: &Roster<Ledger>, units: u32) -> Option<(usize, Reservation<Ledger>)> {
    let selector = Selector::new(Policy::LeastLoad);
    let mut rng = Rng::with_seed(thread_rng().next_u64());
    let choice = selector.reserve(roster, load(units), &mut rng);
    choice.ok().map(|choice| (choice.at, choice.reservation))
}

fn estimates(roster: &Roster<Ledger>) -> Vec<i64> {
    let units = |feeder: &Arc<Feeder>| feeder.estimate().micros() / 1_000_000;
    roster.feeders().iter().map(units).collect()
}

#[test]
fn no_level_is_passed_by_one_request_and_all_of_it_comes_back() {
    shuttle::check_random(
        || {
            // Four equal upstreams on two feeders: threads that choose at the same time choose different ones.
            let feeders = [(5, None), (4, Some(0)), (4, Some(0))];
            let roster = Arc::new(roster(&feeders, &[1, 1, 2, 2]));
            // Counted from outside: up after each reservation, down before its end. So it is never more than is reserved.
            let counted: Arc<[AtomicI64; 3]> = Arc::default();
            let threads = (0..3).map(|_| {
                let (roster, counted) = (Arc::clone(&roster), Arc::clone(&counted));
                thread::spawn(move || {
                    for units in [3, 2, 1] {
                        let Some((at, held)) = reserve(&roster, units) else {
                            continue;
                        };
                        let levels = [0, if at < 2 { 1 } else { 2 }];
                        for level in levels {
                            let now = counted[level].fetch_add(units.into(), SeqCst);
                            assert!(now + i64::from(units) <= [5, 4, 4][level], "level {level}");
                        }
                        for feeder in roster.feeders() {
                            assert!(feeder.estimate() <= feeder.bound().unwrap());
                        }
                        for level in levels {
                            counted[level].fetch_sub(units.into(), SeqCst);
                        }
                        held.cancel();
                    }
                })
            });
            for thread in threads.collect::<Vec<_>>() {
                thread.join().unwrap();
            }
            assert_eq!(estimates(&roster), [0, 0, 0]);
        },
        SCHEDULES,
    );
}

#[test]
fn a_reservation_that_fails_above_takes_nothing_below_not_even_for_a_moment() {
    shuttle::check_random(
        || {
            // 2 never fit the root, and 1 always does: whoever took the lower feeder first and gave it back would make
            // the small one fail now and then.
            let roster = Arc::new(roster(&[(1, None), (2, Some(0))], &[1]));
            let large = {
                let roster = Arc::clone(&roster);
                thread::spawn(move || assert!(reserve(&roster, 2).is_none()))
            };
            let small = {
                let roster = Arc::clone(&roster);
                thread::spawn(move || reserve(&roster, 1).unwrap().1.cancel())
            };
            large.join().unwrap();
            small.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn samples_ends_and_moves_to_another_feeder_leave_the_sums_exact() {
    shuttle::check_random(
        || {
            let before = Arc::new(roster(&[(100, None), (100, None)], &[0, 0]));
            let members: Vec<_> = before.iter().cloned().collect();
            let booking = {
                let roster = Arc::clone(&before);
                thread::spawn(move || {
                    let (_, one) = reserve(&roster, 3).unwrap();
                    let (_, other) = reserve(&roster, 2).unwrap();
                    one.cancel();
                    other.booked();
                })
            };
            let sampling = {
                let roster = Arc::clone(&before);
                thread::spawn(move || sample(&roster[0], 10))
            };
            let moving = {
                let feeders = before.feeders().to_vec();
                let members = members.clone();
                thread::spawn(move || {
                    let tree = Tree {
                        feeders,
                        parents: vec![None, None],
                        of: vec![Some(1), Some(1)],
                    };
                    drop(Roster::in_tree(members, tree));
                })
            };
            for thread in [booking, sampling, moving] {
                thread.join().unwrap();
            }
            let sum: i64 = members
                .iter()
                .map(|member| member.estimate().micros() / 1_000_000)
                .sum();
            assert_eq!(estimates(&before), [0, sum]);
        },
        SCHEDULES,
    );
}

#[test]
fn what_is_booked_after_a_limit_stays_within_it() {
    shuttle::check_random(
        || {
            let roster = Arc::new(roster(&[(9, None)], &[0, 0]));
            let booking = {
                let roster = Arc::clone(&roster);
                thread::spawn(move || {
                    for _ in 0..3 {
                        std::mem::forget(reserve(&roster, 3));
                    }
                })
            };
            let feeder = &roster.feeders()[0];
            feeder.set_limit(Some(load(5)));
            let before = feeder.estimate();
            let after = reserve(&roster, 3);
            if let Some((_, held)) = after {
                assert!(before.micros() + load(3).micros() <= load(5).micros());
                held.cancel();
            }
            booking.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn upstreams_that_change_places_leave_no_room_in_between() {
    shuttle::check_random(
        || {
            // 6 of 10 are in use at either feeder before and after, and at neither is there ever room for 5 more.
            let before = Arc::new(roster(&[(10, None), (10, None)], &[0, 1, 0, 1]));
            sample(&before[0], 6);
            sample(&before[1], 6);
            let moving = {
                let feeders = before.feeders().to_vec();
                let members: Vec<_> = before.iter().cloned().collect();
                thread::spawn(move || {
                    let tree = Tree {
                        feeders,
                        parents: vec![None, None],
                        of: [1, 0, 0, 1].map(Some).to_vec(),
                    };
                    drop(Roster::in_tree(members, tree));
                })
            };
            for _ in 0..8 {
                assert!(reserve(&before, 5).is_none());
            }
            moving.join().unwrap();
        },
        SCHEDULES,
    );
}

#[test]
fn streams_that_end_beside_sessions_while_a_gauge_is_read_make_no_room_that_is_not_there() {
    const CAPACITY: i64 = 8;
    shuttle::check_random(
        || {
            let ledger = Arc::new(Ledger::new(Some(load(8))));
            sample(&ledger, 0);
            let roster = Arc::new(Roster::new([Arc::clone(&ledger)]));
            // What the upstream bears, and what it has room for at most.
            let borne = Arc::new(shuttle::sync::Mutex::new(0_i64));
            let threads = [Lasts::Answer, Lasts::Session, Lasts::Answer].map(|lasts| {
                let (roster, borne) = (Arc::clone(&roster), Arc::clone(&borne));
                thread::spawn(move || {
                    for units in [3, 2] {
                        let Some((_, held)) = reserve(&roster, units) else {
                            continue;
                        };
                        let mut held = held.lasting(lasts);
                        *borne.lock().unwrap() += i64::from(units);
                        assert!(*borne.lock().unwrap() <= CAPACITY);
                        thread::yield_now();
                        held.begun();
                        if lasts == Lasts::Session {
                            held.booked();
                            continue;
                        }
                        // A gauge that is read after the end comes after it.
                        let mut borne = borne.lock().unwrap();
                        *borne -= i64::from(units);
                        drop(held);
                    }
                })
            });
            for _ in 0..3 {
                let sent = ledger.scrape_sent();
                let gauge = *borne.lock().unwrap();
                let reading = Reading {
                    load: load(u32::try_from(gauge).unwrap()),
                    capacity: None,
                };
                thread::yield_now();
                ledger.sample(sent, reading);
            }
            for thread in threads {
                thread.join().unwrap();
            }
            sample(&ledger, u32::try_from(*borne.lock().unwrap()).unwrap());
            assert_eq!(
                ledger.estimate().micros(),
                *borne.lock().unwrap() * 1_000_000
            );
            assert_eq!((ledger.in_flight(), ledger.awaiting()), (0, 0));
        },
        SCHEDULES,
    );
}

#[test]
fn load_that_ends_while_a_gauge_is_read_is_neither_lost_nor_counted_twice() {
    shuttle::check_random(
        || {
            let ledger = Arc::new(Ledger::new(Some(load(8))));
            ledger.set_lasts(Lasts::Answer);
            sample(&ledger, 0);
            let ending = {
                let ledger = Arc::clone(&ledger);
                thread::spawn(move || {
                    for _ in 0..3 {
                        Reservation::of(Arc::clone(&ledger), load(2)).booked();
                    }
                })
            };
            for _ in 0..3 {
                sample(&ledger, 0);
            }
            ending.join().unwrap();
            sample(&ledger, 0);
            assert_eq!(ledger.estimate(), Load::ZERO);
        },
        SCHEDULES,
    );
}
