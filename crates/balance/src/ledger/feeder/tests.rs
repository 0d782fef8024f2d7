use std::sync::Arc;

use fastrand::Rng;

use super::*;
use crate::{
    Binding, Level, Policy, Reading, Reason, Refusal, Request, Reservation, Roster, Selector, Tree,
    ledger::tests::{load, reading},
};

/// Feeders with these parents and capacities, under one lock; `M` marks one with a meter.
pub(crate) fn feeders(listed: &[(Option<usize>, Option<f64>, bool)]) -> Vec<Arc<Feeder>> {
    let lock = FeederLock::default();
    let feeder = |(_, capacity, is_metered): &(_, Option<f64>, bool)| {
        let feeder = Feeder::new(&lock, *is_metered);
        feeder.set_capacity(capacity.map(load));
        Arc::new(feeder)
    };
    listed.iter().map(feeder).collect()
}

/// A roster of upstreams (capacity, load, feeder) under these feeders.
fn roster(
    listed: &[(Option<usize>, Option<f64>, bool)],
    upstreams: &[(f64, f64, Option<usize>)],
) -> Roster<Ledger> {
    let members = upstreams.iter().map(|(capacity, units, _)| {
        let ledger = Ledger::new(Some(load(*capacity)));
        ledger.sample(ledger.scrape_sent(), reading(*units));
        Arc::new(ledger)
    });
    let tree = Tree {
        feeders: feeders(listed),
        parents: listed.iter().map(|(parent, ..)| *parent).collect(),
        of: upstreams.iter().map(|(.., feeder)| *feeder).collect(),
    };
    Roster::in_tree(members, tree)
}

fn choose(roster: &Roster<Ledger>, units: f64) -> Result<(usize, Reservation<Ledger>), Refusal> {
    let choice =
        Selector::new(Policy::LeastLoad).reserve(roster, load(units), &mut Rng::with_seed(1))?;
    Ok((choice.at, choice.reservation))
}

/// Two feeders under one transformer: two upstreams on the first, one on the second.
fn town() -> Roster<Ledger> {
    roster(
        &[
            (None, Some(100.0), false),
            (Some(0), Some(52.0), false),
            (Some(0), Some(80.0), false),
        ],
        &[
            (60.0, 10.0, Some(1)),
            (60.0, 20.0, Some(1)),
            (60.0, 30.0, Some(2)),
        ],
    )
}

#[test]
fn the_fullest_level_decides_and_among_equals_the_upstream() {
    let roster = town();
    // The transformer would be 61/100 full, and the first feeder 31/52: the transformer binds for all, and the emptiest
    // upstream is chosen.
    assert_eq!(choose(&roster, 1.0).unwrap().0, 0);
    // The first feeder would be 45/52 full, and the transformer 75/100.
    assert_eq!(choose(&roster, 15.0).unwrap().0, 2);
}

#[test]
fn a_feeder_is_the_sum_of_its_members_and_full_when_they_fill_it() {
    let roster = town();
    let current: Vec<_> = roster
        .feeders()
        .iter()
        .map(|one| one.current().unwrap())
        .collect();
    assert_eq!(current, [60.0, 30.0, 30.0].map(load));
    let (at, held) = choose(&roster, 20.0).unwrap();
    assert_eq!(at, 2, "the first feeder would be at its limit");
    assert_eq!(roster.feeders()[0].left(), Some(load(20.0)));
    assert_eq!(roster.feeders()[2].estimate(), load(50.0));
    assert_eq!(choose(&roster, 21.0).unwrap_err(), Refusal::NoCapacity);
    let request = Request::of(load(21.0));
    assert_eq!(
        roster.binding(&request),
        Some(Binding {
            level: Level::Feeder(0),
            left: load(20.0),
            bound: Some(load(100.0))
        })
    );
    held.cancel();
    assert_eq!(roster.feeders()[0].left(), Some(load(40.0)));
    choose(&roster, 40.0).unwrap_err();
    assert_eq!(
        roster.binding(&Request::of(load(40.0))).unwrap().level,
        Level::Upstream(2),
        "30 are left there, and 22 on the first feeder"
    );
}

#[test]
fn a_sample_of_a_member_moves_all_levels_above_it() {
    let roster = town();
    let (at, held) = choose(&roster, 15.0).unwrap();
    held.booked();
    let ledger = &roster[at];
    ledger.sample(ledger.scrape_sent(), reading(33.0));
    assert_eq!(roster.feeders()[0].estimate(), load(63.0));
    assert_eq!(roster.feeders()[2].current(), Some(load(33.0)));
    assert_eq!(roster.feeders()[2].left(), Some(load(47.0)));
}

#[test]
fn a_meter_counts_what_no_member_shows() {
    let roster = roster(
        &[(None, Some(100.0), true)],
        &[(60.0, 10.0, Some(0)), (60.0, 20.0, Some(0))],
    );
    let feeder = &roster.feeders()[0];
    assert_eq!(feeder.current(), Some(load(30.0)), "it has no sample yet");
    let meter = feeder.meter().unwrap();
    meter.sample(meter.scrape_sent(), reading(75.0));
    assert_eq!(
        (feeder.current(), feeder.left()),
        (Some(load(75.0)), Some(load(25.0)))
    );
    choose(&roster, 26.0).unwrap_err();
    let (_, held) = choose(&roster, 20.0).unwrap();
    assert_eq!(feeder.estimate(), load(95.0));
    choose(&roster, 6.0).unwrap_err();
    held.booked();
    meter.sample(meter.scrape_sent(), reading(96.0));
    assert_eq!(feeder.estimate(), load(96.0));
}

#[test]
fn a_limit_is_in_force_at_once_and_moves_nobody() {
    let roster = town();
    let feeder = &roster.feeders()[2];
    feeder.set_limit(Some(load(25.0)));
    assert_eq!(
        (feeder.left(), feeder.capacity()),
        (Some(load(0.0)), Some(load(80.0)))
    );
    assert_eq!(choose(&roster, 1.0).unwrap().0, 0);
    let (_, _held) = choose(&roster, 19.0).unwrap();
    choose(&roster, 5.0).unwrap_err();
    feeder.set_limit(None);
    assert_eq!(choose(&roster, 5.0).unwrap().0, 2);
}

#[test]
fn what_moves_to_another_feeder_takes_exactly_what_it_brought() {
    let one = town();
    let (at, held) = choose(&one, 15.0).unwrap();
    assert_eq!(at, 2);
    let members: Vec<_> = one.iter().cloned().collect();
    let tree = Tree {
        feeders: one.feeders().to_vec(),
        parents: vec![None, Some(0), None],
        of: vec![Some(1), Some(2), Some(1)],
    };
    let two = Roster::in_tree(members, tree);
    let estimates = || -> Vec<_> { two.feeders().iter().map(|one| one.estimate()).collect() };
    assert_eq!(estimates(), [55.0, 55.0, 20.0].map(load));
    held.cancel();
    assert_eq!(
        estimates(),
        [40.0, 40.0, 20.0].map(load),
        "it ends where its upstream is now"
    );
    for upstream in two.iter() {
        upstream.leave_feeders();
    }
    assert_eq!(estimates(), [0.0, 0.0, 0.0].map(load));
}

#[test]
fn a_meter_counts_what_comes_under_it_until_it_shows_it() {
    let one = roster(
        &[(None, Some(100.0), true), (None, Some(100.0), true)],
        &[(60.0, 10.0, Some(0))],
    );
    let meter = |at: usize| one.feeders()[at].meter().unwrap();
    meter(0).sample(meter(0).scrape_sent(), reading(30.0));
    meter(1).sample(meter(1).scrape_sent(), reading(40.0));
    let (_, booked) = choose(&one, 7.0).unwrap();
    booked.booked();
    let (_, under_way) = choose(&one, 5.0).unwrap();
    let loads = || [0, 1].map(|at| one.feeders()[at].estimate());
    assert_eq!(loads(), [42.0, 40.0].map(load));
    let next = |feeder: Option<usize>| {
        let tree = Tree {
            feeders: one.feeders().to_vec(),
            parents: vec![None, None],
            of: vec![feeder],
        };
        Roster::in_tree(one.iter().map(Arc::clone), tree)
    };
    drop(next(Some(1)));
    assert_eq!(loads(), [42.0, 52.0].map(load));
    drop(next(Some(1)));
    assert_eq!(loads(), [42.0, 52.0].map(load), "it was under it before");
    assert!(one.feeders()[1].is_full_for(load(49.0)));
    under_way.cancel();
    assert_eq!(loads(), [37.0, 52.0].map(load), "it ends where it was made");
    meter(1).sample(meter(1).scrape_sent(), reading(47.0));
    assert_eq!(loads(), [37.0, 47.0].map(load));
}

#[test]
fn a_roster_before_a_move_finds_another_place_or_none() {
    for policy in Policy::ALL {
        let before = roster(
            &[(None, Some(100.0), false), (None, Some(5.0), false)],
            &[
                (60.0, 10.0, Some(0)),
                (60.0, 20.0, Some(0)),
                (60.0, 30.0, Some(0)),
            ],
        );
        let next = |of: [usize; 3]| {
            let tree = Tree {
                feeders: before.feeders().to_vec(),
                parents: vec![None, None],
                of: of.map(Some).to_vec(),
            };
            Roster::in_tree(before.iter().map(Arc::clone), tree)
        };
        let reserve = || {
            let selector = Selector::new(policy);
            selector.reserve(&before, load(10.0), &mut Rng::with_seed(1))
        };
        let two_moved = next([1, 1, 0]);
        let choice = reserve().unwrap();
        assert_eq!(
            (choice.at, choice.reason),
            (2, Reason::Policy),
            "{policy:?}"
        );
        choice.reservation.cancel();
        let all_moved = next([1, 1, 1]);
        assert_eq!(reserve().unwrap_err(), Refusal::NoCapacity, "{policy:?}");
        drop((two_moved, all_moved));
    }
}

#[test]
fn loads_that_64_bits_cannot_hold_together_are_summed() {
    let most = crate::load::LARGEST;
    let roster = roster(
        &[(None, Some(most), false)],
        &[
            (most, most / 2.0, Some(0)),
            (most, most, Some(0)),
            (most, most, Some(0)),
        ],
    );
    assert_eq!(roster.feeders()[0].left(), Some(Load::ZERO));
    assert_eq!(roster.feeders()[0].current(), Some(Load::LARGEST));
    choose(&roster, 1.0).unwrap_err();
}

#[test]
fn threads_never_pass_a_limit_however_they_meet() {
    for seed in 0..20 {
        let roster = town();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let roster = &roster;
                scope.spawn(move || {
                    let mut rng = Rng::with_seed(seed * 10 + thread);
                    let mut held = Vec::new();
                    for _ in 0..500 {
                        if let Ok((_, one)) = choose(roster, f64::from(rng.u32(1..5))) {
                            held.push(one);
                        }
                        let left = roster
                            .feeders()
                            .iter()
                            .all(|one| one.estimate() <= one.bound().unwrap());
                        assert!(left);
                        if rng.bool() && !held.is_empty() {
                            held.swap_remove(rng.usize(..held.len())).cancel();
                        }
                    }
                    held.into_iter().for_each(Reservation::cancel);
                });
            }
        });
        let estimates: Vec<_> = roster.feeders().iter().map(|one| one.estimate()).collect();
        assert_eq!(estimates, [60.0, 30.0, 30.0].map(load));
    }
}

#[test]
fn a_stale_member_does_not_open_its_feeder() {
    let roster = town();
    for upstream in roster.iter() {
        upstream.set_stale(true);
    }
    choose(&roster, 41.0).unwrap_err();
    let (_, _held) = choose(&roster, 40.0).unwrap();
    let reading = Reading {
        load: load(60.0),
        capacity: None,
    };
    roster[0].sample(roster[0].scrape_sent(), reading);
    choose(&roster, 1.0).unwrap_err();
}

#[test]
fn two_processes_never_fill_the_same_room() {
    let (old, new) = (town(), town());
    let feeder = &old.feeders()[0];
    assert_eq!(feeder.left(), Some(load(40.0)));
    let kept: Vec<_> = old
        .feeders()
        .iter()
        .map(|one| one.divide().unwrap())
        .collect();
    assert_eq!(kept, [load(20.0), load(11.0), load(25.0)]);
    for (feeder, kept) in new.feeders().iter().zip(kept) {
        feeder.withhold(kept);
    }
    choose(&old, 21.0).unwrap_err();
    choose(&old, 11.0).unwrap().1.cancel();
    assert_eq!(
        feeder.left(),
        Some(load(9.0)),
        "what it took back is not its own again"
    );
    choose(&new, 21.0).unwrap_err();
    choose(&new, 20.0).unwrap().1.booked();
    choose(&new, 1.0).unwrap_err();
    for feeder in old.feeders() {
        feeder.unite();
    }
    choose(&old, 21.0).unwrap().1.cancel();
    for feeder in new.feeders() {
        feeder.withhold(Load::ZERO);
    }
    choose(&new, 20.0).unwrap().1.cancel();
}
