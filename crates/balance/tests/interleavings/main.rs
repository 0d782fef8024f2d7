//! Threads that meet at ledgers, feeders and rosters, in thousands of orders:
//! `cargo test -p switchyard-balance --features shuttle --test interleavings`.
//!
//! Each schedule comes from a seed, so a failure can be repeated: it prints what to pass to `shuttle::replay`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod feeders;
mod ledgers;
mod rosters;

use std::sync::Arc;

use fastrand::Rng;
use shuttle::rand::{RngCore, thread_rng};
use switchyard_balance::{
    Feeder, FeederLock, Ledger, Load, Policy, Reading, Reservation, Roster, Selector, Tree,
};

/// Schedules that each test tries.
const SCHEDULES: usize = 2_000;

fn load(units: u32) -> Load {
    Load::new(f64::from(units)).unwrap()
}

fn sample(ledger: &Ledger, units: u32) {
    let reading = Reading {
        load: load(units),
        capacity: None,
    };
    ledger.sample(ledger.scrape_sent(), reading);
}

/// Upstreams with a sample of 0 and room for anything, under these feeders (capacity, parent).
fn roster(feeders: &[(u32, Option<usize>)], of: &[usize]) -> Roster<Ledger> {
    let lock = FeederLock::default();
    let tree = Tree {
        feeders: feeders
            .iter()
            .map(|(capacity, _)| {
                let feeder = Feeder::new(&lock, false);
                feeder.set_capacity(Some(load(*capacity)));
                Arc::new(feeder)
            })
            .collect(),
        parents: feeders.iter().map(|(_, parent)| *parent).collect(),
        of: of.iter().map(|feeder| Some(*feeder)).collect(),
    };
    let members = of.iter().map(|_| {
        let ledger = Ledger::new(Some(load(1_000)));
        sample(&ledger, 0);
        Arc::new(ledger)
    });
    Roster::in_tree(members, tree)
}

fn reserve(roster: &Roster<Ledger>, units: u32) -> Option<(usize, Reservation<Ledger>)> {
    let selector = Selector::new(Policy::LeastLoad);
    let mut rng = Rng::with_seed(thread_rng().next_u64());
    let choice = selector.reserve(roster, load(units), &mut rng);
    choice.ok().map(|choice| (choice.at, choice.reservation))
}

fn estimates(roster: &Roster<Ledger>) -> Vec<i64> {
    let units = |feeder: &Arc<Feeder>| feeder.estimate().micros() / 1_000_000;
    roster.feeders().iter().map(units).collect()
}
