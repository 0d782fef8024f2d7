//! Substations below feeders: a transformer, its feeders, and what is on them.
//!
//! Which limit binds differs by feeder. Some feeders bear less than their substations, one bears more, and the
//! transformer bears less than all feeders together.

use std::time::Duration;

use super::{one_proxy, proxies};
use crate::scenario::{Fault, Poll, Scenario};
use crate::tree::{Houses, Limited, Tree};

/// The relative capacities of substations, over and over.
const SUBSTATIONS: [f64; 5] = [1.0, 2.0, 4.0, 1.0, 3.0];
/// What a feeder bears, as a part of what its substations do, over and over.
const FEEDERS: [f64; 4] = [0.6, 0.9, 1.2, 0.75];
/// What the transformer bears, as a part of what its feeders do.
const TRANSFORMER: f64 = 0.85;
/// A day, in sessions of an hour: one takes 5 s here.
const DAY: Duration = Duration::from_mins(2);

/// A twentieth of the mean session: what ends between two polls gives no room before the second.
const POLL: Duration = Duration::from_millis(250);

/// Every scenario with feeders. They are not in the tables of all: how even the substations are says nothing where a
/// feeder above them is full.
#[must_use]
pub fn trees() -> Vec<Scenario> {
    let base = tree(10, 3);
    let mut all = vec![
        base.clone(),
        Scenario {
            name: "tree_of_four",
            about: "4 proxies, 10 substations on 3 feeders, half full",
            ..proxies(&base, 4)
        },
        Scenario {
            name: "tree_of_sixteen",
            about: "16 proxies, 10 substations on 3 feeders, half full",
            ..proxies(&base, 16)
        },
        Scenario {
            name: "tree_of_100",
            about: "1 proxy, 100 substations on 10 feeders, half full",
            ..tree(100, 10)
        },
        Scenario {
            name: "tree_of_1000",
            about: "1 proxy, 1,000 substations on 30 feeders, half full",
            rate: 4000.0,
            ..tree(1000, 30)
        },
    ];
    all.extend(full(&base));
    all.extend(houses(&base));
    all.extend(limited(&base));
    all
}

fn full(base: &Scenario) -> Vec<Scenario> {
    let full = |name, about, count, scenario: Scenario| Scenario {
        name,
        about,
        headroom: 1.0 / 0.97,
        ..proxies(&scenario, count)
    };
    let over = |name, about, count| Scenario {
        name,
        about,
        headroom: 0.5,
        ..proxies(base, count)
    };
    vec![
        full(
            "tree_full",
            "1 proxy, 97 % of what the feeders let through",
            1,
            base.clone(),
        ),
        full("tree_full_of_four", "4 proxies, 97 %", 4, base.clone()),
        full("tree_full_of_sixteen", "16 proxies, 97 %", 16, base.clone()),
        full(
            "tree_full_100",
            "1 proxy, 100 substations, 97 %",
            1,
            tree(100, 10),
        ),
        full(
            "tree_full_100_of_four",
            "4 proxies, 100 substations, 97 %",
            4,
            tree(100, 10),
        ),
        full(
            "tree_full_1000",
            "1 proxy, 1,000 substations, 97 %",
            1,
            Scenario {
                rate: 4000.0,
                ..tree(1000, 30)
            },
        ),
        over(
            "tree_over",
            "1 proxy, twice as many cars as the feeders let through",
            1,
        ),
        over("tree_over_of_four", "4 proxies, twice as many", 4),
        over("tree_over_of_sixteen", "16 proxies, twice as many", 16),
    ]
}

/// Houses on the second feeder, at the evening's peak a third of what it bears.
fn houses(base: &Scenario) -> Vec<Scenario> {
    let mut with = base.clone();
    if let Some(feeder) = with.tree.feeders.get_mut(2) {
        feeder.base = Some(Houses {
            peak: feeder.capacity / 3.0,
            day: DAY,
        });
    }
    // A whole day.
    with.measured = DAY;
    let scenario = |name, about, count, headroom| Scenario {
        name,
        about,
        headroom,
        ..proxies(&with, count)
    };
    vec![
        scenario("tree_houses", "1 proxy, houses on a metered feeder", 1, 1.5),
        scenario(
            "tree_houses_of_four",
            "4 proxies, houses on a metered feeder",
            4,
            1.5,
        ),
        scenario(
            "tree_houses_full",
            "1 proxy, the same, 97 % at the evening's peak",
            1,
            1.0 / 0.97,
        ),
        scenario(
            "tree_houses_full_of_four",
            "4 proxies, the same, 97 %",
            4,
            1.0 / 0.97,
        ),
        scenario(
            "tree_houses_full_of_sixteen",
            "16 proxies, the same, 97 %",
            16,
            1.0 / 0.97,
        ),
    ]
}

/// A limit drops to two thirds of what the second feeder bears, and comes back.
fn limited(base: &Scenario) -> Vec<Scenario> {
    let mut with = base.clone();
    with.faults = vec![Fault::Limit {
        feeder: 2,
        part: 2.0 / 3.0,
        from: Duration::from_secs(45),
        until: Duration::from_secs(65),
    }];
    let scenario = |name, about, count, headroom| Scenario {
        name,
        about,
        headroom,
        ..proxies(&with, count)
    };
    vec![
        scenario("tree_limit", "1 proxy, a feeder limited for 20 s", 1, 1.5),
        scenario(
            "tree_limit_of_four",
            "4 proxies, a feeder limited for 20 s",
            4,
            1.5,
        ),
        scenario(
            "tree_limit_full",
            "1 proxy, the same, 97 % without the limit",
            1,
            1.0 / 0.97,
        ),
        scenario(
            "tree_limit_full_of_four",
            "4 proxies, the same, 97 %",
            4,
            1.0 / 0.97,
        ),
    ]
}

/// One proxy, so many substations on so many feeders below a transformer, twice what the cars need.
fn tree(substations: usize, feeders: usize) -> Scenario {
    let capacities: Vec<f64> = SUBSTATIONS.into_iter().cycle().take(substations).collect();
    // Neighbours are on different feeders, so that each feeder has small and large ones.
    let of: Vec<usize> = (0..substations).map(|at| 1 + at % feeders).collect();
    let mut all = vec![Limited {
        parent: None,
        capacity: 0.0,
        base: None,
    }];
    for (at, part) in (1..=feeders).zip(FEEDERS.into_iter().cycle()) {
        let members = capacities
            .iter()
            .zip(&of)
            .filter(|(_, feeder)| **feeder == at);
        let below: f64 = members.map(|(capacity, _)| capacity).sum();
        all.push(Limited {
            parent: Some(0),
            capacity: part * below,
            base: None,
        });
    }
    let below: f64 = all.iter().map(|feeder| feeder.capacity).sum();
    if let Some(transformer) = all.first_mut() {
        transformer.capacity = TRANSFORMER * below;
    }
    let base = one_proxy();
    Scenario {
        name: "tree",
        about: "1 proxy, 10 substations on 3 feeders, half full",
        capacities,
        tree: Tree { feeders: all, of },
        headroom: 2.0,
        powers: vec![3.7, 7.4, 11.0, 22.0],
        poll: Poll {
            interval: POLL,
            ..base.poll
        },
        ..base
    }
}
