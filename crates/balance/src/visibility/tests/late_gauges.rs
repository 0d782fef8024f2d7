//! The imbalance with and without minding the lag, for the same seeds.

use std::{collections::VecDeque, sync::Arc};

use fastrand::Rng;

use super::{LAG, load, ms, reading};
use crate::{Ledger, Policy, Roster, Selector, visibility::History};

const BACKENDS: usize = 8;
/// Milliseconds: a session's mean length, the time until the measurement begins, and the end.
const LENGTH: usize = 2000;
const SETTLED: usize = 3000;
const END: usize = 9000;
const POLL: usize = 100;

/// How a gauge lags behind.
#[derive(Clone, Copy, Debug)]
enum Late {
    /// It shows the load of a lag ago.
    Fixed,
    /// It is refreshed once a lag, at a different phase for each backend.
    Refreshed,
}

/// A gauge and the values that it will show.
struct Gauge {
    shown: u32,
    coming: VecDeque<u32>,
    phase: usize,
}

impl Gauge {
    fn follow(&mut self, late: Late, now: usize, load: u32) {
        self.coming.push_back(load);
        let delayed = self.coming.pop_front().unwrap();
        match late {
            Late::Fixed => self.shown = delayed,
            Late::Refreshed if now % self.coming.len() == self.phase => self.shown = load,
            Late::Refreshed => {}
        }
    }
}

/// The load of the fullest backend over the mean, averaged over time.
fn imbalance(late: Late, minds_the_lag: bool, seed: u64) -> f64 {
    let mut rng = Rng::with_seed(seed);
    let selector = Selector::new(Policy::LeastLoad);
    let lag = usize::try_from(LAG.as_millis()).unwrap();
    let backends = Roster::new((0..BACKENDS).map(|_| Arc::new(Ledger::default())));
    let mut histories: Vec<_> = backends.iter().map(|b| History::new(LAG, b)).collect();
    let mut gauges: Vec<_> = (0..BACKENDS)
        .map(|_| Gauge {
            shown: 0,
            coming: vec![0; lag].into(),
            phase: rng.usize(..lag),
        })
        .collect();
    let mut loads = [0_u32; BACKENDS];
    let mut ending = vec![[0_u32; BACKENDS]; END + 2 * LENGTH];
    let (mut ratios, mut moments) = (0.0, 0.0);
    for now in 0..END {
        let moment = ms(now as u64);
        for (at, ledger) in backends.iter().map(AsRef::as_ref).enumerate() {
            loads[at] -= ending[now][at];
            gauges[at].follow(late, now, loads[at]);
            histories[at].note(moment, ledger);
            if now % POLL == 0 {
                let mut sent = ledger.scrape_sent();
                if minds_the_lag {
                    sent = histories[at].scrape_sent(sent, moment);
                }
                ledger.sample(sent, reading(f64::from(gauges[at].shown)));
            }
        }
        if rng.f64() < 0.8 {
            let choice = selector.reserve(&backends, load(1.0), &mut rng).unwrap();
            let at = choice.at;
            choice.reservation.booked();
            loads[at] += 1;
            ending[now + rng.usize(LENGTH / 2..LENGTH * 3 / 2)][at] += 1;
        }
        if now >= SETTLED {
            let (fullest, all) = (*loads.iter().max().unwrap(), loads.iter().sum::<u32>());
            ratios += 8.0 * f64::from(fullest) / f64::from(all);
            moments += 1.0;
        }
    }
    ratios / moments
}

#[test]
fn minding_the_lag_keeps_load_far_more_even_than_ignoring_it() {
    for late in [Late::Fixed, Late::Refreshed] {
        let [fresh, minded] = [false, true].map(|minds_the_lag| {
            let sum: f64 = (0..4)
                .map(|seed| imbalance(late, minds_the_lag, seed))
                .sum();
            sum / 4.0
        });
        println!("{late:?}: lag ignored {fresh:.3}, lag minded {minded:.3}");
        assert!(
            minded - 1.0 < 0.3 * (fresh - 1.0),
            "{late:?}: {minded} and {fresh}"
        );
    }
}
