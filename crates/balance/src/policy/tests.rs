mod many;
mod narrow;
mod preferences;
mod properties;
mod ranking;
mod tolerance;
mod trees;
mod work;

use std::{collections::BTreeSet, sync::Arc};

use fastrand::Rng;

use super::Policy;
use crate::{Ledger, Load, Reading, Reason, Refusal, Request, Roster, Selector, Standing};

fn load(units: f64) -> Load {
    Load::new(units).unwrap()
}

/// Upstreams with one sample each: (load, capacity).
fn grid(readings: &[(f64, Option<f64>)]) -> Roster<Ledger> {
    Roster::new(readings.iter().map(|&(units, capacity)| {
        let ledger = Ledger::default();
        let reading = Reading {
            load: load(units),
            capacity: capacity.map(load),
        };
        ledger.sample(ledger.scrape_sent(), reading);
        Arc::new(ledger)
    }))
}

fn loads(units: &[f64]) -> Vec<(f64, Option<f64>)> {
    units.iter().map(|&units| (units, None)).collect()
}

fn least_load() -> Selector {
    Selector::new(Policy::LeastLoad)
}

/// Books a request of `units`, and returns where it goes.
fn book(
    selector: &Selector,
    grid: &Roster<Ledger>,
    units: f64,
    rng: &mut Rng,
) -> Result<usize, Refusal> {
    let choice = selector.reserve(grid, load(units), rng)?;
    choice.reservation.booked();
    Ok(choice.at)
}

fn counts(grid: &Roster<Ledger>) -> Vec<u64> {
    grid.iter()
        .map(|upstream| upstream.reservations())
        .collect()
}

#[test]
fn the_lowest_of_three_distinct_loads_in_every_order() {
    for order in [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ] {
        let grid = grid(&loads(&order.map(f64::from)));
        let at = book(&least_load(), &grid, 1.0, &mut Rng::with_seed(1)).unwrap();
        assert_eq!(order[at], 1, "{order:?}");
    }
}

#[test]
fn power_of_two_takes_the_lower_of_two_distinct_ones_and_never_the_highest() {
    for order in [
        [1_u8, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ] {
        let mut chosen = [0; 4];
        for seed in 0..300 {
            let grid = grid(&loads(&order.map(f64::from)));
            let policy = Selector::new(Policy::PowerOfTwo);
            let at = book(&policy, &grid, 0.1, &mut Rng::with_seed(seed)).unwrap();
            chosen[usize::from(order[at])] += 1;
        }
        assert_eq!(chosen[3], 0, "{order:?}: the highest wins no pair");
        assert!(
            (150..250).contains(&chosen[1]),
            "the lowest is in two pairs of three: {chosen:?}"
        );
    }
}

#[test]
fn ties_are_broken_evenly() {
    let mut chosen = [0; 5];
    let mut rng = Rng::with_seed(7);
    for _ in 0..5_000 {
        let grid = grid(&loads(&[4.0, 2.0, 2.0, 2.0, 9.0]));
        chosen[book(&least_load(), &grid, 1.0, &mut rng).unwrap()] += 1;
    }
    assert_eq!((chosen[0], chosen[4]), (0, 0));
    assert!(
        chosen[1..4].iter().all(|n| (1_500..1_850).contains(n)),
        "{chosen:?}"
    );
}

#[test]
fn a_burst_inside_one_scrape_interval_ends_within_one_request_of_even() {
    let grid = grid(&loads(&[0.0; 5]));
    let mut rng = Rng::with_seed(3);
    for _ in 0..1_003 {
        book(&least_load(), &grid, 11.0, &mut rng).unwrap();
    }
    let counts = counts(&grid);
    assert!(
        counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1,
        "{counts:?}"
    );
}

#[test]
fn capacities_fill_in_proportion() {
    let grid = grid(&[
        (0.0, Some(1_000.0)),
        (0.0, Some(2_000.0)),
        (0.0, Some(4_000.0)),
    ]);
    let mut rng = Rng::with_seed(3);
    for _ in 0..700 {
        book(&least_load(), &grid, 5.0, &mut rng).unwrap();
    }
    for (upstream, expected) in grid.iter().zip([100, 200, 400_u64]) {
        assert!(
            upstream.reservations().abs_diff(expected) <= 1,
            "{:?}",
            counts(&grid)
        );
    }
}

#[test]
fn no_upstream_is_filled_beyond_capacity() {
    for policy in [
        Policy::LeastLoad,
        Policy::PowerOfTwo,
        Policy::RoundRobin,
        Policy::Random,
    ] {
        let grid = grid(&[(5.0, Some(20.0)), (0.0, Some(10.0)), (19.5, Some(20.0))]);
        let selector = Selector::new(policy);
        let mut rng = Rng::with_seed(3);
        let booked = (0..100)
            .filter(|_| book(&selector, &grid, 1.0, &mut rng).is_ok())
            .count();
        assert_eq!(booked, 25, "{}", policy.name());
        assert_eq!(
            book(&selector, &grid, 1.0, &mut rng),
            Err(Refusal::NoCapacity)
        );
        assert!(
            book(&selector, &grid, 0.5, &mut rng).is_ok(),
            "a smaller request still fits the third upstream"
        );
    }
}

#[test]
fn nothing_to_choose_from() {
    let none = Roster::<Ledger>::new([]);
    for policy in [
        Policy::LeastLoad,
        Policy::PowerOfTwo,
        Policy::RoundRobin,
        Policy::Random,
    ] {
        let selector = Selector::new(policy);
        let mut rng = Rng::with_seed(1);
        assert_eq!(
            book(&selector, &none, 1.0, &mut rng),
            Err(Refusal::NoUpstream)
        );
        let grid = grid(&loads(&[1.0]));
        assert_eq!(
            book(&selector, &grid, 1.0, &mut rng),
            Ok(0),
            "one upstream is enough"
        );
        grid[0].set_standing(Standing::Out);
        assert_eq!(
            book(&selector, &grid, 1.0, &mut rng),
            Err(Refusal::NoUpstream)
        );
    }
}

#[test]
fn an_unsampled_upstream_is_used_only_when_no_sampled_one_is_in_rotation() {
    let seen = grid(&loads(&[100.0]));
    let unseen = Arc::new(Ledger::default());
    let both = Roster::new([Arc::clone(&unseen), Arc::clone(&seen[0])]);
    let mut rng = Rng::with_seed(1);
    for _ in 0..50 {
        assert_eq!(book(&least_load(), &both, 1.0, &mut rng), Ok(1));
    }
    seen[0].set_standing(Standing::Out);
    assert_eq!(book(&least_load(), &both, 1.0, &mut rng), Ok(0));
}

#[test]
fn without_any_sample_the_ledger_alone_spreads_evenly() {
    let grid = Roster::new((0..4).map(|_| Arc::new(Ledger::default())));
    let mut rng = Rng::with_seed(1);
    for _ in 0..400 {
        book(&least_load(), &grid, 3.0, &mut rng).unwrap();
    }
    assert_eq!(counts(&grid), [100; 4]);
}

#[test]
fn upstreams_already_tried_are_left_out() {
    let grid = grid(&loads(&[1.0, 2.0, 3.0]));
    let mut rng = Rng::with_seed(1);
    let choice = least_load()
        .reserve(&grid, Request::of(load(1.0)).without(&[0]), &mut rng)
        .unwrap();
    assert_eq!((choice.at, choice.reason), (1, Reason::Failover));
    choice.reservation.cancel();
    let none = least_load()
        .reserve(&grid, Request::of(load(1.0)).without(&[0, 1, 2]), &mut rng)
        .map(|choice| choice.at);
    assert_eq!(none, Err(Refusal::NoUpstream));
}

#[test]
fn round_robin_takes_turns_and_random_takes_all() {
    let grid = grid(&loads(&[9.0, 0.0, 5.0]));
    let turns = Selector::new(Policy::RoundRobin);
    let mut rng = Rng::with_seed(1);
    let order: Vec<_> = (0..6)
        .map(|_| book(&turns, &grid, 1.0, &mut rng).unwrap())
        .collect();
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    let any = Selector::new(Policy::Random);
    let seen: BTreeSet<_> = (0..60)
        .map(|_| book(&any, &grid, 1.0, &mut rng).unwrap())
        .collect();
    assert_eq!(seen.len(), 3);
}

#[test]
fn threads_never_fill_the_same_gap_twice() {
    let grid = grid(&loads(&[0.0; 7]));
    let selector = least_load();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (grid, selector) = (&grid, &selector);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed);
                for _ in 0..7_000 {
                    book(selector, grid, 2.0, &mut rng).unwrap();
                }
            });
        }
    });
    assert_eq!(counts(&grid), [4_000; 7]);
}

#[test]
fn a_full_grid_with_a_stale_sample_still_takes_requests() {
    let grid = grid(&[(10.0, Some(10.0)), (20.0, Some(20.0))]);
    let mut rng = Rng::with_seed(1);
    assert_eq!(
        book(&least_load(), &grid, 1.0, &mut rng),
        Err(Refusal::NoCapacity)
    );
    grid[1].set_stale(true);
    let choice = least_load().reserve(&grid, load(1.0), &mut rng).unwrap();
    assert_eq!((choice.at, choice.reason), (1, Reason::Stale));
    choice.reservation.cancel();
    assert_eq!(
        least_load()
            .reserve(&grid, Request::of(load(1.0)).without(&[1]), &mut rng)
            .map(|choice| choice.at),
        Err(Refusal::NoCapacity),
        "it is tried once"
    );
}

#[test]
fn a_share_scales_what_the_gauges_say_and_not_what_they_cant_know() {
    let grid = grid(&loads(&[100.0, 60.0]));
    let mut rng = Rng::with_seed(1);
    grid.set_share(0.25);
    for _ in 0..40 {
        book(&least_load(), &grid, 1.0, &mut rng).unwrap();
    }
    // A quarter of the gap of 40, and of the rest one half each.
    assert_eq!(counts(&grid), [15, 25]);
    let choice = least_load().reserve(&grid, load(0.5), &mut rng).unwrap();
    assert!(matches!(choice.reason, Reason::Spread | Reason::Tie));
    choice.reservation.cancel();
}

#[test]
fn a_choice_says_why() {
    let mut rng = Rng::with_seed(1);
    let reason = |readings: &[f64], tried: &[usize], rng: &mut Rng| {
        let grid = grid(&loads(readings));
        let choice = least_load()
            .reserve(&grid, Request::of(load(1.0)).without(tried), rng)
            .unwrap();
        choice.reservation.cancel();
        choice.reason
    };
    assert_eq!(reason(&[1.0, 2.0], &[], &mut rng), Reason::Policy);
    assert_eq!(reason(&[2.0, 2.0], &[], &mut rng), Reason::Tie);
    assert_eq!(reason(&[2.0, 2.0], &[1], &mut rng), Reason::Failover);
}

#[test]
fn a_seed_moves_where_round_robin_begins() {
    let starts: BTreeSet<_> = (0..20)
        .map(|seed| {
            let turns = Selector::with_seed(Policy::RoundRobin, seed);
            book(
                &turns,
                &grid(&loads(&[0.0; 4])),
                1.0,
                &mut Rng::with_seed(1),
            )
            .unwrap()
        })
        .collect();
    assert_eq!(starts.len(), 4);
}
