//! Where a choice looks at every upstream: few of them, some of them, and none with room.

use std::sync::Arc;

use fastrand::Rng;

use super::{grid, least_load, load, loads};
use crate::{
    Feeder, FeederLock, Ledger, Load, Policy, Reading, Reason, Refusal, Request, RequestLimit,
    Reservation, Roster, Standing, Tree,
};

fn sampled(units: f64) -> Arc<Ledger> {
    let ledger = Ledger::default();
    let reading = Reading {
        load: load(units),
        capacity: None,
    };
    ledger.sample(ledger.scrape_sent(), reading);
    Arc::new(ledger)
}

#[test]
fn each_policy_has_its_name_in_the_configuration() {
    let names = Policy::ALL.map(Policy::name);
    assert_eq!(
        names,
        ["least_load", "power_of_two", "round_robin", "random"]
    );
}

#[test]
fn of_some_upstreams_a_tie_is_told_from_a_lowest_one() {
    for (units, reason) in [
        (&[5.0, 9.0, 7.0][..], Reason::Policy),
        (&[9.0, 5.0, 7.0], Reason::Policy),
        (&[9.0, 9.0, 5.0], Reason::Policy),
        (&[9.0, 5.0, 5.0], Reason::Tie),
        (&[5.0, 9.0, 5.0], Reason::Tie),
        (&[5.0, 5.0, 5.0], Reason::Tie),
    ] {
        // One more, which is not among them, is empty.
        let all = [&[0.0], units].concat();
        let roster = grid(&loads(&all));
        let among = roster.mask(|at| at > 0);
        let request = Request::from(load(1.0)).among(&among);
        let choice = least_load().reserve(&roster, request, &mut Rng::with_seed(1));
        let choice = choice.unwrap();
        assert_eq!((all[choice.at], choice.reason), (5.0, reason), "{units:?}");
    }
}

#[test]
fn of_more_equals_than_are_kept_each_is_chosen() {
    for count in [8, 9, 32] {
        let mut rng = Rng::with_seed(5);
        let mut chosen = vec![0; count];
        for _ in 0..100 * count {
            let roster = grid(&loads(&vec![0.0; count]));
            chosen[least_load()
                .reserve(&roster, load(1.0), &mut rng)
                .unwrap()
                .at] += 1;
        }
        let (least, most) = (chosen.iter().min(), chosen.iter().max());
        assert!(
            least > Some(&50) && most < Some(&160),
            "{count}: {chosen:?}"
        );
    }
}

#[test]
fn of_a_hundred_full_ones_the_stale_one_is_tried_wherever_it_is() {
    for stale in [0, 40, 99] {
        let roster = grid(&[(10.0, Some(10.0)); 100]);
        assert!(
            least_load()
                .reserve(&roster, load(1.0), &mut Rng::with_seed(1))
                .is_err()
        );
        roster[stale].set_stale(true);
        let choice = least_load().reserve(&roster, load(1.0), &mut Rng::with_seed(1));
        let choice = choice.unwrap();
        assert_eq!((choice.at, choice.reason), (stale, Reason::Stale));
    }
}

/// Two upstreams under one feeder with this capacity.
fn pair(capacity: f64, is_metered: bool) -> (Roster<Ledger>, Arc<Feeder>) {
    let feeder = Arc::new(Feeder::new(&FeederLock::default(), is_metered));
    feeder.set_capacity(Some(load(capacity)));
    let tree = Tree {
        feeders: vec![Arc::clone(&feeder)],
        parents: vec![None],
        of: vec![Some(0), Some(0)],
    };
    let upstreams = [sampled(1.0), sampled(9.0)];
    (Roster::in_tree(upstreams, tree), feeder)
}

#[test]
fn one_that_is_out_is_not_chosen_for_the_score_of_its_feeder() {
    let (roster, _feeder) = pair(100.0, false);
    roster[0].set_standing(Standing::Out);
    let among = roster.mask(|_| true);
    for request in [
        Request::from(load(1.0)),
        Request::from(load(1.0)).among(&among),
    ] {
        let choice = least_load().reserve(&roster, request, &mut Rng::with_seed(1));
        assert_eq!(choice.unwrap().at, 1);
    }
}

#[test]
fn what_ignores_an_upstreams_room_keeps_to_that_of_its_feeders() {
    let (roster, feeder) = pair(20.0, false);
    roster[1].set_capacity(Some(load(9.0)));
    let within = |units: f64| Reservation::within_feeders(Arc::clone(&roster[1]), load(units));
    assert!(within(11.0).is_none(), "10 of 20 are used");
    let reservation = within(10.0).expect("the feeder has room, and the upstream is asked");
    assert_eq!(feeder.left(), Some(load(0.0)));
    let feeders = reservation.feeders();
    assert!(feeders.len() == 1 && Arc::ptr_eq(&feeders[0], &feeder));
    assert!(within(1.0).is_none());
    reservation.cancel();
    assert_eq!(feeder.left(), Some(load(10.0)));
    let free = Reservation::of(sampled(0.0), load(1.0));
    assert!(free.feeders().is_empty());
}

#[test]
fn a_meter_without_a_capacity_decides_no_choice() {
    let (roster, feeder) = pair(100.0, true);
    feeder.set_capacity(None);
    let meter = feeder.meter().unwrap();
    let reading = Reading {
        load: load(1_000.0),
        capacity: None,
    };
    meter.sample(meter.scrape_sent(), reading);
    assert_eq!(feeder.load_and_weight(1.0), (1e9, 0.0));
    let choice = least_load().reserve(&roster, load(1.0), &mut Rng::with_seed(1));
    assert_eq!(choice.unwrap().at, 0, "the lower of the two");
}

/// Where the next request of so many units goes, or why nowhere.
fn next(roster: &Roster<Ledger>, units: f64) -> Result<usize, Refusal> {
    let choice = least_load().reserve(roster, load(units), &mut Rng::with_seed(1));
    choice.map(|choice| choice.at)
}

#[test]
fn beyond_their_limits_the_fullest_is_still_told_from_the_emptiest() {
    let roster = grid(&[(5.0, Some(10.0)), (20.0, Some(100.0)), (0.0, Some(100.0))]);
    for upstream in roster.iter() {
        upstream.set_request_limit(RequestLimit::Soft(0));
    }
    roster[2].set_standing(Standing::Out);
    assert_eq!(next(&roster, 1.0), Ok(1));
    roster[1].set_request_limit(RequestLimit::Hard(0));
    assert_eq!(next(&roster, 1.0), Ok(0), "a hard limit counts always");
}

#[test]
fn before_any_sample_a_choice_goes_by_capacities_and_own_load() {
    let of = |capacities: &[f64]| {
        let ledgers = capacities
            .iter()
            .map(|units| Ledger::new(Some(load(*units))));
        Roster::new(ledgers.map(Arc::new))
    };
    let roster = of(&[10.0, 100.0, 1_000.0]);
    roster[2].set_standing(Standing::Out);
    for _ in 0..5 {
        let choice = least_load().reserve(&roster, load(1.0), &mut Rng::with_seed(1));
        let choice = choice.unwrap();
        assert_eq!(choice.at, 1);
        choice.reservation.booked();
    }
    let limited = of(&[10.0]);
    limited[0].set_request_limit(RequestLimit::Hard(0));
    assert_eq!(next(&limited, 1.0), Err(Refusal::NoCapacity));
    limited[0].set_request_limit(RequestLimit::Soft(0));
    assert_eq!(next(&limited, 1.0), Ok(0), "there is no other");
}

#[test]
fn a_stale_one_is_asked_for_no_more_than_its_capacity_and_an_outside_limit() {
    let stale = || {
        let roster = grid(&[(9.0, Some(10.0))]);
        roster[0].set_stale(true);
        roster
    };
    assert_eq!(next(&stale(), 10.0), Ok(0));
    assert_eq!(next(&stale(), 10.1), Err(Refusal::NoCapacity));
    let limited = stale();
    limited[0].set_limit(Some(load(9.5)));
    assert_eq!(next(&limited, 1.0), Err(Refusal::NoCapacity));
    assert_eq!(next(&limited, 0.5), Ok(0));
}

#[test]
fn a_feeder_may_have_a_capacity_of_a_millionth_and_its_members_are_full_with_it() {
    let (roster, feeder) = pair(20.0, false);
    assert!(!roster[0].is_full_above(load(10.0)) && roster[0].is_full_above(load(10.1)));
    let least = Load::from_micros(1);
    feeder.set_capacity(Some(least));
    assert_eq!(feeder.capacity(), Some(least));
    assert_eq!(feeder.left(), Some(Load::ZERO));
    assert!(roster[0].is_full_above(least));
    roster[0].leave_feeders();
    assert!(!roster[0].is_full_above(least));
}
