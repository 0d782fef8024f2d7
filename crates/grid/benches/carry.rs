//! What it takes to leave 10,000 substations to the next process, and to go on from them there.
//!
//! Each has a sample, a booking that the sample lacks, an own name, an ejection in one of ten, and perhaps 100 own
//! sessions of up to two hours.

use std::{fmt::Write, net::IpAddr, sync::Arc, time::Duration};

use divan::Bencher;
use fastrand::Rng;
use switchyard_balance::{Load, Reading, Reservation};
use switchyard_config::Config;
use switchyard_grid::{Blame, CarriedGrid, Clock, Departed, Grid, GridMetrics, Source, Written};
use switchyard_telemetry::Registrar;

const SUBSTATIONS: usize = 10_000;

fn main() {
    divan::main();
}

struct Process {
    config: Config,
    metrics: GridMetrics,
    grid: Grid,
}

impl Process {
    fn new() -> Self {
        let mut yaml = String::from("substations:\n");
        for at in 0..SUBSTATIONS {
            let (high, low) = (at / 250, at % 250);
            let _ = writeln!(
                yaml,
                "  - {{name: substation-{at}, address: 10.0.{high}.{low}:5001}}"
            );
        }
        let registry = prometheus::Registry::new();
        let made = Config::from_yaml(&yaml, "bench").ok().and_then(|config| {
            let metrics = GridMetrics::register(Registrar::new(&registry)).ok()?;
            let grid = Grid::new(&config, &metrics, Clock::start(), 1).ok()?;
            Some(Self {
                config,
                metrics,
                grid,
            })
        });
        let Some(made) = made else {
            unreachable!("a configuration of names and addresses is right");
        };
        made
    }

    /// One that has worked for a while.
    fn busy(sessions: usize) -> Self {
        let process = Self::new();
        let mut rng = Rng::with_seed(1);
        let load = Load::new(11.0).unwrap_or_default();
        for (at, substation) in process.grid.substations().iter().enumerate() {
            let ledger = substation.ledger();
            let reading = Reading {
                load: Load::new(rng.f64() * 1_000.0).unwrap_or_default(),
                capacity: Load::new(2_000.0),
            };
            ledger.sample(ledger.scrape_sent(), reading);
            Reservation::of(Arc::clone(substation), load).booked();
            for _ in 0..sessions {
                let lasts = Duration::from_secs(rng.u64(60..7_200));
                ledger.lasts_for(load, lasts, Duration::ZERO);
            }
            let answer = format!(r#"{{"session_id":"own-{at}-00","substation":"own-{at}"}}"#);
            process.grid.booked_by(substation, answer.as_bytes());
            if at % 10 == 0 {
                for _ in 0..5 {
                    let source = Source::of(IpAddr::from([10, 1, 0, 1]));
                    let blame = Blame {
                        source,
                        is_repeat: false,
                    };
                    process.grid.failed(substation, blame);
                }
            }
        }
        process
    }

    fn leave(&self) -> Vec<u8> {
        let carried = self.grid.carry(&Departed::default());
        postcard::to_stdvec(&carried).unwrap_or_default()
    }
}

/// In the old process: what it knows, before it is bytes.
#[divan::bench(sample_count = 20, args = [0, 100])]
fn carry(bencher: Bencher<'_, '_>, sessions: usize) {
    let process = Process::busy(sessions);
    bencher.bench_local(|| process.grid.carry(&Departed::default()));
}

/// In the old process: what it knows as bytes.
#[divan::bench(sample_count = 20, args = [0, 100])]
fn leave(bencher: Bencher<'_, '_>, sessions: usize) {
    let process = Process::busy(sessions);
    bencher.bench_local(|| process.leave());
}

/// In the new process: from bytes to a grid that goes on.
#[divan::bench(sample_count = 20, args = [0, 100])]
fn go_on(bencher: Bencher<'_, '_>, sessions: usize) {
    let left = Process::busy(sessions).leave();
    let written = Written {
        ago: Duration::ZERO,
        is_alive: true,
    };
    bencher.with_inputs(Process::new).bench_local_refs(|next| {
        let carried: CarriedGrid = postcard::from_bytes(&left).unwrap_or_default();
        let restored = next
            .grid
            .restore(carried, written, &next.config, &next.metrics);
        restored.map(|restored| restored.listed)
    });
}
