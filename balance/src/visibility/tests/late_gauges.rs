//! What each way to read a late gauge makes of the same seeded days.

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

/// How a gauge is late.
#[derive(Clone, Copy, Debug)]
enum Late {
    /// It shows what was so a lag ago.
    Fixed,
    /// It is worked out anew once a lag, each backend's at its own phase.
    Refreshed,
}

/// What is made of that.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    /// It is taken for fresh.
    Ignored,
    /// Everything within the lag is ambiguous, and counts half.
    Half,
    /// As [`History`] reads it.
    Full,
}

struct Backend(Ledger);

impl AsRef<Ledger> for Backend {
    fn as_ref(&self) -> &Ledger {
        &self.0
    }
}

/// A gauge and what it will show.
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
fn imbalance(late: Late, reads: Reads, seed: u64) -> f64 {
    let mut rng = Rng::with_seed(seed);
    let selector = Selector::new(Policy::LeastLoad);
    let lag = usize::try_from(LAG.as_millis()).unwrap();
    let backends = Roster::new((0..BACKENDS).map(|_| Arc::new(Backend(Ledger::default()))));
    let mut histories: Vec<_> = backends.iter().map(|b| History::new(LAG, &b.0)).collect();
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
        for (at, Backend(ledger)) in backends.iter().map(AsRef::as_ref).enumerate() {
            loads[at] -= ending[now][at];
            gauges[at].follow(late, now, loads[at]);
            histories[at].note(moment, ledger);
            if now % POLL == 0 {
                let (history, mut sent) = (&histories[at], ledger.scrape_sent());
                if reads != Reads::Ignored {
                    sent = history.scrape_sent(sent, moment);
                }
                if reads == Reads::Full {
                    sent = history.arrived(sent, moment);
                }
                ledger.sample(sent, reading(f64::from(gauges[at].shown)));
            }
        }
        if rng.f64() < 0.8 {
            let choice = selector
                .reserve(&backends, load(1.0), &[], &mut rng)
                .unwrap();
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
fn a_late_gauge_read_in_full_keeps_it_more_even_than_by_half_and_far_more_than_as_if_fresh() {
    let measured = [Late::Fixed, Late::Refreshed].map(|late| {
        [Reads::Ignored, Reads::Half, Reads::Full].map(|reads| {
            let sum: f64 = (0..4).map(|seed| imbalance(late, reads, seed)).sum();
            sum / 4.0
        })
    });
    println!("fixed, refreshed: ignored, half, full: {measured:.3?}");
    for [ignored, half, full] in measured {
        assert!(full < half && half < ignored, "{measured:?}");
        // Everything beyond 1, as a share of what it is for a gauge that is taken for fresh.
        assert!(full - 1.0 < 0.4 * (ignored - 1.0), "{measured:?}");
    }
}
