//! Requests that would rather have some upstreams.

use std::sync::Arc;

use fastrand::Rng;

use super::{counts, least_load, load};
use crate::{Ledger, Mask, Preferred, Reading, Reason, Refusal, Request, Roster, Standing};

/// So many upstreams of 100 units, which bear so much each.
fn grid(units: &[f64]) -> Roster<Ledger> {
    let upstreams = units.iter().map(|units| {
        let ledger = Ledger::new(Some(load(100.0)));
        sample(&ledger, *units);
        Arc::new(ledger)
    });
    Roster::new(upstreams)
}

fn sample(ledger: &Ledger, units: f64) {
    let reading = Reading {
        load: load(units),
        capacity: None,
    };
    ledger.sample(ledger.scrape_sent(), reading);
}

fn below(roster: &Roster<Ledger>, end: usize) -> Mask {
    roster.mask(|at| at < end)
}

fn near(mask: &Mask, spill_at: f64) -> Preferred<'_> {
    Preferred {
        mask,
        spill_at: Some(spill_at),
    }
}

/// Books requests of 1 unit, and returns how many were booked.
fn book(roster: &Roster<Ledger>, preferred: &[Preferred<'_>], requests: usize) -> usize {
    let mut rng = Rng::with_seed(7);
    let request = Request {
        preferred,
        ..Request::of(load(1.0))
    };
    let choices = (0..requests).filter_map(|_| {
        let choice = least_load().reserve(roster, request, &mut rng);
        choice.ok()
    });
    choices.map(|choice| choice.reservation.booked()).count()
}

#[test]
fn the_preferred_ones_fill_evenly_up_to_their_mark_and_only_what_exceeds_it_goes_elsewhere() {
    let roster = grid(&[0.0, 20.0, 0.0, 0.0, 0.0, 0.0]);
    let zone = below(&roster, 3);
    let near = [near(&zone, 0.8)];
    book(&roster, &near, 220);
    assert_eq!(counts(&roster), [80, 60, 80, 0, 0, 0], "240 of 300");
    // The others are emptier, so they come first until all are equal.
    book(&roster, &near, 240);
    assert_eq!(counts(&roster), [80, 60, 80, 80, 80, 80]);
    book(&roster, &near, 60);
    let loads: Vec<_> = roster.iter().map(|one| one.estimate().units()).collect();
    assert!(
        loads.iter().all(|load| (load - 90.0).abs() < 1e-9),
        "{loads:?}"
    );
    assert_eq!(book(&roster, &near, 100), 60, "then all are full");
}

#[test]
fn without_a_mark_the_preferred_ones_are_filled_first() {
    let roster = grid(&[0.0; 4]);
    let zone = below(&roster, 1);
    let preferred = [Preferred {
        mask: &zone,
        spill_at: None,
    }];
    book(&roster, &preferred, 103);
    assert_eq!(counts(&roster), [100, 1, 1, 1]);
}

#[test]
fn groups_are_tried_in_their_order_and_those_that_can_not_be_used_are_passed_over() {
    let roster = grid(&[0.0; 4]);
    let (first, second) = (below(&roster, 1), below(&roster, 2));
    let preferred = [near(&first, 0.5), near(&second, 0.5)];
    book(&roster, &preferred, 80);
    assert_eq!(counts(&roster), [50, 30, 0, 0]);
    roster[0].set_standing(Standing::Out);
    book(&roster, &preferred, 20);
    assert_eq!(counts(&roster), [50, 50, 0, 0], "one of 100 is half full");
    let mut rng = Rng::with_seed(1);
    let request = Request {
        preferred: &preferred,
        ..Request::of(load(1.0))
    };
    let choice = least_load().reserve(&roster, request, &mut rng).unwrap();
    assert_eq!(choice.reason, Reason::Spill);
    choice.reservation.cancel();
    let only = Request {
        among: Some(&first),
        ..request
    };
    let refused = least_load().reserve(&roster, only, &mut rng);
    assert_eq!(refused.map(|choice| choice.at), Err(Refusal::NoUpstream));
}

#[test]
fn four_proxies_fill_the_gap_once_and_not_four_times() {
    for (share, filled) in [(0.25, 160), (1.0, 320)] {
        let loads = [0.0; 4];
        let proxies: Vec<_> = (0..4).map(|_| grid(&loads)).collect();
        let mut inside = 0;
        for proxy in &proxies {
            proxy.set_share(share);
            let zone = below(proxy, 2);
            book(proxy, &[near(&zone, 0.8)], 80);
            inside += counts(proxy)[..2].iter().sum::<u64>();
        }
        assert_eq!(
            inside, filled,
            "of 160 up to the mark, with a share of {share}"
        );
        // The next samples show what all have booked.
        for proxy in &proxies {
            let before = counts(proxy);
            for ledger in proxy.iter() {
                sample(ledger, 80.0);
            }
            let zone = below(proxy, 2);
            book(proxy, &[near(&zone, 0.8)], 4);
            let after = counts(proxy);
            let more: u64 = after[..2].iter().sum::<u64>() - before[..2].iter().sum::<u64>();
            assert_eq!(more, 2, "all are equal, so the load decides");
        }
    }
}

#[test]
fn what_is_kept_of_large_groups_lacks_no_own_choice() {
    let roster = grid(&[10.0; 400]);
    let zone = below(&roster, 200);
    book(&roster, &[near(&zone, 0.5)], 9_000);
    let inside: u64 = counts(&roster)[..200].iter().sum();
    assert_eq!(inside, 8_000, "from 10 to 50 of 100 each");
    // Load that has gone is seen after the next round of samples.
    for ledger in roster.iter() {
        sample(ledger, 40.0);
    }
    roster.set_share(1.0);
    book(&roster, &[near(&zone, 0.5)], 3_000);
    let inside: u64 = counts(&roster)[..200].iter().sum();
    assert_eq!(inside, 10_000, "from 40 to 50");
}
