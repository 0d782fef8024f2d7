use super::*;

mod answer;
mod carry;
mod handed_on;
mod last;
mod mixed;
mod report;
mod room;

pub(crate) fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

pub(crate) fn reading(units: f64) -> Reading {
    Reading {
        load: load(units),
        capacity: None,
    }
}

pub(crate) fn reserve(ledger: &Ledger, units: f64) {
    assert!(ledger.reserve_from(ledger.assigned(), load(units)));
}

#[test]
fn what_settled_before_the_scrape_left_is_in_the_value() {
    let ledger = Ledger::default();
    reserve(&ledger, 10.0);
    ledger.settle(load(10.0));
    ledger.sample(ledger.scrape_sent(), reading(10.0));
    assert_eq!(ledger.estimate(), load(10.0));
    assert_eq!(ledger.unseen(), Load::ZERO);
}

#[test]
fn what_was_assigned_after_the_answer_is_not_in_the_value() {
    let ledger = Ledger::default();
    ledger.sample(ledger.scrape_sent(), reading(5.0));
    reserve(&ledger, 10.0);
    assert_eq!(ledger.estimate(), load(15.0));
    ledger.settle(load(10.0));
    assert_eq!(
        ledger.estimate(),
        load(15.0),
        "an answer changes nothing until the next sample"
    );
}

#[test]
fn a_first_sample_counts_half_of_the_ambiguous_part() {
    let ledger = Ledger::default();
    let sent = ledger.scrape_sent();
    reserve(&ledger, 10.0);
    ledger.settle(load(10.0));
    ledger.sample(sent, reading(7.0));
    assert_eq!(ledger.estimate(), load(12.0));
    assert_eq!(ledger.unseen(), load(5.0));
}

/// A ledger with a sample of 5, then a scrape that is sent, then a booking of 10.
fn booked_under_a_scrape() -> (Ledger, ScrapeSent) {
    let ledger = Ledger::default();
    ledger.sample(ledger.scrape_sent(), reading(5.0));
    let sent = ledger.scrape_sent();
    reserve(&ledger, 10.0);
    ledger.settle(load(10.0));
    (ledger, sent)
}

#[test]
fn a_sample_that_allows_the_estimate_does_not_change_it() {
    for gauge in [5.0, 8.0, 15.0] {
        let (ledger, sent) = booked_under_a_scrape();
        ledger.sample(sent, reading(gauge));
        assert_eq!(ledger.estimate(), load(15.0), "the gauge says {gauge}");
        assert_eq!(ledger.value(), Some(load(gauge)));
    }
}

#[test]
fn a_sample_that_rules_the_estimate_out_moves_it_no_further_than_it_must() {
    for (gauge, estimate) in [(20.0, 20.0), (3.0, 13.0), (0.0, 10.0)] {
        let (ledger, sent) = booked_under_a_scrape();
        ledger.sample(sent, reading(gauge));
        assert_eq!(ledger.estimate(), load(estimate), "the gauge says {gauge}");
    }
}

#[test]
fn a_restarted_upstream_neither_goes_negative_nor_counts_twice() {
    let ledger = Ledger::default();
    ledger.sample(ledger.scrape_sent(), reading(500.0));
    reserve(&ledger, 10.0);
    // It restarts and forgets everything; the answer to the booking never comes.
    ledger.sample(ledger.scrape_sent(), reading(0.0));
    assert_eq!(ledger.estimate(), load(10.0), "it may still be booked");
    ledger.settle(load(10.0));
    ledger.sample(ledger.scrape_sent(), reading(0.0));
    assert_eq!(ledger.estimate(), Load::ZERO);
}

#[test]
fn extrapolation_does_not_forget_a_refusal() {
    let ledger = Ledger::new(Some(load(100.0)));
    ledger.sample(ledger.scrape_sent(), reading(40.0));
    ledger.refused(load(20.0));
    ledger.extrapolate(-0.5);
    assert!(!ledger.has_room(ledger.assigned(), load(20.0)));
    assert!(ledger.has_room(ledger.assigned(), load(19.9)));
    ledger.sample(ledger.scrape_sent(), reading(40.0));
    assert!(
        ledger.has_room(ledger.assigned(), load(20.0)),
        "a sample overrides a refusal"
    );
}

#[test]
fn one_at_its_limit_of_requests_is_not_extrapolated_downwards() {
    let ledger = Ledger::default();
    ledger.sample(ledger.scrape_sent(), reading(40.0));
    reserve(&ledger, 10.0);
    ledger.set_request_limit(RequestLimit::Soft(1));
    ledger.extrapolate(-0.5);
    assert_eq!(ledger.estimate(), load(50.0));
    ledger.extrapolate(0.5);
    assert_eq!(ledger.estimate(), load(75.0));
    ledger.settle(load(10.0));
    ledger.extrapolate(-0.2);
    assert_eq!(ledger.estimate(), load(60.0), "its request was answered");
}

#[test]
fn extrapolation_moves_the_whole_estimate_and_not_the_gauge() {
    let ledger = Ledger::new(Some(load(100.0)));
    ledger.extrapolate(0.5);
    assert_eq!(ledger.estimate(), Load::ZERO, "nothing is known yet");
    ledger.sample(ledger.scrape_sent(), reading(40.0));
    reserve(&ledger, 20.0);
    ledger.extrapolate(-0.25);
    assert_eq!(ledger.estimate(), load(45.0));
    assert_eq!(ledger.value(), Some(load(40.0)));
    assert!(ledger.has_room(ledger.assigned(), load(40.0)));
    assert!(
        !ledger.has_room(ledger.assigned(), load(40.1)),
        "a guess makes no room"
    );
    ledger.extrapolate(-5.0);
    assert_eq!(ledger.estimate(), Load::ZERO, "never below zero");
    ledger.sample(ledger.scrape_sent(), reading(70.0));
    assert_eq!(
        ledger.estimate(),
        load(70.0),
        "the next sample overrides it"
    );
}

#[test]
fn an_answer_that_never_came_is_left_to_the_next_sample() {
    let ledger = Ledger::default();
    reserve(&ledger, 10.0);
    ledger.settle(load(10.0));
    for _ in 0..3 {
        ledger.sample(ledger.scrape_sent(), reading(0.0));
        assert_eq!(
            ledger.estimate(),
            Load::ZERO,
            "the gauge shows it was not booked"
        );
    }
}

#[test]
fn a_refusal_leaves_no_trace() {
    let ledger = Ledger::default();
    ledger.sample(ledger.scrape_sent(), reading(5.0));
    reserve(&ledger, 10.0);
    ledger.take_back(load(10.0));
    assert_eq!(ledger.estimate(), load(5.0));
    assert_eq!(ledger.in_flight(), 0);
    assert_eq!(ledger.reservations(), 1);
}

#[test]
fn a_reservation_needs_the_account_as_it_was_read() {
    let ledger = Ledger::default();
    let read = ledger.assigned();
    reserve(&ledger, 1.0);
    assert!(
        !ledger.reserve_from(read, load(1.0)),
        "another thread may have reserved in between"
    );
}

#[test]
fn room_is_what_the_capacity_leaves() {
    let ledger = Ledger::new(None);
    let sample = Reading {
        load: load(80.0),
        capacity: Some(load(100.0)),
    };
    ledger.sample(ledger.scrape_sent(), sample);
    assert!(ledger.has_room(ledger.assigned(), load(20.0)));
    assert!(!ledger.has_room(ledger.assigned(), load(20.1)));
    reserve(&ledger, 15.0);
    assert!(!ledger.has_room(ledger.assigned(), load(5.1)));
}

#[test]
fn a_capacity_missing_from_a_sample_stays_and_unknown_is_not_zero() {
    let ledger = Ledger::default();
    assert_eq!(ledger.capacity(), None);
    for capacity in [Some(load(10.0)), None] {
        let sample = Reading {
            load: load(8.0),
            capacity,
        };
        ledger.sample(ledger.scrape_sent(), sample);
        assert_eq!(ledger.capacity(), Some(load(10.0)));
        assert!(!ledger.has_room(ledger.assigned(), load(2.1)));
    }
    let closed = Reading {
        load: Load::ZERO,
        capacity: Some(Load::ZERO),
    };
    ledger.sample(ledger.scrape_sent(), closed);
    assert!(
        !ledger.has_room(ledger.assigned(), load(0.1)),
        "a capacity of zero is no room at all"
    );
}

#[test]
fn an_ejection_is_not_undone_by_a_sample_that_comes_at_once() {
    for _ in 0..2_000 {
        let ledger = Ledger::default();
        std::thread::scope(|scope| {
            scope.spawn(|| ledger.sample(ledger.scrape_sent(), reading(1.0)));
            scope.spawn(|| ledger.set_standing(Standing::Out));
        });
        assert!(ledger.weight().is_nan());
    }
}

#[test]
fn the_sums_may_wrap() {
    let ledger = Ledger::default();
    ledger.assigned.store(i64::MAX - 5, Relaxed);
    ledger.settled.store(i64::MAX - 5, Relaxed);
    let sample = Reading {
        load: load(1.0),
        capacity: Some(load(100.0)),
    };
    ledger.sample(ledger.scrape_sent(), sample);
    reserve(&ledger, 50.0);
    assert_eq!(ledger.estimate(), load(51.0));
    assert!(ledger.has_room(ledger.assigned(), load(49.0)));
    assert!(!ledger.has_room(ledger.assigned(), load(49.1)));
}

#[test]
fn the_largest_loads_overflow_nothing() {
    for capacity in [None, Some(Load::LARGEST)] {
        let ledger = Ledger::new(capacity);
        for _ in 0..100 {
            // A scrape that crosses all of them; none is ever answered.
            let sent = ledger.scrape_sent();
            for fits in [Ledger::has_room, Ledger::is_countable] {
                while fits(&ledger, ledger.assigned(), Load::LARGEST) {
                    assert!(ledger.reserve_from(ledger.assigned(), Load::LARGEST));
                }
            }
            let sample = Reading {
                load: Load::LARGEST,
                capacity: None,
            };
            ledger.sample(sent, sample);
            assert!(ledger.estimate() >= Load::LARGEST);
            assert!(!ledger.has_room(ledger.assigned(), Load::LARGEST));
        }
    }
}

#[test]
fn the_weight_is_nan_before_a_sample_and_out_of_rotation() {
    let ledger = Ledger::default();
    assert!(ledger.weight().is_nan());
    ledger.sample(ledger.scrape_sent(), reading(0.0));
    assert!(!ledger.weight().is_nan());
    ledger.set_standing(Standing::Out);
    assert!(ledger.weight().is_nan());
    ledger.sample(ledger.scrape_sent(), reading(0.0));
    assert!(ledger.weight().is_nan(), "a sample does not bring it back");
    ledger.set_standing(Standing::In);
    assert!(!ledger.weight().is_nan());
}

#[test]
fn a_ramp_scales_the_comparison_and_not_the_room() {
    let ledger = Ledger::new(Some(load(100.0)));
    ledger.sample(ledger.scrape_sent(), reading(10.0));
    let whole = ledger.weight();
    ledger.set_ramp(0.25);
    assert!((ledger.weight() / whole - 4.0).abs() < 1e-12);
    assert!(ledger.has_room(ledger.assigned(), load(90.0)));
    ledger.sample(ledger.scrape_sent(), reading(20.0));
    assert!(
        (ledger.weight() / whole - 4.0).abs() < 1e-12,
        "a sample keeps it"
    );
    ledger.set_standing(Standing::Out);
    ledger.set_ramp(1.0);
    assert!(ledger.weight().is_nan());
    ledger.set_standing(Standing::In);
    assert!((ledger.weight() - whole).abs() < 1e-12);
}

#[test]
fn a_refusal_leaves_room_for_less_until_the_next_sample() {
    for capacity in [None, Some(load(100.0))] {
        let ledger = Ledger::new(capacity);
        ledger.sample(ledger.scrape_sent(), reading(10.0));
        ledger.refused(load(22.0));
        let room = |units| ledger.has_room(ledger.assigned(), load(units));
        assert!(!room(22.0) && room(21.0));
        ledger.refused(load(30.0));
        assert!(
            !room(22.0) && room(21.0),
            "a later refusal does not make more room"
        );
        ledger.refused(load(11.0));
        assert!(!room(11.0) && room(10.0));
        ledger.sample(ledger.scrape_sent(), reading(10.0));
        assert!(room(22.0));
    }
}
