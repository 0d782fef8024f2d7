//! Properties for arbitrary gauges, capacities and requests.

use fastrand::Rng;
use proptest::{
    collection, option,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
};

use super::{book, grid, least_load, load, loads};
use crate::{Load, Reading, Refusal};

/// Pours `requests` equal loads into vessels, each into the lowest one. The choices must match this.
fn water_filling(levels: &[f64], request: f64, requests: usize) -> Vec<f64> {
    let mut levels = levels.to_vec();
    for _ in 0..requests {
        let lowest = levels.iter_mut().min_by(|a, b| a.total_cmp(b)).unwrap();
        *lowest += request;
    }
    levels
}

proptest! {
    #[test]
    fn uneven_gauges_end_within_one_request_of_water_filling(
        starts in collection::vec(0_u32..500, 1..12),
        requests in 0_usize..600,
        seed in any::<u64>(),
    ) {
        let starts: Vec<f64> = starts.into_iter().map(f64::from).collect();
        let grid = grid(&loads(&starts));
        let mut rng = Rng::with_seed(seed);
        for _ in 0..requests {
            book(&least_load(), &grid, 3.0, &mut rng).unwrap();
        }
        let mut ends: Vec<f64> = grid.iter().map(|upstream| upstream.estimate().units()).collect();
        let mut wanted = water_filling(&starts, 3.0, requests);
        ends.sort_by(f64::total_cmp);
        wanted.sort_by(f64::total_cmp);
        for (end, wanted) in ends.iter().zip(wanted) {
            prop_assert!((end - wanted).abs() <= 3.0 + 1e-9, "{end} {wanted}");
        }
    }

    #[test]
    fn a_choice_is_never_worse_than_any_other_upstream(
        readings in collection::vec((0_u32..1_000, option::of(1_u32..2_000)), 1..20),
        request in 1_u32..100,
        seed in any::<u64>(),
    ) {
        let readings: Vec<_> =
            readings.into_iter().map(|(l, c)| (f64::from(l), c.map(f64::from))).collect();
        let request = f64::from(request);
        let grid = grid(&readings);
        let score = |(units, capacity): (f64, Option<f64>)| (units + request) / capacity.unwrap_or(1.0);
        let fits = |(units, capacity): (f64, Option<f64>)| capacity.is_none_or(|c| units + request <= c);
        match book(&least_load(), &grid, request, &mut Rng::with_seed(seed)) {
            Ok(at) => {
                prop_assert!(fits(readings[at]));
                for &other in readings.iter().filter(|&&other| fits(other)) {
                    prop_assert!(score(readings[at]) <= score(other) * (1.0 + 1e-12));
                }
            }
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::NoCapacity);
                prop_assert!(!readings.iter().any(|&other| fits(other)));
            }
        }
    }

    #[test]
    fn every_reservation_ends_once_and_the_account_returns_to_its_sample(
        ends in collection::vec((0_u8..3, 1_u32..50), 0..200),
        seed in any::<u64>(),
    ) {
        let grid = grid(&loads(&[0.0, 0.0, 0.0]));
        let mut rng = Rng::with_seed(seed);
        let mut truth = [0.0; 3];
        for (end, units) in ends {
            let units = f64::from(units);
            let choice = least_load().reserve(&grid, load(units), &mut rng).unwrap();
            let (at, reservation) = (choice.at, choice.reservation);
            match end {
                0 => {
                    reservation.booked();
                    truth[at] += units;
                }
                1 => reservation.cancel(),
                _ => drop(reservation),
            }
            prop_assert!(grid[at].estimate() >= Load::ZERO);
        }
        for (upstream, truth) in grid.iter().zip(truth) {
            let ledger = &upstream;
            prop_assert_eq!(ledger.in_flight(), 0);
            ledger.sample(ledger.scrape_sent(), Reading { load: load(truth), capacity: None });
            prop_assert_eq!(ledger.estimate(), load(truth));
            prop_assert_eq!(ledger.unseen(), Load::ZERO);
        }
    }
}
