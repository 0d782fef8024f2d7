//! Choices that may be a little worse than the best.

use fastrand::Rng;
use proptest::{
    collection,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
};

use super::{book, grid, least_load, load, loads};
use crate::{
    Choice, Ledger, Policy, Preference, Reason, Request, RequestLimit, Roster, Selector, Standing,
};

/// A choice for a load of 1 that prefers the upstream at `at`.
fn near(grid: &Roster<Ledger>, at: usize, tolerance: f64, tried: &[usize]) -> Choice<Ledger> {
    let prefer = Some(Preference { at, tolerance });
    let mut rng = Rng::with_seed(1);
    least_load()
        .reserve_near(
            grid,
            Request::of(load(1.0)).without(tried),
            prefer,
            &mut rng,
        )
        .unwrap()
}

/// Where that goes, and why.
fn place(grid: &Roster<Ledger>, at: usize, tolerance: f64, tried: &[usize]) -> (usize, Reason) {
    let choice = near(grid, at, tolerance, tried);
    choice.reservation.cancel();
    (choice.at, choice.reason)
}

#[test]
fn the_preferred_one_is_taken_up_to_the_tolerance_and_the_choice_says_so() {
    let thousand = Some(1_000.0);
    let grid = grid(&[(500.0, thousand), (504.0, thousand), (506.0, thousand)]);
    assert_eq!(place(&grid, 1, 0.005, &[]), (1, Reason::Tolerance));
    assert_eq!(
        place(&grid, 2, 0.005, &[]),
        (0, Reason::Policy),
        "it is too full"
    );
    assert_eq!(
        place(&grid, 0, 0.005, &[]),
        (0, Reason::Policy),
        "it is the best"
    );
    assert_eq!(
        place(&grid, 9, 0.005, &[]),
        (0, Reason::Policy),
        "there is none"
    );
    assert_eq!(place(&grid, 2, 0.003, &[0]), (2, Reason::Failover));
}

#[test]
fn one_that_is_not_fit_is_not_preferred() {
    let grid = grid(&loads(&[5.0, 5.5]));
    assert_eq!(place(&grid, 1, 1.0, &[]), (1, Reason::Tolerance));
    assert_eq!(place(&grid, 1, 1.0, &[1]), (0, Reason::Failover));
    grid[1].set_standing(Standing::Out);
    assert_eq!(place(&grid, 1, 1.0, &[]), (0, Reason::Policy));
    grid[1].set_standing(Standing::In);
    grid[1].set_request_limit(RequestLimit::Soft(0));
    assert_eq!(place(&grid, 1, 1.0, &[]), (0, Reason::Policy));
    grid[1].set_request_limit(RequestLimit::Unlimited);
    grid[1].refused(load(1.0));
    assert_eq!(place(&grid, 1, 1.0, &[]), (0, Reason::Policy));
}

#[test]
fn policies_that_do_not_go_by_load_prefer_nothing() {
    let grid = grid(&loads(&[0.0; 3]));
    let turns = Selector::new(Policy::RoundRobin);
    let mut rng = Rng::with_seed(1);
    let mut next = || {
        let prefer = Some(Preference {
            at: 0,
            tolerance: 0.1,
        });
        let choice = turns.reserve_near(&grid, load(1.0).into(), prefer, &mut rng);
        choice.unwrap().at
    };
    let mut places = [next(), next(), next()];
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2]);
}

proptest! {
    /// Each choice prefers the one before it: the worst case.
    #[test]
    fn however_long_one_is_preferred_it_gets_ahead_by_the_tolerance_and_no_more(
        starts in collection::vec(0_u32..3, 2..40),
        thousandths in 0_u32..20,
        requests in 1_usize..400,
        seed in any::<u64>(),
    ) {
        let capacity = 1_000.0;
        let tolerance = f64::from(thousandths) / 1_000.0;
        let starts: Vec<_> = starts.into_iter().map(|s| (f64::from(s), Some(capacity))).collect();
        let grid = grid(&starts);
        let mut rng = Rng::with_seed(seed);
        let mut prefer = None;
        for _ in 0..requests {
            let loads = || grid.iter().map(|upstream| upstream.estimate().units());
            let lowest = loads().fold(f64::INFINITY, f64::min);
            let before: Vec<_> = loads().collect();
            let choice = least_load().reserve_near(&grid, load(1.0).into(), prefer, &mut rng).unwrap();
            let ahead = (before[choice.at] - lowest) / capacity;
            prop_assert!(ahead <= tolerance + 1e-9, "{ahead}");
            prop_assert_eq!(choice.reason == Reason::Tolerance, ahead > 0.0);
            prefer = Some(Preference { at: choice.at, tolerance });
            choice.reservation.booked();
        }
        if thousandths == 0 {
            let exact = super::grid(&starts);
            let mut wanted = Rng::with_seed(seed);
            for _ in 0..requests {
                book(&least_load(), &exact, 1.0, &mut wanted).unwrap();
            }
            let sorted = |grid: &Roster<Ledger>| {
                let mut loads: Vec<_> = grid.iter().map(|u| u.estimate().micros()).collect();
                loads.sort_unstable();
                loads
            };
            prop_assert_eq!(sorted(&grid), sorted(&exact));
        }
    }
}
