//! What a process has taken over, it leaves to the next as it was; and what is over, it leaves to none.

use std::{sync::Arc, time::Duration};

use super::{load, reading};
use crate::{
    Lasts, Ledger, Load, Reservation, Trust,
    ledger::{CarriedLedger, Carrier},
    load::MOST,
};

const NOW: Duration = Duration::from_secs(7);

const ALIVE: Carrier = Carrier {
    ago: Duration::ZERO,
    now: NOW,
    is_alive: true,
    is_own_newer: false,
};

fn sampled(units: f64) -> Arc<Ledger> {
    let ledger = Arc::new(Ledger::new(Some(load(100.0))));
    ledger.sample(ledger.scrape_sent(), reading(units));
    ledger
}

fn restored(carried: &CarriedLedger) -> Ledger {
    let ledger = Ledger::default();
    ledger.restore(carried, ALIVE);
    ledger
}

#[test]
fn the_third_process_gets_what_the_second_got() {
    let first = sampled(30.0);
    Reservation::of(Arc::clone(&first), load(4.0)).booked();
    let _under_way = Reservation::of(Arc::clone(&first), load(3.0));
    let carried = first.carry(NOW);
    assert_eq!(restored(&carried).carry(NOW), carried);
    // A gauge that has been silent for a while, with what it was taken to show.
    first.extrapolate(-0.5);
    let carried = first.carry(NOW);
    assert_ne!(carried.value, carried.certain);
    let second = restored(&carried);
    assert_eq!(second.carry(NOW), carried);
    second.predecessor_ended();
    assert_eq!(second.carry(NOW).value, carried.value);
}

#[test]
fn no_sample_has_shown_what_was_taken_over() {
    let first = sampled(30.0);
    Reservation::of(Arc::clone(&first), load(4.0)).booked();
    let _under_way = Reservation::of(Arc::clone(&first), load(3.0));
    let second = restored(&first.carry(NOW));
    assert_eq!(second.shown_sums().settled, 0);
    second.predecessor_ended();
    assert_eq!(second.shown_sums().settled, 0);
    assert_eq!(second.sums_at_send().settled, load(7.0).micros());
    second.sample(second.scrape_sent(), reading(37.0));
    assert_eq!(second.shown_sums().settled, load(7.0).micros());
    assert_eq!(second.estimate(), load(37.0));
}

#[test]
fn without_a_sample_on_either_side_there_is_none() {
    let new = restored(&Ledger::default().carry(NOW));
    assert!(!new.is_sampled());
    assert_eq!(new.value(), None);
}

#[test]
fn own_samples_are_counted_on_after_a_restore() {
    let new = sampled(10.0);
    for units in [11.0, 12.0] {
        new.sample(new.scrape_sent(), reading(units));
    }
    new.restore(&sampled(20.0).carry(NOW), ALIVE);
    assert_eq!(new.last_sample().unwrap().number, 3);
    new.restore(&Ledger::default().carry(NOW), ALIVE);
    assert_eq!(new.last_sample().unwrap().number, 3);
}

#[test]
fn the_capacity_that_is_known_here_goes_before_the_one_that_was_carried() {
    let carried = sampled(10.0).carry(NOW);
    assert_eq!(restored(&carried).capacity(), Some(load(100.0)));
    let configured = Ledger::new(Some(load(50.0)));
    configured.restore(&carried, ALIVE);
    assert_eq!(configured.capacity(), Some(load(50.0)));
}

#[test]
fn what_ends_with_its_answer_ends_with_the_process_that_waits_for_it() {
    let first = sampled(30.0);
    let short = Reservation::of(Arc::clone(&first), load(5.0)).lasting(Lasts::Answer);
    first.sample(first.scrape_sent(), reading(35.0));
    let carried = first.carry(NOW);
    assert_eq!(carried.answers, load(5.0).micros());
    let second = restored(&carried);
    assert_eq!(second.estimate(), load(35.0));
    second.predecessor_ended();
    assert_eq!(second.estimate(), load(30.0));
    assert_eq!(second.room(), load(70.0).micros());
    let again = second.carry(NOW);
    let loads = [again.estimate, again.certain, again.value, again.most];
    assert_eq!(loads, [load(30.0).micros(); 4]);
    drop(short);
    // Where it was said that the process is gone, that was so at once.
    let third = Ledger::default();
    let gone = Carrier {
        is_alive: false,
        ..ALIVE
    };
    third.restore(&carried, gone);
    assert_eq!(third.estimate(), load(30.0));
    let after = third.carry(NOW);
    let loads = [after.estimate, after.certain, after.value, after.most];
    assert_eq!(loads, [load(30.0).micros(); 4]);
}

#[test]
fn loads_that_no_ledger_has_are_brought_within_bounds() {
    let largest = Load::LARGEST.micros();
    for said in [i64::MIN, -1, 7, MOST, i64::MAX] {
        let carried = CarriedLedger {
            is_sampled: true,
            gauge: said,
            certain: said,
            value: said,
            estimate: said,
            most: said,
            under_way: said,
            answers: said,
            capacity: Some(said),
            beside_own: said,
            ..CarriedLedger::default()
        };
        let again = restored(&carried).carry(NOW);
        let (gauge, load) = (said.clamp(0, largest), said.clamp(0, MOST));
        assert_eq!([again.gauge, again.beside_own], [gauge; 2], "{said}");
        assert_eq!(again.capacity, Some(gauge), "{said}");
        let loads = [again.certain, again.value, again.estimate, again.under_way];
        assert_eq!(loads, [load; 4], "{said}");
        assert!(again.most >= load, "{said}");
        // All of it ends with the answers of a process that is gone.
        let gone = Carrier {
            is_alive: false,
            ..ALIVE
        };
        let new = Ledger::default();
        new.restore(&carried, gone);
        assert_eq!(new.estimate(), Load::ZERO, "{said}");
    }
}

#[test]
fn a_gauge_that_is_not_believed_is_judged_on_from_what_was_told() {
    let is_judged = |trust| {
        let carried = CarriedLedger {
            is_sampled: true,
            trust,
            ..CarriedLedger::default()
        };
        restored(&carried).has_own_ends()
    };
    assert!(is_judged(Trust::Least) && is_judged(Trust::Ignored));
    assert!(!is_judged(Trust::Trusted), "nothing was told");
}
