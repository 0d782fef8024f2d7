//! One decision, with its reservation and the end of it, for grids of several sizes.

use std::{hint::black_box, sync::Arc};

use divan::Bencher;
use fastrand::Rng;
use switchyard_balance::{Ledger, Load, Policy, Reading, Roster, Selector};

fn load(units: f64) -> Load {
    Load::new(units).unwrap_or_default()
}

/// Upstreams of four capacities, loaded at random.
fn grid(n: usize, rng: &mut Rng) -> Roster<Ledger> {
    Roster::new((0..n).map(|at| {
        let ledger = Ledger::default();
        let capacity = [1e6, 2e6, 4e6, 8e6].get(at % 4).copied().map(load);
        let reading = Reading {
            load: load(rng.f64() * 1_000.0),
            capacity,
        };
        ledger.sample(ledger.scrape_sent(), reading);
        Arc::new(ledger)
    }))
}

#[divan::bench(args = [3, 100, 1_000, 10_000])]
fn least_load(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let grid = grid(n, &mut rng).for_requests_of(load(11.0));
    let selector = Selector::new(Policy::LeastLoad);
    bencher.bench_local(|| {
        if let Ok(choice) = selector.reserve(&grid, load(11.0), &mut rng) {
            choice.reservation.cancel();
            black_box(choice.at);
        }
    });
}

/// All upstreams are equal, so each ties with every other.
#[divan::bench(args = [3, 100, 1_000, 10_000])]
fn least_load_of_equals(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let grid = Roster::new((0..n).map(|_| {
        let ledger = Ledger::default();
        ledger.sample(
            ledger.scrape_sent(),
            Reading {
                load: Load::ZERO,
                capacity: None,
            },
        );
        Arc::new(ledger)
    }));
    let selector = Selector::new(Policy::LeastLoad);
    bencher.bench_local(|| {
        if let Ok(choice) = selector.reserve(&grid, load(11.0), &mut rng) {
            choice.reservation.cancel();
            black_box(choice.at);
        }
    });
}

fn main() {
    divan::main();
}
