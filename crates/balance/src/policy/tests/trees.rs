//! Choices under feeders and among some upstreams only: the search finds what a look at every upstream finds.

use std::sync::Arc;

use fastrand::Rng;
use proptest::prelude::{any, proptest};

use super::load;
use crate::{
    Feeder, FeederLock, Ledger, Load, Mask, Policy, Reading, Request, RequestLimit, Reservation,
    Roster, Selector, Standing, Tree,
    policy::{BeyondLimit, Candidates, Choose, Eligibility, LeastLoad, Sampled, Stale, Unsampled},
    search::floor_of,
};

/// Loads of requests; the typical one is among them.
const LOADS: [f64; 6] = [0.5, 4.0, 11.0, 11.0, 22.0, 400.0];
const TYPICAL: f64 = 11.0;

/// A random grid, and what happens to it.
struct World {
    rng: Rng,
    lock: FeederLock,
    feeders: Vec<Arc<Feeder>>,
    upstreams: Vec<Arc<Ledger>>,
    roster: Roster<Ledger>,
    masks: Vec<Mask>,
    held: Vec<Reservation<Ledger>>,
}

impl World {
    fn new(seed: u64, upstreams: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let lock = FeederLock::default();
        let count = rng.usize(..=40.min(upstreams));
        let feeders = (0..count).map(|_| Arc::new(Feeder::new(&lock, rng.u8(..4) == 0)));
        let mut world = Self {
            feeders: feeders.collect(),
            upstreams: (0..upstreams).map(|_| Arc::default()).collect(),
            roster: Roster::new([]),
            masks: Vec::new(),
            held: Vec::new(),
            lock,
            rng,
        };
        for at in 0..upstreams {
            if world.rng.u8(..20) != 0 {
                world.sample(at);
            }
        }
        for at in 0..world.feeders.len() {
            world.bound(at);
        }
        world.reload();
        world
    }

    fn amount(&mut self, most: u32) -> Load {
        // Few different ones, so that many are equal.
        load(f64::from(self.rng.u32(..=10) * most / 10))
    }

    fn sample(&mut self, at: usize) {
        let reading = Reading {
            load: self.amount(200),
            capacity: (self.rng.u8(..3) == 0).then(|| self.amount(1_000)),
        };
        let ledger = &self.upstreams[at];
        ledger.sample(ledger.scrape_sent(), reading);
    }

    /// Changes what bounds a feeder, or what its meter says.
    fn bound(&mut self, at: usize) {
        let most = 1_000 * u32::try_from(1 + self.upstreams.len() / 4).unwrap();
        let amount = (self.rng.u8(..3) > 0).then(|| self.amount(most));
        let feeder = Arc::clone(&self.feeders[at]);
        match self.rng.u8(..4) {
            0 => feeder.set_limit(amount),
            1 => {
                if let Some(meter) = feeder.meter() {
                    let load = self.amount(most / 4);
                    let reading = Reading {
                        load,
                        capacity: amount,
                    };
                    meter.sample(meter.scrape_sent(), reading);
                }
            }
            _ => feeder.set_capacity(amount),
        }
    }

    /// Puts the same upstreams under another tree.
    fn reload(&mut self) {
        let rng = &mut self.rng;
        let feeders = self.feeders.len();
        let parent =
            |at: usize, rng: &mut Rng| (at > 0 && rng.u8(..4) > 0).then(|| rng.usize(..at));
        let parents: Vec<_> = (0..feeders).map(|at| parent(at, rng)).collect();
        let nearest =
            |rng: &mut Rng| (feeders > 0 && rng.u8(..10) > 0).then(|| rng.usize(..feeders));
        let mut of: Vec<_> = self.upstreams.iter().map(|_| nearest(rng)).collect();
        if rng.u8(..4) > 0 {
            of.sort_unstable();
        }
        let tree = Tree {
            feeders: self.feeders.clone(),
            parents,
            of,
        };
        let roster = Roster::in_tree(self.upstreams.clone(), tree).for_requests_of(load(TYPICAL));
        self.roster = if feeders > 0 || rng.u8(..4) == 0 {
            roster
        } else {
            roster.for_masks()
        };
        let share = f64::from(rng.u32(1..=4)) / 4.0;
        self.roster.set_share(share);
        let all = self.upstreams.len();
        let masks = (0..4).map(|_| {
            let (from, length) = (rng.usize(..all), rng.usize(..all));
            let one_in = rng.usize(1..20);
            let bits: Vec<_> = (0..all)
                .map(|at| (at + all - from) % all <= length && rng.usize(..one_in) == 0)
                .collect();
            self.roster.mask(|at| bits[at])
        });
        self.masks = masks.collect();
    }

    fn step(&mut self) {
        let at = self.rng.usize(..self.upstreams.len());
        let ledger = Arc::clone(&self.upstreams[at]);
        match self.rng.u8(..32) {
            0..3 => self.sample(at),
            3 => ledger.extrapolate(self.rng.f64() - 0.5),
            4 => ledger.set_standing(Standing::Out),
            5 | 6 => ledger.set_standing(Standing::In),
            7 => ledger.set_stale(self.rng.bool()),
            8 => {
                let amount = self.rng.bool().then(|| self.amount(500));
                ledger.set_limit(amount);
            }
            9 => {
                let amount = self.rng.bool().then(|| self.amount(1_000));
                ledger.set_capacity(amount);
            }
            10 => ledger.set_ramp(f64::from(self.rng.u8(1..=4)) / 4.0),
            11 => ledger.refused(load(4.0)),
            12 => ledger.set_request_limit(match self.rng.u8(..3) {
                0 => RequestLimit::Soft(self.rng.u32(..3)),
                1 => RequestLimit::Hard(self.rng.u32(..3)),
                _ => RequestLimit::Unlimited,
            }),
            13 => self.roster.set_share(f64::from(self.rng.u32(1..=4)) / 4.0),
            14..17 if !self.feeders.is_empty() => {
                let at = self.rng.usize(..self.feeders.len());
                self.bound(at);
            }
            17..20 if !self.held.is_empty() => {
                let held = self.held.swap_remove(self.rng.usize(..self.held.len()));
                match self.rng.u8(..3) {
                    0 => held.cancel(),
                    1 => held.booked(),
                    _ => held.unknown(),
                }
            }
            20 if self.rng.u8(..8) == 0 => self.reload(),
            21 if self.rng.u8(..8) == 0 => {
                let metered = self.rng.u8(..4) == 0;
                self.feeders
                    .push(Arc::new(Feeder::new(&self.lock, metered)));
                self.reload();
            }
            _ => self.choose(),
        }
    }

    fn choose(&mut self) {
        let tried: Vec<_> = (0..self.rng.usize(..3))
            .map(|_| self.rng.usize(..self.upstreams.len()))
            .collect();
        let units = LOADS[self.rng.usize(..LOADS.len())];
        let request = Request {
            among: self.masks.get(self.rng.usize(..8)),
            tried: &tried,
            ..Request::of(load(units))
        };
        let found = compare::<Sampled>(&self.roster, &request, &mut self.rng);
        compare::<BeyondLimit>(&self.roster, &request, &mut self.rng);
        compare::<Stale>(&self.roster, &request, &mut self.rng);
        compare::<Unsampled>(&self.roster, &request, &mut self.rng);
        let policy = Policy::ALL[self.rng.usize(..10).saturating_sub(6)];
        let selector = Selector::new(policy);
        match selector.reserve(&self.roster, request, &mut self.rng) {
            Ok(choice) => {
                let at = choice.at;
                assert!(request.may_use(at), "{policy:?} at {at}");
                let feeders = self.roster.feeders_above(at);
                let mut lefts = feeders.filter_map(Feeder::left);
                assert!(lefts.all(|left| left >= Load::ZERO));
                self.held.push(choice.reservation);
            }
            Err(_) => assert!(!found, "{policy:?}"),
        }
    }
}

/// Compares the choice with a look at every upstream. Returns whether there was one to choose.
fn compare<E: Eligibility>(roster: &Roster<Ledger>, request: &Request<'_>, rng: &mut Rng) -> bool {
    let candidates = Candidates::<_, E>::new(roster, request);
    let key = |score: f64, own: f64| (floor_of(score), floor_of(own));
    let best = candidates
        .iter()
        .map(|candidate| key(candidate.score, candidate.own))
        .min();
    let chosen = LeastLoad.choose(&candidates, rng).map(|chosen| {
        let candidate = candidates.read(chosen.at, &roster[chosen.at]);
        assert!(candidates.is_fit(&candidate, &roster[chosen.at]));
        key(candidate.score, candidate.own)
    });
    assert_eq!(chosen, best, "{request:?}");
    best.is_some()
}

proptest! {
    #[test]
    fn a_search_finds_what_a_look_at_every_upstream_finds(
        seed in any::<u64>(),
        upstreams in 1_usize..400,
        steps in 0_usize..600,
    ) {
        let mut world = World::new(seed, upstreams);
        for _ in 0..steps {
            world.step();
        }
    }
}
