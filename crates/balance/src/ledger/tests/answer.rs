//! Load that ends with its answer.

use super::{load, reading, reserve};
use crate::{Lasts, Ledger, Reading, Reservation};

fn ledger(capacity: Option<f64>) -> Ledger {
    let ledger = Ledger::new(capacity.map(load));
    ledger.set_lasts(Lasts::Answer);
    ledger
}

fn answer(ledger: &Ledger, units: f64) {
    ledger.booked(load(units));
}

#[test]
fn the_estimate_is_what_others_have_and_own_requests_under_way() {
    let ledger = ledger(None);
    reserve(&ledger, 10.0);
    reserve(&ledger, 4.0);
    ledger.sample(ledger.scrape_sent(), reading(20.0));
    assert_eq!(ledger.estimate(), load(20.0), "6 are others'");
    answer(&ledger, 10.0);
    assert_eq!(
        ledger.estimate(),
        load(10.0),
        "an answer ends its load at once"
    );
    reserve(&ledger, 1.0);
    assert_eq!(ledger.estimate(), load(11.0));
    ledger.sample(ledger.scrape_sent(), reading(5.0));
    assert_eq!(ledger.estimate(), load(5.0), "the others have left");
}

#[test]
fn a_request_under_way_is_not_counted_twice() {
    // The true load is 17, 16 and 15; the second gauge is read when two had just left it.
    for (own, gauge) in [(17.0, 17.0), (16.0, 14.0), (15.0, 15.0)] {
        let ledger = ledger(None);
        ledger.sample(ledger.scrape_sent(), reading(0.0));
        reserve(&ledger, own);
        ledger.sample(ledger.scrape_sent(), reading(gauge));
        assert_eq!(ledger.estimate(), load(own));
    }
}

#[test]
fn what_begins_or_ends_while_the_gauge_is_read_is_not_taken_for_others() {
    let ledger = ledger(None);
    reserve(&ledger, 10.0);
    ledger.sample(ledger.scrape_sent(), reading(10.0));
    // One leaves and another comes while the page is under way: the gauge may show neither, one or both.
    for gauge in [0.0, 3.0, 10.0, 13.0] {
        let sent = ledger.scrape_sent();
        answer(&ledger, 10.0);
        reserve(&ledger, 3.0);
        ledger.sample(sent, reading(gauge));
        assert_eq!(ledger.estimate(), load(3.0), "the gauge says {gauge}");
        answer(&ledger, 3.0);
        reserve(&ledger, 10.0);
    }
}

#[test]
fn the_load_of_an_answer_that_never_came_counts_until_the_gauge_shows_whether_it_is_there() {
    for gauge in [0.0, 10.0] {
        let ledger = ledger(None);
        ledger.sample(ledger.scrape_sent(), reading(0.0));
        reserve(&ledger, 10.0);
        ledger.settle(load(10.0));
        assert_eq!(
            ledger.estimate(),
            load(10.0),
            "the upstream may still work on it"
        );
        ledger.sample(ledger.scrape_sent(), reading(gauge));
        assert_eq!(ledger.estimate(), load(gauge));
    }
}

#[test]
fn an_answer_makes_room_at_once_and_room_goes_by_the_most_that_others_can_have() {
    let ledger = ledger(Some(40.0));
    reserve(&ledger, 30.0);
    ledger.sample(ledger.scrape_sent(), reading(30.0));
    let room = |units| ledger.has_room(ledger.assigned(), load(units));
    assert!(room(10.0) && !room(10.1));
    let sent = ledger.scrape_sent();
    answer(&ledger, 5.0);
    assert!(room(15.0) && !room(15.1));
    // Were the 5 gone when the gauge was read, 5 of these 30 are others'.
    ledger.sample(sent, reading(30.0));
    assert_eq!(ledger.estimate(), load(25.0));
    assert!(room(10.0) && !room(10.1));
    ledger.sample(ledger.scrape_sent(), reading(25.0));
    assert!(room(15.0), "one sample later it is certain");
}

#[test]
fn a_silent_gauge_changes_nothing() {
    let ledger = ledger(None);
    ledger.sample(ledger.scrape_sent(), reading(7.0));
    reserve(&ledger, 2.0);
    ledger.extrapolate(-0.5);
    assert_eq!(ledger.estimate(), load(9.0));
}

#[test]
fn the_rule_may_change_while_requests_are_under_way() {
    let ledger = Ledger::new(Some(load(100.0)));
    reserve(&ledger, 10.0);
    reserve(&ledger, 5.0);
    ledger.sample(ledger.scrape_sent(), reading(15.0));
    ledger.booked(load(5.0));
    assert_eq!(
        ledger.estimate(),
        load(22.5),
        "half of the ambiguous 15 count twice"
    );
    ledger.set_lasts(Lasts::Answer);
    assert_eq!(ledger.estimate(), load(10.0));
    assert!(ledger.has_room(ledger.assigned(), load(90.0)));
    ledger.booked(load(10.0));
    assert_eq!(ledger.estimate(), load(0.0));
    ledger.set_lasts(Lasts::Session);
    reserve(&ledger, 3.0);
    ledger.booked(load(3.0));
    assert_eq!(ledger.estimate(), load(3.0), "a session again");
    ledger.sample(ledger.scrape_sent(), reading(3.0));
    assert_eq!(ledger.estimate(), load(3.0));
    assert_eq!(ledger.in_flight(), 0);
}

#[test]
fn reservations_end_by_the_same_names() {
    let upstream = std::sync::Arc::new(ledger(None));
    upstream.sample(
        upstream.scrape_sent(),
        Reading {
            load: load(0.0),
            capacity: None,
        },
    );
    let of = || Reservation::of(std::sync::Arc::clone(&upstream), load(4.0));
    of().booked();
    of().answered();
    of().cancel();
    assert_eq!(upstream.estimate(), load(0.0));
    of().unknown();
    assert_eq!(upstream.estimate(), load(4.0));
}
