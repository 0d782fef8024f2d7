//! Room among upstreams, and under feeders.

use std::sync::Arc;

use super::*;
use crate::{
    FeederLock, Standing, Tree,
    ledger::tests::{load, reading},
};

/// Upstreams of these capacities with these loads, if they are sampled.
fn roster(upstreams: &[(Option<f64>, Option<f64>)]) -> Roster<Ledger> {
    Roster::new(upstreams.iter().map(|(capacity, used)| {
        let ledger = Ledger::new(capacity.map(load));
        if let Some(used) = used {
            ledger.sample(ledger.scrape_sent(), reading(*used));
        }
        ledger.set_standing(Standing::In);
        Arc::new(ledger)
    }))
}

#[test]
fn the_largest_room_is_that_of_one_upstream_in_rotation() {
    let roster = roster(&[
        (Some(100.0), Some(90.0)),
        (Some(50.0), Some(20.0)),
        (Some(900.0), Some(0.0)),
    ]);
    roster[2].set_standing(Standing::Out);
    assert_eq!(
        roster.largest_room(&Request::of(Load::ZERO)),
        load(30.0).micros()
    );
    assert_eq!(
        roster.largest_room(&Request::of(Load::ZERO).without(&[1])),
        load(10.0).micros()
    );
    roster[0].set_stale(true);
    assert_eq!(
        roster.largest_room(&Request::of(Load::ZERO)),
        load(100.0).micros(),
        "it is asked although it seems full"
    );
}

#[test]
fn room_is_kept_where_the_load_could_be_borne_and_the_least_is_missing() {
    let roster = roster(&[
        (Some(100.0), Some(99.0)),
        (Some(100.0), Some(95.0)),
        (Some(50.0), Some(0.0)),
        (None, Some(0.0)),
    ]);
    assert_eq!(roster.nearest_to(&load(60.0).into()), Some(1));
    assert_eq!(roster.nearest_to(&load(50.0).into()), Some(2));
    assert_eq!(roster.nearest_to(&load(101.0).into()), None);
}

#[test]
fn what_could_be_borne_goes_by_those_that_would_be_asked() {
    let known = (Some(100.0), Some(0.0));
    let could = |upstreams: &[_], units| roster(upstreams).could_bear(&load(units).into());
    assert!(could(&[known], 100.0) && !could(&[known], 101.0));
    assert!(
        could(&[known, (None, Some(0.0))], 101.0),
        "one room is unknown"
    );
    assert!(!could(&[known, (None, None)], 101.0), "it is not asked");
    assert!(could(&[(None, None)], 101.0), "there is no other");
}

/// Two sampled upstreams of these capacities and loads under a feeder of this capacity, and a third one beside it.
fn under_a_feeder(
    pair: [(f64, f64); 2],
    capacity: f64,
    beside: (f64, f64),
) -> (Roster<Ledger>, Arc<Feeder>) {
    let feeder = Arc::new(Feeder::new(&FeederLock::default(), false));
    feeder.set_capacity(Some(load(capacity)));
    let tree = Tree {
        feeders: vec![Arc::clone(&feeder)],
        parents: vec![None],
        of: vec![Some(0), Some(0), None],
    };
    let [first, second] = pair;
    let all = [first, second, beside].map(|(capacity, used)| {
        let ledger = Ledger::new(Some(load(capacity)));
        ledger.sample(ledger.scrape_sent(), reading(used));
        Arc::new(ledger)
    });
    (Roster::in_tree(all, tree), feeder)
}

fn room(roster: &Roster<Ledger>, units: f64) -> Option<f64> {
    let room = roster.room_for(&load(units).into());
    let micros = i64::try_from(room).ok()?;
    (room < BOUNDLESS).then(|| Load::from_micros(micros).units())
}

#[test]
fn room_is_what_fits_in_whole_requests_in_each_upstream() {
    let both = [(Some(100.0), Some(10.0)), (Some(100.0), Some(55.0))];
    assert_eq!(room(&roster(&both), 20.0), Some(120.0));
    assert_eq!(room(&roster(&both), 45.0), Some(135.0));
    assert_eq!(room(&roster(&both), 91.0), Some(0.0));
    let one_is_out = roster(&both);
    one_is_out[0].set_standing(Standing::Out);
    assert_eq!(room(&one_is_out, 20.0), Some(40.0));
    let request = Request::of(load(20.0)).without(&[1]);
    assert_eq!(
        roster(&both).room_for(&request),
        i128::from(load(80.0).micros())
    );
    // What can't be said.
    let one_is_stale = roster(&both);
    one_is_stale[1].set_stale(true);
    assert_eq!(room(&one_is_stale, 20.0), None);
    let unbounded = roster(&[both[0], (None, Some(0.0))]);
    assert_eq!(room(&unbounded, 20.0), None);
    assert_eq!(room(&roster(&[(Some(100.0), None)]), 20.0), None);
    assert_eq!(room(&roster(&[]), 20.0), None);
    let one_is_unsampled = roster(&[both[0], (Some(100.0), None)]);
    assert_eq!(room(&one_is_unsampled, 20.0), Some(80.0), "it is not asked");
}

#[test]
fn room_under_a_feeder_is_counted_once() {
    let pair = [(100.0, 10.0), (100.0, 55.0)];
    for (capacity, expected) in [
        // 65 are used, so 70 are left: three requests.
        (135.0, 60.0),
        // Both fit: 90 and 45 are left.
        (265.0, 120.0),
        // The first takes four, and one is left for the second.
        (165.0, 100.0),
        (65.0, 0.0),
    ] {
        let (roster, _feeder) = under_a_feeder(pair, capacity, (50.0, 30.0));
        assert_eq!(room(&roster, 20.0), Some(expected + 20.0), "{capacity}");
    }
    let (roster, feeder) = under_a_feeder(pair, 1.0, (50.0, 30.0));
    feeder.set_capacity(None);
    assert_eq!(room(&roster, 20.0), Some(140.0), "it bounds nothing");
    // Upstreams that nothing bounds have the room of their feeder.
    let bounded = [0, 1, 2].map(|_| Arc::new(Ledger::default()));
    for ledger in &bounded {
        ledger.sample(ledger.scrape_sent(), reading(10.0));
    }
    feeder.set_capacity(Some(load(70.0)));
    let tree = Tree {
        feeders: vec![feeder],
        parents: vec![None],
        of: vec![Some(0); 3],
    };
    roster.iter().for_each(|ledger| ledger.leave_feeders());
    let roster = Roster::in_tree(bounded, tree);
    assert_eq!(room(&roster, 20.0), Some(40.0));
}

#[test]
fn the_largest_room_is_no_larger_than_that_of_a_feeder_and_of_one_that_would_be_asked() {
    let (roster, _feeder) = under_a_feeder([(100.0, 10.0), (100.0, 55.0)], 135.0, (50.0, 30.0));
    let largest = |tried: &[usize]| {
        let request = Request::of(Load::ZERO).without(tried);
        Load::from_micros(roster.largest_room(&request)).units()
    };
    assert_eq!((largest(&[]), largest(&[0])), (70.0, 45.0));
    assert_eq!((largest(&[0, 1]), largest(&[0, 1, 2])), (20.0, 0.0));
    let unsampled = [(Some(10.0), Some(9.0)), (Some(100.0), None)];
    let request = Request::of(Load::ZERO);
    let largest = |upstreams: &[_]| self::roster(upstreams).largest_room(&request);
    assert_eq!(largest(&unsampled), load(1.0).micros());
    assert_eq!(largest(&unsampled[1..]), load(100.0).micros());
}

#[test]
fn what_a_feeder_can_not_bear_is_neither_kept_room_for_nor_promised() {
    let (roster, feeder) = under_a_feeder([(100.0, 50.0), (100.0, 55.0)], 120.0, (50.0, 30.0));
    // Both under the feeder lack 5 of 20, the one beside it none.
    assert_eq!(roster.nearest_to(&load(45.0).into()), Some(2));
    assert_eq!(
        roster.nearest_to(&load(51.0).into()),
        Some(1),
        "the last of equals"
    );
    let without = |tried| Request::of(load(45.0)).without(tried);
    assert_eq!(roster.nearest_to(&without(&[1, 2])), Some(0));
    roster[2].set_standing(Standing::Out);
    assert_eq!(roster.nearest_to(&load(45.0).into()), Some(1));
    let could = |units| roster.could_bear(&load(units).into());
    assert!(could(100.0) && !could(101.0));
    feeder.set_capacity(Some(load(60.0)));
    assert!(could(60.0) && !could(61.0));
    assert_eq!(roster.nearest_to(&load(61.0).into()), None);
    assert_eq!(roster.nearest_to(&load(60.0).into()), Some(1));
    assert!(!roster.could_bear(&Request::of(load(60.0)).without(&[0, 1])));
    roster[0].set_standing(Standing::Out);
    roster[1].set_standing(Standing::Out);
    assert!(!could(1.0), "none is in rotation");
}

#[test]
fn what_one_that_is_out_or_was_tried_could_bear_does_not_count() {
    let known = (Some(100.0), Some(0.0));
    let both = roster(&[known, (None, None)]);
    both[0].set_standing(Standing::Out);
    assert!(both.could_bear(&load(101.0).into()), "the other is asked");
    let request = Request::of(load(50.0));
    assert!(roster(&[known]).could_bear(&request));
    assert!(!roster(&[known]).could_bear(&request.without(&[0])));
    both[1].set_standing(Standing::Out);
    assert!(!both.could_bear(&load(1.0).into()));
}

#[test]
fn the_binding_level_is_the_tightest_of_the_upstream_with_the_most_room() {
    let (roster, _feeder) = under_a_feeder([(100.0, 90.0), (100.0, 60.0)], 165.0, (50.0, 45.0));
    let binding = |units: f64, tried: &[usize]| {
        let request = Request::of(load(units)).without(tried);
        let binding = roster.binding(&request)?;
        Some((
            binding.level,
            binding.left.units(),
            binding.bound.unwrap().units(),
        ))
    };
    // Left: 10, 40 and 5; and 15 under the feeder.
    let feeder = Some((Level::Feeder(0), 15.0, 165.0));
    assert_eq!(binding(30.0, &[]), feeder);
    assert_eq!(binding(30.0, &[1]), Some((Level::Upstream(0), 10.0, 100.0)));
    assert_eq!(
        binding(30.0, &[0, 1]),
        Some((Level::Upstream(2), 5.0, 50.0))
    );
    assert_eq!(binding(15.0, &[0, 2]), None, "it just fits");
    assert_eq!(binding(5.0, &[]), None);
    roster[1].set_standing(Standing::Out);
    assert_eq!(binding(30.0, &[]), Some((Level::Upstream(0), 10.0, 100.0)));
    assert_eq!(binding(30.0, &[0, 1, 2]), None);
}
