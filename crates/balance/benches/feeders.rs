//! One decision under feeders or among some upstreams, with its reservation and the end of it.

use std::{collections::VecDeque, hint::black_box, sync::Arc};

use divan::Bencher;
use fastrand::Rng;
use switchyard_balance::{
    Feeder, FeederLock, Ledger, Load, Mask, Policy, Preferred, Reading, Request, Reservation,
    Roster, Selector, Tree,
};

const SIZES: [usize; 4] = [3, 100, 1_000, 10_000];
const TYPICAL: f64 = 11.0;
/// Loads of cars; choices for the typical one are fastest.
const LOADS: [f64; 8] = [3.7, 7.4, 11.0, 11.0, 11.0, 22.0, 50.0, 150.0];

fn load(units: f64) -> Load {
    Load::new(units).unwrap_or_default()
}

/// Which level is the fullest.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Binding {
    Upstream,
    Lowest,
    Middle,
    Root,
    /// The root, while a third of the lowest feeders are fuller, and the upstreams under these are empty.
    RootBesideFull,
}

const BINDINGS: [Binding; 5] = [
    Binding::Upstream,
    Binding::Lowest,
    Binding::Middle,
    Binding::Root,
    Binding::RootBesideFull,
];

/// So many upstreams of four capacities, up to a fifth full, under feeders of so many levels: one root, ten times as many
/// on each further level, and ten upstreams under each of the lowest.
fn grid(n: usize, levels: usize, binding: Binding, rng: &mut Rng) -> Roster<Ledger> {
    let loads: Vec<_> = (0..n).map(|_| rng.f64() * 0.2).collect();
    let capacity = |at: usize| {
        [100.0, 200.0, 400.0, 800.0]
            .get(at % 4)
            .copied()
            .unwrap_or(1.0)
    };
    let lock = FeederLock::default();
    let mut tree = Tree::default();
    let mut below = 0..0;
    // How many upstreams are under one feeder of a level, from the root on.
    let sizes: &[usize] = match levels {
        1 => &[],
        2 => &[usize::MAX],
        3 => &[usize::MAX, 10],
        _ => &[usize::MAX, 1_000, 10],
    };
    let mut full = vec![false; n];
    for (level, size) in sizes.iter().map(|size| (*size).min(n)).enumerate() {
        let from = tree.feeders.len();
        for number in 0..n.div_ceil(size) {
            let members = number * size..((number + 1) * size).min(n);
            let bears: f64 = members
                .clone()
                .map(|at| loads.get(at).copied().unwrap_or_default() * capacity(at))
                .sum();
            let bounds = match sizes.len() - 1 - level {
                0 => Binding::Lowest,
                1 if sizes.len() > 2 => Binding::Middle,
                _ => Binding::Root,
            };
            let fullness = if bounds == binding {
                0.5 + rng.f64() * 0.1
            } else {
                0.1
            };
            let mut bound = bears / fullness;
            if binding == Binding::RootBesideFull {
                bound = match bounds {
                    Binding::Root => bears / 0.5,
                    Binding::Lowest if number % 3 == 0 => {
                        members.clone().for_each(|at| {
                            if let Some(full) = full.get_mut(at) {
                                *full = true;
                            }
                        });
                        bears / 10.0
                    }
                    _ => bears / 0.1,
                };
            }
            let feeder = Feeder::new(&lock, false);
            feeder.set_capacity(Some(load(bound)));
            tree.feeders.push(Arc::new(feeder));
            let upper = below.len();
            tree.parents.push((upper > 0).then(|| {
                let upper_size = n.div_ceil(upper);
                below.start + (members.start / upper_size.max(1)).min(upper - 1)
            }));
        }
        below = from..tree.feeders.len();
    }
    if let Some(size) = sizes.last() {
        let size = (*size).min(n);
        tree.of = (0..n).map(|at| Some(below.start + at / size)).collect();
    }
    let upstreams = loads.iter().enumerate().map(|(at, utilisation)| {
        let ledger = Ledger::default();
        let is_full = full.get(at).copied().unwrap_or_default();
        // Under the full ones there are houses, so to say: another way to load their feeder.
        let utilisation = if is_full { 0.0 } else { *utilisation };
        let reading = Reading {
            load: load(utilisation * capacity(at)),
            capacity: Some(load(capacity(at))),
        };
        ledger.sample(ledger.scrape_sent(), reading);
        Arc::new(ledger)
    });
    Roster::in_tree(upstreams, tree).for_requests_of(load(TYPICAL))
}

/// Reserves and gives back at once.
fn decide<'a>(
    bencher: Bencher<'_, '_>,
    roster: &Roster<Ledger>,
    mut request: impl FnMut() -> Request<'a>,
    rng: &mut Rng,
) {
    let selector = Selector::new(Policy::LeastLoad);
    let mut step = || {
        if let Ok(choice) = selector.reserve(roster, request(), rng) {
            choice.reservation.cancel();
            black_box(choice.at);
        }
    };
    (0..1_000).for_each(|_| step());
    bencher.bench_local(step);
}

#[divan::bench(args = SIZES, consts = [1, 2, 3, 4])]
fn levels<const LEVELS: usize>(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(n, LEVELS, Binding::Upstream, &mut rng);
    decide(bencher, &roster, || Request::of(load(TYPICAL)), &mut rng);
}

#[divan::bench(args = BINDINGS)]
fn binding(bencher: Bencher<'_, '_>, binding: Binding) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(10_000, 4, binding, &mut rng);
    decide(bencher, &roster, || Request::of(load(TYPICAL)), &mut rng);
}

#[divan::bench(args = BINDINGS)]
fn binding_for_any_load(bencher: Bencher<'_, '_>, binding: Binding) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(10_000, 4, binding, &mut rng);
    let mut loads = LOADS.iter().cycle();
    let request = || Request::of(load(loads.next().copied().unwrap_or(TYPICAL)));
    decide(bencher, &roster, request, &mut rng);
}

/// Each reservation is given back four thousand later.
#[divan::bench(args = BINDINGS)]
fn coming_and_going(bencher: Bencher<'_, '_>, binding: Binding) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(10_000, 4, binding, &mut rng);
    let selector = Selector::new(Policy::LeastLoad);
    let mut loads = LOADS.iter().cycle();
    let mut held: VecDeque<Reservation<Ledger>> = VecDeque::new();
    let mut step = || {
        let load = load(loads.next().copied().unwrap_or(TYPICAL));
        if let Ok(choice) = selector.reserve(&roster, load, &mut rng) {
            held.push_back(choice.reservation);
        }
        if held.len() > 4_000
            && let Some(first) = held.pop_front()
        {
            first.cancel();
        }
    };
    (0..30_000).for_each(|_| step());
    bencher.bench_local(step);
}

/// Masks of every 64th of `class` neighbours.
fn masks(roster: &Roster<Ledger>, class: usize) -> Vec<Mask> {
    let mask = |wanted: usize| roster.mask(|at| at / class % 64 == wanted);
    (0..64).map(mask).collect()
}

/// 64 masks in turn over a flat roster.
#[divan::bench(args = SIZES)]
fn masks_without_feeders(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(n, 1, Binding::Upstream, &mut rng).for_masks();
    let masks = if n < 64 {
        vec![roster.mask(|at| at != 1)]
    } else {
        masks(&roster, n.div_ceil(64))
    };
    let mut masks = masks.iter().cycle();
    let request = || Request {
        among: masks.next(),
        ..Request::of(load(TYPICAL))
    };
    decide(bencher, &roster, request, &mut rng);
}

/// 64 masks in turn, each of some upstreams under many feeders.
#[divan::bench(args = BINDINGS)]
fn masks_under_feeders(bencher: Bencher<'_, '_>, binding: Binding) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(10_000, 4, binding, &mut rng);
    let masks = masks(&roster, 1);
    let mut masks = masks.iter().cycle();
    let request = || Request {
        among: masks.next(),
        ..Request::of(load(TYPICAL))
    };
    decide(bencher, &roster, request, &mut rng);
}

/// A zone of a tenth of all is preferred: below its mark, and with that too low for it.
#[divan::bench(args = SIZES, consts = [true, false])]
fn preferring<const IS_BELOW: bool>(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let roster = grid(n, 1, Binding::Upstream, &mut rng).for_masks();
    let zone = roster.mask(|at| at <= n / 10);
    let preferred = [Preferred {
        mask: &zone,
        spill_at: Some(if IS_BELOW { 0.9 } else { 0.01 }),
    }];
    let request = || Request {
        preferred: &preferred,
        ..Request::of(load(TYPICAL))
    };
    decide(bencher, &roster, request, &mut rng);
}

fn main() {
    divan::main();
}
