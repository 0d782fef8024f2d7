//! Samples that come with answers.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicI64, Ordering::SeqCst},
};

use proptest::{collection, prelude::any, prop_assert, prop_assert_eq, proptest};

use super::{load, reading, reserve};
use crate::{Ledger, Load, Reading};

#[test]
fn a_report_contains_the_booking_that_it_confirms() {
    let ledger = Ledger::default();
    reserve(&ledger, 10.0);
    let sent = ledger.report_sent();
    ledger.settle(load(10.0));
    assert!(ledger.report(sent, load(10.0), reading(17.0)));
    assert_eq!(ledger.estimate(), load(17.0));
    reserve(&ledger, 1.0);
    assert_eq!(
        ledger.estimate(),
        load(18.0),
        "a later booking is not in it"
    );
}

#[test]
fn whether_its_own_reservation_ends_before_or_after_makes_no_difference() {
    let ledger = Ledger::default();
    reserve(&ledger, 10.0);
    assert!(ledger.report(ledger.report_sent(), load(10.0), reading(10.0)));
    ledger.settle(load(10.0));
    assert_eq!(ledger.estimate(), load(10.0));
}

#[test]
fn other_bookings_on_their_way_count_half() {
    let ledger = Ledger::default();
    reserve(&ledger, 4.0);
    reserve(&ledger, 10.0);
    let sent = ledger.report_sent();
    reserve(&ledger, 2.0);
    ledger.settle(load(4.0));
    ledger.settle(load(10.0));
    assert!(ledger.report(sent, load(10.0), reading(10.0)));
    assert_eq!(ledger.estimate(), load(13.0), "10 and half of 4 and 2");
}

#[test]
fn a_refusal_reports_what_is_there_without_it() {
    let ledger = Ledger::default();
    reserve(&ledger, 10.0);
    let sent = ledger.report_sent();
    ledger.take_back(load(10.0));
    assert!(ledger.report(sent, Load::ZERO, reading(95.0)));
    assert_eq!(ledger.estimate(), load(95.0));
}

#[test]
fn a_report_whose_request_left_before_the_last_scrape_is_dropped() {
    let ledger = Ledger::default();
    reserve(&ledger, 10.0);
    let sent = ledger.report_sent();
    ledger.sample(ledger.scrape_sent(), reading(50.0));
    assert!(!ledger.report(sent, load(10.0), reading(10.0)));
    assert_eq!(ledger.value(), Some(load(50.0)));
    reserve(&ledger, 10.0);
    let sent = ledger.report_sent();
    assert!(
        ledger.report(sent, load(10.0), reading(60.0)),
        "a later one is used"
    );
    assert_eq!(
        ledger.estimate(),
        load(65.0),
        "the first booking is ambiguous"
    );
}

#[test]
fn a_report_older_than_the_last_report_is_dropped() {
    let ledger = Ledger::default();
    reserve(&ledger, 1.0);
    let first = ledger.report_sent();
    reserve(&ledger, 1.0);
    let second = ledger.report_sent();
    assert!(ledger.report(second, load(1.0), reading(2.0)));
    assert!(!ledger.report(first, load(1.0), reading(1.0)));
    assert_eq!(ledger.value(), Some(load(2.0)));
}

#[test]
fn a_report_is_a_first_sample_and_may_bring_the_capacity() {
    let ledger = Ledger::default();
    reserve(&ledger, 1.0);
    let with_capacity = Reading {
        load: load(1.0),
        capacity: Some(load(3.0)),
    };
    assert!(ledger.report(ledger.report_sent(), load(1.0), with_capacity));
    assert!(ledger.is_sampled() && !ledger.weight().is_nan());
    assert!(ledger.has_room(ledger.assigned(), load(2.0)));
    assert!(!ledger.has_room(ledger.assigned(), load(2.1)));
}

#[test]
fn a_report_during_another_write_is_dropped_without_waiting() {
    let ledger = Ledger::default();
    reserve(&ledger, 1.0);
    let guard = ledger.record();
    assert!(!ledger.report(ledger.report_sent(), load(1.0), reading(1.0)));
    drop(guard);
    assert!(ledger.report(ledger.report_sent(), load(1.0), reading(1.0)));
}

/// A request between its reservation and its end.
struct Open {
    sent: super::super::ReportSent,
    /// What its answer reports; `None` until the upstream has booked it.
    value: Option<i64>,
}

proptest! {
    /// An upstream that books every request, and reports. Right after a report is taken, the error of the estimate
    /// is at most the other load in flight; with no other load in flight, the estimate is exact.
    #[test]
    fn an_estimate_is_wrong_by_what_was_on_its_way_at_most(
        steps in collection::vec((0_u8..3, any::<proptest::sample::Index>()), 1..120),
        others in 0_i64..1_000,
    ) {
        let ledger = Ledger::default();
        let one = Load::from_micros(1_000);
        let mut open: Vec<Open> = Vec::new();
        let mut gauge = others;
        for (step, at) in steps {
            if step == 0 || open.is_empty() {
                assert!(ledger.reserve_from(ledger.assigned(), one));
                open.push(Open { sent: ledger.report_sent(), value: None });
                continue;
            }
            let at = at.index(open.len());
            if open[at].value.is_none() {
                gauge += one.micros();
                open[at].value = Some(gauge);
            } else {
                let Open { sent, value } = open.swap_remove(at);
                ledger.settle(one);
                let value = Reading { load: Load::from_micros(value.unwrap()), capacity: None };
                let before = ledger.estimate();
                if ledger.report(sent, one, value) {
                    let truth = others + ledger.assigned();
                    let perhaps = ledger.assigned() - sent.0.sums.settled - one.micros();
                    let error = (ledger.estimate().micros() - truth).abs();
                    prop_assert!(error <= perhaps, "error {}, {} in flight", error, perhaps);
                } else {
                    prop_assert_eq!(ledger.estimate(), before, "a dropped report changes nothing");
                }
            }
        }
    }
}

#[test]
fn many_threads_may_report_while_a_scraper_samples() {
    const EACH: i64 = 20_000;
    let (ledger, gauge) = (Arc::new(Ledger::default()), Arc::new(AtomicI64::new(0)));
    let start = Arc::new(Barrier::new(5));
    let one = Load::from_micros(1);
    let now = |gauge: &AtomicI64| Reading {
        load: Load::from_micros(gauge.load(SeqCst)),
        capacity: None,
    };
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (ledger, gauge, start) =
                (Arc::clone(&ledger), Arc::clone(&gauge), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                let mut taken = 0;
                for _ in 0..EACH {
                    while !ledger.reserve_from(ledger.assigned(), one) {}
                    let sent = ledger.report_sent();
                    gauge.fetch_add(1, SeqCst);
                    let reading = now(&gauge);
                    ledger.settle(one);
                    taken += i64::from(ledger.report(sent, one, reading));
                }
                taken
            })
        })
        .collect();
    start.wait();
    while threads.iter().any(|thread| !thread.is_finished()) {
        let sent = ledger.scrape_sent();
        ledger.sample(sent, now(&gauge));
        // On a busy machine it would mostly be put aside with the lock in its hands, until all reports are over.
        std::thread::yield_now();
    }
    let taken: i64 = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    assert!(taken > 0, "some were taken");
    ledger.sample(ledger.scrape_sent(), now(&gauge));
    assert_eq!(ledger.estimate().micros(), 4 * EACH);
}
