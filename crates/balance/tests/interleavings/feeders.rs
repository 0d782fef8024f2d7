//! A path of feeders is reserved in one step.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use shuttle::thread;
use switchyard_balance::{Roster, Tree};

use super::{SCHEDULES, estimates, load, reserve, roster, sample};

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
