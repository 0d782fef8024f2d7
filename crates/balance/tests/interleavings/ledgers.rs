//! A ledger that bookings, answers, scrapes and decisions about its upstream change at once.

use std::sync::Arc;

use shuttle::thread;
use switchyard_balance::{Lasts, Ledger, Load, Reading, Reservation, Roster, Standing};

use super::{SCHEDULES, load, reserve, sample};

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

#[test]
fn an_upstream_that_is_taken_out_while_a_sample_arrives_is_out() {
    // One thread has to be interrupted at one step while another does all of its work: rare if each step is drawn.
    shuttle::check_pct(
        || {
            let ledger = Arc::new(Ledger::new(Some(load(8))));
            let roster = Arc::new(Roster::new([Arc::clone(&ledger)]));
            let changes: [fn(&Ledger); 3] = [
                |ledger| sample(ledger, 1),
                |ledger| ledger.set_standing(Standing::Out),
                |ledger| ledger.set_ramp(0.5),
            ];
            let changes = changes.map(|change| {
                let ledger = Arc::clone(&ledger);
                thread::spawn(move || change(&ledger))
            });
            for change in changes {
                change.join().unwrap();
            }
            assert!(reserve(&roster, 1).is_none(), "it is out");
            ledger.set_standing(Standing::In);
            assert!(reserve(&roster, 1).is_some(), "it is in, with a sample");
        },
        SCHEDULES,
        3,
    );
}
