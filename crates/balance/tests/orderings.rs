//! Small models of threads that meet, in every order, with every value that their orderings allow them to read:
//! `cargo test -p switchyard-balance --features loom --test orderings`.
//!
//! What loom can't try is in `interleavings.rs`: `SeqCst` of loads and stores, and models of more than some fifty steps.
//!
//! After a failure, `LOOM_LOG=trace` prints each step; `LOOM_MAX_PREEMPTIONS` sets how often a thread is interrupted.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use loom::{
    sync::atomic::{
        AtomicI64,
        Ordering::{AcqRel, Acquire},
    },
    thread,
};
use switchyard_balance::{
    Feeder, FeederLock, Lasts, Ledger, Load, Reading, RequestLimit, Reservation, Roster, Tree,
    models,
};

fn load(units: u32) -> Load {
    Load::new(f64::from(units)).unwrap()
}

const UNIT: i64 = 1_000_000;

/// Tries all orders in which a thread is interrupted at most so often in the middle of its work.
fn model(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check(model);
}

/// An upstream: what it really bears, and the ledger of it.
struct Upstream {
    ledger: Arc<Ledger>,
    borne: AtomicI64,
}

impl Upstream {
    fn new(capacity: u32) -> Arc<Self> {
        let upstream = Self {
            ledger: Arc::new(Ledger::new(Some(load(capacity)))),
            borne: AtomicI64::new(0),
        };
        upstream.scrape();
        Arc::new(upstream)
    }

    fn scrape(&self) {
        let sent = self.ledger.scrape_sent();
        let borne = self.borne.load(Acquire);
        let reading = Reading {
            load: load(u32::try_from(borne).unwrap()),
            capacity: None,
        };
        self.ledger.sample(sent, reading);
    }

    /// The ledger offers no more room than there is.
    fn check_room(&self, capacity: i64) {
        let room = self.ledger.room() / UNIT;
        assert!(room <= capacity - self.borne.load(Acquire), "{room}");
    }
}

#[test]
fn a_booking_beside_a_scrape_makes_no_room_and_is_counted_once() {
    model(2, || {
        let upstream = Upstream::new(10);
        let booking = {
            let upstream = Arc::clone(&upstream);
            thread::spawn(move || {
                let held = Reservation::of(Arc::clone(&upstream.ledger), load(3));
                upstream.borne.fetch_add(3, AcqRel);
                held.booked();
            })
        };
        upstream.scrape();
        booking.join().unwrap();
        upstream.check_room(10);
        upstream.scrape();
        assert_eq!(upstream.ledger.estimate(), load(3));
        assert_eq!(upstream.ledger.in_flight(), 0);
    });
}

#[test]
fn an_answer_that_ends_beside_a_scrape_makes_no_room_and_is_counted_once() {
    model(2, || {
        let upstream = Upstream::new(10);
        upstream.ledger.set_lasts(Lasts::Answer);
        let kept = Reservation::of(Arc::clone(&upstream.ledger), load(2));
        upstream.borne.fetch_add(2, AcqRel);
        let ending = {
            let upstream = Arc::clone(&upstream);
            thread::spawn(move || {
                let held = Reservation::of(Arc::clone(&upstream.ledger), load(3));
                upstream.borne.fetch_add(3, AcqRel);
                upstream.borne.fetch_sub(3, AcqRel);
                held.booked();
            })
        };
        upstream.scrape();
        ending.join().unwrap();
        upstream.check_room(10);
        upstream.scrape();
        assert_eq!(upstream.ledger.estimate(), load(2));
        drop(kept);
    });
}

#[test]
fn a_refusal_and_a_booking_at_once_leave_what_was_booked() {
    model(3, || {
        let upstream = Upstream::new(10);
        let refused = {
            let upstream = Arc::clone(&upstream);
            thread::spawn(move || {
                let held = Reservation::of(Arc::clone(&upstream.ledger), load(4));
                upstream.ledger.refused(load(4));
                held.cancel();
            })
        };
        let held = Reservation::of(Arc::clone(&upstream.ledger), load(3));
        upstream.borne.fetch_add(3, AcqRel);
        held.booked();
        refused.join().unwrap();
        upstream.check_room(10);
        assert_eq!(upstream.ledger.estimate(), load(3));
        assert_eq!(upstream.ledger.in_flight(), 0);
    });
}

#[test]
fn no_request_that_waits_is_left_out_of_a_limit_while_another_answer_begins_and_ends() {
    model(3, || {
        let ledger = Arc::new(Ledger::new(Some(load(10))));
        ledger.set_request_limit(RequestLimit::Hard(1));
        let waiting = Reservation::of(Arc::clone(&ledger), load(1));
        let mut other = Reservation::of(Arc::clone(&ledger), load(1));
        let ending = thread::spawn(move || {
            other.begun();
            other.booked();
        });
        assert!(ledger.awaiting() >= 1, "one waits all the while");
        ending.join().unwrap();
        assert_eq!((ledger.awaiting(), ledger.in_flight()), (1, 1));
        waiting.cancel();
        assert_eq!((ledger.awaiting(), ledger.in_flight()), (0, 0));
    });
}

#[test]
fn a_path_of_feeders_is_reserved_whole_or_not_at_all() {
    model(2, || {
        // The upper feeder has room for one of two requests that each fit the lower one.
        let lock = FeederLock::default();
        let feeders = [load(3), load(9)].map(|capacity| {
            let feeder = Feeder::new(&lock, false);
            feeder.set_capacity(Some(capacity));
            Arc::new(feeder)
        });
        let tree = Tree {
            feeders: feeders.to_vec(),
            parents: vec![None, Some(0)],
            of: vec![Some(1)],
        };
        let ledger = Arc::new(Ledger::new(None));
        drop(Roster::in_tree([Arc::clone(&ledger)], tree));
        let other = {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || Reservation::within_feeders(ledger, load(2)))
        };
        let own = Reservation::within_feeders(ledger, load(2));
        let other = other.join().unwrap();
        assert!(
            own.is_some() != other.is_some(),
            "one of them, and not both"
        );
        assert_eq!(feeders.each_ref().map(|one| one.estimate()), [load(2); 2]);
        for held in [own, other].into_iter().flatten() {
            held.cancel();
        }
        assert_eq!(
            feeders.map(|one| one.left()),
            [3, 9].map(|left| Some(load(left)))
        );
    });
}

#[test]
fn a_floor_of_a_group_is_not_above_a_score_that_fell_during_the_search() {
    models::a_floor_of_a_group_is_not_above_a_score_that_fell_during_the_search();
}

#[test]
fn a_floor_of_a_tree_is_not_above_a_score_that_fell_during_the_search() {
    models::a_floor_of_a_tree_is_not_above_a_score_that_fell_during_the_search();
}

#[test]
fn floors_of_two_searches_are_not_taken_for_those_of_one() {
    models::floors_of_two_searches_are_not_taken_for_those_of_one();
}
