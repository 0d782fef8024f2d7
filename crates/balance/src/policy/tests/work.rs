//! How many ledgers a choice reads. Floors are there so that it need not read them all; without them, or with floors that
//! hide nothing, every choice is right and slow, and no other test would notice.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use fastrand::Rng;

use super::{least_load, load};
use crate::{Feeder, FeederLock, Ledger, Mask, Reading, Request, Roster, Tree};

/// An upstream that counts how often its ledger is looked at.
#[derive(Debug, Default)]
struct Watched {
    ledger: Ledger,
    looks: AtomicUsize,
}

impl AsRef<Ledger> for Watched {
    fn as_ref(&self) -> &Ledger {
        self.looks.fetch_add(1, Relaxed);
        &self.ledger
    }
}

const TYPICAL: f64 = 11.0;

/// So many upstreams with different loads under so many feeders, which bound nothing.
fn roster(upstreams: usize, feeders: usize) -> Roster<Watched> {
    let lock = FeederLock::default();
    let mut rng = Rng::with_seed(3);
    let all: Vec<_> = (0..upstreams)
        .map(|_| Arc::new(Watched::default()))
        .collect();
    for upstream in &all {
        let reading = Reading {
            load: load(f64::from(rng.u32(0..1_000))),
            capacity: Some(load(100_000.0)),
        };
        let ledger = &upstream.ledger;
        ledger.sample(ledger.scrape_sent(), reading);
    }
    let tree = Tree {
        feeders: (0..feeders)
            .map(|_| Arc::new(Feeder::new(&lock, false)))
            .collect(),
        parents: vec![None; feeders],
        of: (0..upstreams)
            .map(|at| (feeders > 0).then(|| at * feeders / upstreams))
            .collect(),
    };
    Roster::in_tree(all, tree).for_requests_of(load(TYPICAL))
}

/// How many ledgers a choice reads on average, after some that had to search everything.
fn reads(roster: &Roster<Watched>, among: Option<&Mask>, loads: &[f64]) -> f64 {
    let (selector, mut rng) = (least_load(), Rng::with_seed(1));
    let mut choose = |times: usize| {
        for at in 0..times {
            let request = Request::from(load(loads[at % loads.len()]));
            let request = among.map_or(request, |mask| request.among(mask));
            selector
                .reserve(roster, request, &mut rng)
                .unwrap()
                .reservation
                .booked();
        }
    };
    choose(200);
    for upstream in roster.iter() {
        upstream.looks.store(0, Relaxed);
    }
    choose(1_000);
    let looks = roster.iter().map(|upstream| upstream.looks.load(Relaxed));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let looks = looks.sum::<usize>() as f64;
    looks / 1_000.0
}

/// Checks the reads for requests of these loads in turn, which may be this many, and at least half of that.
fn check(roster: impl Fn() -> Roster<Watched>, is_half: bool, cases: &[(&[f64], f64)]) {
    for (loads, most) in cases {
        let roster = roster();
        let half = is_half.then(|| roster.mask(|at| at % 2 == 0));
        let reads = reads(&roster, half.as_ref(), loads);
        assert!(reads <= *most && reads > most / 2.0, "{loads:?}: {reads}");
    }
}

const ONE: &[f64] = &[TYPICAL];
const OTHER: &[f64] = &[22.0];
const TWO: &[f64] = &[TYPICAL, 22.0];
const THREE: &[f64] = &[5.5, 22.0, 33.0];
/// More than have floors of their own.
const MANY: &[f64] = &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];

#[test]
fn each_of_few_is_read_once_and_the_chosen_one_again() {
    let cases = [ONE, TWO, MANY].map(|loads| (loads, 34.0));
    check(|| roster(32, 0), false, &cases);
    let cases = [ONE, TWO, MANY].map(|loads| (loads, 18.0));
    check(|| roster(32, 0), true, &cases);
}

#[test]
fn of_a_thousand_without_feeders_about_a_group_is_read_whatever_the_load() {
    let cases = [ONE, OTHER, TWO, THREE, MANY].map(|loads| (loads, 36.0));
    check(|| roster(1_000, 0), false, &cases);
    let cases = [ONE, OTHER, TWO, THREE, MANY].map(|loads| (loads, 11.0));
    check(|| roster(33, 0), false, &cases);
}

#[test]
fn of_a_thousand_under_feeders_few_are_read_if_their_loads_come_again() {
    let cases = [
        (ONE, 33.0),
        (OTHER, 34.0),
        (TWO, 48.0),
        (THREE, 66.0),
        (MANY, 143.0),
    ];
    check(|| roster(1_000, 20), false, &cases);
}

#[test]
fn of_some_among_a_thousand_few_are_read_where_the_roster_is_made_for_it() {
    let cases = [
        (ONE, 19.0),
        (OTHER, 19.0),
        (TWO, 27.0),
        (THREE, 36.0),
        (MANY, 70.0),
    ];
    check(|| roster(1_000, 20), true, &cases);
    check(|| roster(1_000, 0), true, &[(ONE, 502.0), (MANY, 502.0)]);
}

#[test]
fn a_smaller_share_of_the_gauges_is_counted_by_the_next_choice() {
    for feeders in [0, 20] {
        let roster = roster(200, feeders);
        for (at, upstream) in roster.iter().enumerate() {
            // Of the odd ones the gauge shows little, and does not have all.
            let ledger = &upstream.ledger;
            let reading = Reading {
                load: load(if at % 2 == 0 { 100.0 } else { 10.0 }),
                capacity: None,
            };
            ledger.sample(ledger.scrape_sent(), reading);
            if at % 2 == 1 {
                assert!(ledger.reserve_from(ledger.assigned(), load(50.0)));
            }
        }
        let (selector, mut rng) = (least_load(), Rng::with_seed(1));
        let mut is_even = || {
            let choice = selector.reserve(&roster, load(TYPICAL), &mut rng).unwrap();
            let is_even = choice.at % 2 == 0;
            choice.reservation.cancel();
            is_even
        };
        for share in [1.0, 0.1, 0.9, 0.2] {
            roster.set_share(share);
            for _ in 0..10 {
                assert_eq!(is_even(), share < 0.5, "{feeders}, {share}");
            }
        }
    }
}
