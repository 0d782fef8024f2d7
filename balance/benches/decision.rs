//! One decision, with its reservation and its end, at several sizes of grid.

use std::{hint::black_box, sync::Arc};

use divan::Bencher;
use fastrand::Rng;
use switchyard_balance::{Ledger, Load, Policy, Reading, Selector};

struct Upstream(Ledger);

impl AsRef<Ledger> for Upstream {
    fn as_ref(&self) -> &Ledger {
        &self.0
    }
}

fn load(units: f64) -> Load {
    Load::new(units).unwrap_or_default()
}

/// Upstreams of four capacities, loaded at random.
fn grid(n: usize, rng: &mut Rng) -> Vec<Arc<Upstream>> {
    (0..n)
        .map(|at| {
            let ledger = Ledger::default();
            let capacity = [1e6, 2e6, 4e6, 8e6].get(at % 4).copied().map(load);
            let reading = Reading {
                load: load(rng.f64() * 1_000.0),
                capacity,
            };
            ledger.sample(ledger.scrape_sent(), reading);
            Arc::new(Upstream(ledger))
        })
        .collect()
}

#[divan::bench(args = [3, 100, 1_000, 10_000])]
fn least_load(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let grid = grid(n, &mut rng);
    let selector = Selector::new(Policy::LeastLoad);
    bencher.bench_local(|| {
        if let Ok((at, reservation)) = selector.reserve(&grid, load(11.0), &[], &mut rng) {
            reservation.refused();
            black_box(at);
        }
    });
}

/// All equal: every upstream ties with every other.
#[divan::bench(args = [3, 100, 1_000, 10_000])]
fn least_load_of_equals(bencher: Bencher<'_, '_>, n: usize) {
    let mut rng = Rng::with_seed(42);
    let grid: Vec<_> = (0..n)
        .map(|_| {
            let ledger = Ledger::default();
            ledger.sample(
                ledger.scrape_sent(),
                Reading {
                    load: Load::ZERO,
                    capacity: None,
                },
            );
            Arc::new(Upstream(ledger))
        })
        .collect();
    let selector = Selector::new(Policy::LeastLoad);
    bencher.bench_local(|| {
        if let Ok((at, reservation)) = selector.reserve(&grid, load(11.0), &[], &mut rng) {
            reservation.refused();
            black_box(at);
        }
    });
}

fn main() {
    divan::main();
}
