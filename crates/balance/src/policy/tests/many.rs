//! Choices among hundreds of upstreams, where floors decide which ones are read.

use std::collections::BTreeSet;

use fastrand::Rng;
use proptest::{
    collection,
    prelude::{Strategy, any, prop_assert, prop_oneof, proptest},
};

use super::{book, counts, grid, least_load, load, loads};
use crate::{Ledger, Load, Reading, Roster, Standing};

/// Enough upstreams to use floors; the last group is not full.
const MANY: usize = 600;

#[test]
fn among_many_a_burst_ends_within_one_request_of_even_on_every_thread() {
    let grid = grid(&loads(&[0.0; MANY]));
    std::thread::scope(|scope| {
        for seed in 0..2 {
            let grid = &grid;
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed);
                for _ in 0..(MANY * 10) {
                    book(&least_load(), grid, 2.0, &mut rng).unwrap();
                }
            });
        }
    });
    let counts = counts(&grid);
    assert!(
        counts.iter().all(|count| (19..=21).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn among_many_equal_upstreams_all_are_chosen() {
    let mut rng = Rng::with_seed(5);
    let mut chosen = BTreeSet::new();
    let grid = grid(&loads(&[0.0; MANY]));
    for _ in 0..20_000 {
        let choice = least_load().reserve(&grid, load(1.0), &mut rng).unwrap();
        chosen.insert(choice.at);
        choice.reservation.cancel();
    }
    assert_eq!(chosen.len(), MANY);
}

#[test]
fn among_many_a_refusal_that_comes_late_is_seen() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let mut readings = loads(&[10.0; MANY]);
        let lowest = rng.usize(..MANY);
        readings[lowest].0 = 5.0;
        let grid = grid(&readings);
        let held = least_load().reserve(&grid, load(50.0), &mut rng).unwrap();
        assert_eq!(held.at, lowest);
        // Another request reads it meanwhile, when its score is high.
        assert_ne!(book(&least_load(), &grid, 1.0, &mut rng), Ok(lowest));
        held.reservation.cancel();
        assert_eq!(book(&least_load(), &grid, 1.0, &mut rng), Ok(lowest));
    }
}

#[test]
fn among_many_a_smaller_share_turns_the_order() {
    let mut rng = Rng::with_seed(1);
    let grid = grid(&loads(&[20.0; MANY]));
    let first = &grid[0];
    for upstream in grid.iter().skip(1) {
        let ledger = &upstream;
        assert!(ledger.reserve_from(ledger.assigned(), load(50.0)));
    }
    first.sample(
        first.scrape_sent(),
        Reading {
            load: load(100.0),
            capacity: None,
        },
    );
    assert_ne!(
        book(&least_load(), &grid, 1.0, &mut rng),
        Ok(0),
        "100 and 70"
    );
    grid.set_share(0.1);
    assert_eq!(
        book(&least_load(), &grid, 1.0, &mut rng),
        Ok(0),
        "10 and 52"
    );
}

/// A change that may affect the order of upstreams.
#[derive(Clone, Debug)]
enum Change {
    Book(u32),
    Refuse(u32),
    Sample(usize, u32),
    Extrapolate(usize),
    Out(usize),
    In(usize),
    Share(u32),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..MANY;
    prop_oneof![
        4 => (1_u32..30).prop_map(Change::Book),
        2 => (1_u32..30).prop_map(Change::Refuse),
        3 => (at.clone(), 0_u32..1_000).prop_map(|(at, load)| Change::Sample(at, load)),
        1 => at.clone().prop_map(Change::Extrapolate),
        1 => at.clone().prop_map(Change::Out),
        1 => at.prop_map(Change::In),
        1 => (1_u32..=100).prop_map(Change::Share),
    ]
}

/// The lowest score, from a full scan.
fn lowest_of_all(grid: &Roster<Ledger>, request: Load) -> f64 {
    let scores = grid.iter().filter_map(|upstream| {
        let ledger = &upstream;
        let shared = ledger.shared_estimate_from(ledger.assigned(), grid.share());
        let fits = ledger.is_in() && ledger.has_room(ledger.assigned(), request);
        let capacity = ledger.capacity().map_or(1.0, Load::units);
        fits.then(|| (shared / 1e6 + request.units()) / capacity)
    });
    scores.fold(f64::INFINITY, f64::min)
}

proptest! {
    #[test]
    fn among_many_the_floors_never_hide_the_best(
        changes in collection::vec(change(), 1..120),
        capacities in collection::vec(500_u32..4_000, MANY),
        seed in any::<u64>(),
    ) {
        let readings: Vec<_> = capacities.iter().map(|&c| (0.0, Some(f64::from(c)))).collect();
        let grid = grid(&readings).for_requests_of(load(11.0));
        let mut rng = Rng::with_seed(seed);
        for change in changes {
            match change {
                Change::Book(units) | Change::Refuse(units) => {
                    let request = load(f64::from(units));
                    let lowest = lowest_of_all(&grid, request);
                    let before: Vec<_> = grid.iter().map(|u| u.assigned()).collect();
                    let choice = least_load().reserve(&grid, request, &mut rng).unwrap();
                    let ledger = &grid[choice.at];
                    let shared = ledger.shared_estimate_from(before[choice.at], grid.share());
                    let capacity = ledger.capacity().map_or(1.0, Load::units);
                    let score = (shared / 1e6 + request.units()) / capacity;
                    prop_assert!(score <= lowest * (1.0 + 2e-10), "{score} and {lowest}");
                    if matches!(change, Change::Book(_)) {
                        choice.reservation.booked();
                    } else {
                        choice.reservation.cancel();
                    }
                }
                Change::Sample(at, units) => {
                    let ledger = &grid[at];
                    let reading = Reading { load: load(f64::from(units) / 10.0), capacity: None };
                    ledger.sample(ledger.scrape_sent(), reading);
                }
                Change::Extrapolate(at) => grid[at].extrapolate(-0.3),
                Change::Out(at) => grid[at].set_standing(Standing::Out),
                Change::In(at) => grid[at].set_standing(Standing::In),
                Change::Share(percent) => grid.set_share(f64::from(percent) / 100.0),
            }
        }
    }
}
