//! What keeping a record of a choice costs beside the choice: at most a hundred a second are kept.

use std::{fmt::Write, sync::Arc};

use divan::Bencher;
use fastrand::Rng;
use switchyard_balance::{Explanation, Load, Reading};
use switchyard_config::Config;
use switchyard_grid::{Clock, Grid, Moment};
use switchyard_proxy::{
    dispatch::{Decision, Decisions},
    metrics::Metrics,
};

fn main() {
    divan::main();
}

fn grid(substations: usize) -> Arc<Grid> {
    let mut yaml = String::from("substations:\n");
    for at in 1..=substations {
        let _ = writeln!(yaml, "  - {{name: s{at}, address: 127.0.0.1:{at}}}");
    }
    let grid = Config::from_yaml(&yaml, "bench").ok().and_then(|config| {
        let metrics = Metrics::new().ok()?;
        Grid::new(&config, &metrics.grid, Clock::start(), 1).ok()
    });
    let Some(grid) = grid else {
        unreachable!("a configuration of names and addresses is right");
    };
    for substation in grid.substations() {
        let reading = Reading {
            load: Load::default(),
            capacity: Load::new(1e6),
        };
        let ledger = substation.ledger();
        ledger.sample(ledger.scrape_sent(), reading);
    }
    Arc::new(grid)
}

#[divan::bench(args = [3, 10, 100])]
fn choose(bencher: Bencher<'_, '_>, substations: usize) {
    let (grid, mut rng) = (grid(substations), Rng::with_seed(1));
    let load = Load::new(11.0).unwrap_or_default();
    bencher.bench_local(|| grid.selector().reserve(grid.roster(), load, &mut rng));
}

#[divan::bench(args = [3, 10, 100])]
fn choose_and_record(bencher: Bencher<'_, '_>, substations: usize) {
    let (grid, mut rng) = (grid(substations), Rng::with_seed(1));
    let load = Load::new(11.0).unwrap_or_default();
    let decisions = Decisions::default();
    bencher.bench_local(|| {
        let explanation = Explanation::of(grid.roster(), &load.into());
        let choice = grid.selector().reserve(grid.roster(), load, &mut rng);
        if let Ok(choice) = &choice {
            let now = Moment::from_millis(1);
            let decision = Decision::new(&grid, now, load, choice, explanation);
            decisions.record(Arc::new(decision));
        }
        choice
    });
}
