//! Ten minutes of sessions at ten backends, chosen by old gauges alone and by gauges with ledgers.
//!
//! ```sh
//! cargo run -p switchyard-balance --example herd
//! ```
//!
//! Gauges are read twice a second. In between, the lowest gauge stays the lowest, however many sessions have gone there,
//! so each reading sends a herd to one backend. A ledger counts what has gone there since.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "it prints its result, and its positions are those of arrays of one length"
)]

use std::{cmp::Reverse, collections::BinaryHeap, process::ExitCode, sync::Arc};

use fastrand::Rng;
use switchyard_balance::{Ledger, Load, Policy, Reading, Roster, Selector, ledger::ScrapeSent};

/// In milliseconds, as all times here.
const END: u64 = 600_000;
/// How often gauges are read.
const INTERVAL: u64 = 500;
/// How long an answer to a reading is under way.
const READING_TAKES: u64 = 20;
/// One session begins every so often, and lasts up to twice [`SESSION`].
const BETWEEN_SESSIONS: u64 = 4;
const SESSION: u64 = 60_000;
/// Backends are of three sizes, so what is even is the utilisation.
const CAPACITIES: [f64; 10] = [
    1000.0, 1000.0, 1000.0, 2000.0, 2000.0, 2000.0, 2000.0, 4000.0, 4000.0, 4000.0,
];

/// A backend: the sessions that it really has, and what is known of it.
struct Backend {
    capacity: f64,
    ledger: Ledger,
}

impl AsRef<Ledger> for Backend {
    fn as_ref(&self) -> &Ledger {
        &self.ledger
    }
}

/// By what backends are chosen.
#[derive(Clone, Copy)]
enum Choice {
    /// At random, by capacity.
    Chance,
    LowestGauge,
    Ledgers,
}

/// Returns the utilisation of the fullest backend as a multiple of the mean, averaged over the second half.
fn simulate(choice: Choice) -> f64 {
    let mut rng = Rng::with_seed(1);
    let one = Load::new(1.0).unwrap_or_default();
    let backends = CAPACITIES.map(|capacity| {
        Arc::new(Backend {
            capacity,
            ledger: Ledger::new(Load::new(capacity)),
        })
    });
    let roster = Roster::new(backends.iter().cloned());
    let selector = Selector::new(Policy::LeastLoad);
    let mut sessions = [0_u32; CAPACITIES.len()];
    let mut gauges = sessions;
    let mut scrapes: [Option<ScrapeSent>; CAPACITIES.len()] = [None; CAPACITIES.len()];
    // Ends of sessions, the next one first.
    let mut ends = BinaryHeap::new();
    let (mut sum, mut count) = (0.0, 0_u32);

    for now in 0..END {
        while let Some(&(Reverse(end), at)) = ends.peek() {
            if end > now {
                break;
            }
            ends.pop();
            sessions[at] -= 1;
        }
        if now % INTERVAL == 0 {
            // The gauge says what there is when it is asked …
            gauges = sessions;
            for (sent, backend) in scrapes.iter_mut().zip(&backends) {
                *sent = Some(backend.ledger.scrape_sent());
            }
        } else if now % INTERVAL == READING_TAKES {
            // … and the answer comes a little later.
            for ((sent, backend), gauge) in scrapes.iter_mut().zip(&backends).zip(gauges) {
                if let (Some(sent), Some(load)) = (sent.take(), Load::new(f64::from(gauge))) {
                    let capacity = None;
                    backend.ledger.sample(sent, Reading { load, capacity });
                }
            }
        }
        if now % BETWEEN_SESSIONS == 0 {
            let utilisation = |at: &usize| f64::from(gauges[*at]) / CAPACITIES[*at];
            let all = 0..CAPACITIES.len();
            let at = match choice {
                Choice::Chance => {
                    let mut point = rng.f64() * CAPACITIES.iter().sum::<f64>();
                    let mut passes = |at: &usize| {
                        point -= CAPACITIES[*at];
                        point < 0.0
                    };
                    all.clone().find(|at| passes(at)).unwrap_or_default()
                }
                Choice::LowestGauge => all
                    .min_by(|a, b| utilisation(a).total_cmp(&utilisation(b)))
                    .unwrap_or_default(),
                Choice::Ledgers => match selector.reserve(&roster, one, &mut rng) {
                    Ok(chosen) => {
                        // The backend has said yes. Had it refused: `cancel`.
                        chosen.reservation.booked();
                        chosen.at
                    }
                    Err(_) => continue,
                },
            };
            sessions[at] += 1;
            ends.push((Reverse(now + rng.u64(1..2 * SESSION)), at));
        }
        if now > END / 2 {
            let of = |(&sessions, backend): (&u32, &Arc<Backend>)| {
                f64::from(sessions) / backend.capacity
            };
            let fullest = sessions.iter().zip(&backends).map(of).fold(0.0, f64::max);
            let mean = f64::from(sessions.iter().sum::<u32>()) / CAPACITIES.iter().sum::<f64>();
            sum += fullest / mean;
            count += 1;
        }
    }
    sum / f64::from(count)
}

fn main() -> ExitCode {
    println!("the fullest of ten backends, as a multiple of the mean utilisation (1 is even):");
    let [chance, gauge, ledgers] = [
        ("by chance", Choice::Chance),
        ("the lowest gauge", Choice::LowestGauge),
        ("gauges with ledgers", Choice::Ledgers),
    ]
    .map(|(name, choice)| {
        let evenness = simulate(choice);
        println!("  {name:<20} {evenness:.3}");
        evenness
    });
    // Fails if this is not so any more: a test runs it.
    if ledgers < gauge && ledgers < chance && ledgers < 1.01 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
