use super::*;
use crate::{Reading, Selector, Standing};

/// A fleet whose true loads the test changes directly.
struct World {
    roster: Roster<Ledger>,
    estimator: ShareEstimator,
    truth: Vec<f64>,
    rng: fastrand::Rng,
}

impl World {
    fn new(loads: &[f64]) -> Self {
        let upstreams = loads
            .iter()
            .map(|_| Arc::new(Ledger::new(Load::new(1000.0))));
        let mut world = Self {
            roster: Roster::new(upstreams),
            estimator: ShareEstimator::new(),
            truth: loads.to_vec(),
            rng: fastrand::Rng::with_seed(1),
        };
        world.round(&[]);
        world
    }

    /// Makes own bookings of one unit each, and returns how many went to each upstream.
    fn book(&mut self, count: usize) -> Vec<f64> {
        let mut went = vec![0.0; self.truth.len()];
        for _ in 0..count {
            let one = Load::new(1.0).unwrap();
            let choice = Selector::default()
                .reserve(&self.roster, one, &mut self.rng)
                .unwrap();
            self.truth[choice.at] += 1.0;
            went[choice.at] += 1.0;
            choice.reservation.booked();
        }
        went
    }

    /// Samples all upstreams but the silent ones.
    fn round(&mut self, silent: &[usize]) -> Round {
        for (at, upstream) in self.roster.iter().enumerate() {
            if !silent.contains(&at) {
                let load = Load::new(self.truth[at]).unwrap();
                let reading = Reading {
                    load,
                    capacity: None,
                };
                upstream.sample(upstream.scrape_sent(), reading);
            }
        }
        self.estimator.round(&self.roster)
    }
}

#[test]
fn alone_the_share_is_exactly_one_whatever_ends() {
    let mut world = World::new(&[50.0, 80.0, 20.0]);
    for round in 0..500 {
        world.book(20);
        for load in &mut world.truth {
            // Sessions end: a different fraction at every upstream and in every round.
            *load -= (*load * world.rng.f64() / 5.0).floor();
        }
        assert_eq!(
            world.round(&[]).share.to_bits(),
            1_f64.to_bits(),
            "round {round}"
        );
    }
}

#[test]
fn the_share_is_half_when_another_proxy_fills_the_gap_as_fast() {
    let mut world = World::new(&[100.0, 100.0, 40.0]);
    assert_eq!(world.book(30), [0.0, 0.0, 30.0]);
    world.truth[2] += 30.0;
    let share = world.round(&[]).share;
    assert!(
        (0.3..=0.5).contains(&share),
        "a half, less the caution: {share}"
    );
}

/// Fills a gap of 60 repeatedly while `others` change the loads too. Returns the last share.
fn after_gaps(rounds: usize, others: impl Fn(&mut [f64], &[f64])) -> f64 {
    let mut world = World::new(&[100.0, 100.0, 40.0]);
    let mut share = 1.0;
    for _ in 0..rounds {
        let went = world.book(30);
        others(&mut world.truth, &went);
        share = world.round(&[]).share;
        // The end of sessions opens the gap again.
        let most = world.truth.iter().fold(0.0, |a: f64, b| a.max(*b));
        world.truth = vec![most, most, most - 60.0];
        world.round(&[]);
    }
    share
}

#[test]
fn load_that_reaches_all_upstreams_alike_does_not_lower_the_share() {
    let share = after_gaps(10, |truth, _| {
        for load in truth {
            *load += 40.0;
        }
    });
    assert!(share > 0.8, "walk-ins are not counted as a proxy: {share}");
}

#[test]
fn the_more_others_fill_the_same_gap_the_smaller_the_share() {
    let with = |others: f64| {
        after_gaps(10, move |truth, went| {
            for (load, went) in truth.iter_mut().zip(went) {
                *load += others * went;
            }
        })
    };
    let shares = [0.0, 1.0, 3.0].map(with);
    assert!(shares[0].to_bits() == 1_f64.to_bits(), "{shares:?}");
    assert!((0.35..=0.5).contains(&shares[1]), "{shares:?}");
    assert!((0.15..=0.25).contains(&shares[2]), "{shares:?}");
}

#[test]
fn after_enough_quiet_rounds_the_share_is_one_again() {
    let mut world = World::new(&[100.0, 100.0]);
    world.truth[0] += 10.0;
    world.round(&[]);
    world.truth[0] -= 10.0;
    world.book(2);
    assert!(world.round(&[]).share < 1.0);
    for _ in 0..ALONE_AFTER {
        world.round(&[]);
    }
    assert_eq!(world.estimator.share.to_bits(), 1_f64.to_bits());
}

#[test]
fn a_silent_upstream_is_extrapolated_by_what_happened_to_the_others() {
    let mut world = World::new(&[100.0, 100.0, 100.0]);
    world.truth[0] = 80.0;
    world.truth[1] = 90.0;
    let round = world.round(&[2]);
    assert!((round.drift + 0.15).abs() < 1e-9);
    let silent = &world.roster[2];
    assert!((silent.estimate().units() - 85.0).abs() < 1e-6);
    assert_eq!(
        silent.value(),
        Load::new(100.0),
        "the gauge does not change"
    );
    assert_eq!(silent.unseen(), Load::ZERO);
}

#[test]
fn without_any_new_sample_nothing_is_extrapolated() {
    let mut world = World::new(&[100.0, 70.0]);
    let round = world.round(&[0, 1]);
    assert_eq!(round.regret, None);
    assert!(round.drift.abs() < 1e-12);
    assert!((world.roster[0].estimate().units() - 100.0).abs() < 1e-6);
}

#[test]
fn regret_is_what_a_request_would_have_lost_by_the_old_gauges() {
    let mut world = World::new(&[100.0, 200.0, 300.0]);
    assert_eq!(world.round(&[]).regret, Some(0.0));
    world.truth = vec![100.0, 200.0, 50.0];
    let regret = world.round(&[]).regret.unwrap();
    assert!(
        (regret - 0.05).abs() < 1e-9,
        "the first seemed to be the emptiest: {regret}"
    );
}

#[test]
fn an_upstream_out_of_rotation_does_not_affect_the_share() {
    let mut world = World::new(&[100.0, 100.0, 40.0]);
    world.roster[2].set_standing(Standing::Out);
    world.round(&[]);
    world.truth[2] = 500.0;
    assert_eq!(world.round(&[]).share.to_bits(), 1_f64.to_bits());
    world.roster[2].set_standing(Standing::In);
    assert_eq!(
        world.round(&[]).share.to_bits(),
        1_f64.to_bits(),
        "growth while it was out of rotation is not counted"
    );
}

#[test]
fn an_upstream_that_reports_its_load_with_each_answer_gets_no_more_than_the_others() {
    let mut world = World::new(&[10.0; 3]);
    world.roster.set_share(0.01);
    let mut went = [0; 3];
    for at in 0..300 {
        let one = Load::new(1.0).unwrap();
        let choice = Selector::default()
            .reserve(&world.roster, one, &mut world.rng)
            .unwrap();
        let upstream = Arc::clone(world.roster.get(choice.at).unwrap());
        let sent = upstream.report_sent();
        world.truth[choice.at] += 1.0;
        went[choice.at] += 1;
        choice.reservation.booked();
        if choice.at == 0 {
            let reading = Reading {
                load: Load::new(world.truth[0]).unwrap(),
                capacity: None,
            };
            assert!(upstream.report(sent, one, reading));
            assert_eq!(upstream.estimate(), reading.load);
        }
        if at % 10 == 9 {
            world.round(&[]);
            world.roster.set_share(0.01);
        }
    }
    // With a share that small the gauges hardly count, so chance decides, and every upstream has the same.
    assert!(
        went.iter().all(|count| (85..=115).contains(count)),
        "{went:?}"
    );
}
