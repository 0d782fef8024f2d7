//! Prequal (Wydrowski et al., NSDI 2024), small: a pool of fresh probes instead of polled gauges.
//!
//! Each request sends three probes to substations drawn at random, and is itself placed by what earlier probes
//! brought: among those below a quantile of the requests in flight (RIF) the one of the lowest latency, or,
//! if all are hot, the one of the lowest RIF. The reading of RIF here is the most favourable one: a running
//! session counts as in flight, measured against capacity, so a probe brings the true load. (With the
//! literal reading RIF would be near zero everywhere: the answer comes in milliseconds.) Latency stays what it
//! is and says nothing about load, so by default the quantile is zero: RIF only, which the authors of
//! prequal-rs recommend as well.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use super::{Pick, Picker, Scrape, World, lowest};

/// Probes for each request, and the most that the pool holds: the paper's.
const PROBES: usize = 3;
const POOL: usize = 16;
/// The age at which a probe is worth nothing: the paper's.
const OLDEST: Duration = Duration::from_secs(1);
/// The RIFs that the quantile is taken of.
const RECENT: usize = 128;

/// A pool of probes.
#[derive(Debug)]
pub struct Prequal {
    capacities: Vec<Load>,
    quantile: f64,
    pool: VecDeque<Probe>,
    recent: VecDeque<f64>,
    removes_oldest: bool,
}

#[derive(Debug)]
struct Probe {
    at: usize,
    rif: f64,
    latency: Duration,
    taken: Duration,
    uses: u32,
}

impl Prequal {
    /// An empty pool; RIF only.
    #[must_use]
    pub fn new(capacities: &[Load]) -> Self {
        Self::with_quantile(capacities, 0.0)
    }

    /// Probes above this quantile of the RIFs are hot. The paper's is 0.84.
    #[must_use]
    pub fn with_quantile(capacities: &[Load], quantile: f64) -> Self {
        Self {
            capacities: capacities.to_vec(),
            quantile,
            pool: VecDeque::new(),
            recent: VecDeque::new(),
            removes_oldest: false,
        }
    }

    /// Above this a probe is hot.
    fn threshold(&self) -> f64 {
        if self.quantile <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let mut recent: Vec<f64> = self.recent.iter().copied().collect();
        recent.sort_by(f64::total_cmp);
        let below = |rank: &usize| ratio(*rank, recent.len()) < self.quantile;
        let rank = (0..recent.len()).take_while(below).count();
        recent.get(rank).copied().unwrap_or(f64::INFINITY)
    }

    /// The pool holds less than all substations, or its reuse would have no bound.
    fn pool_size(&self) -> usize {
        POOL.min(self.capacities.len() / 2).max(2)
    }

    /// How often a probe may be used: `(1 + δ) / ((1 − m/n) · r_probe − r_remove)` with δ and `r_remove` 1,
    /// rounded up or down at random.
    fn uses(&self, rng: &mut Rng) -> u32 {
        let outside = 1.0 - ratio(self.pool_size(), self.capacities.len());
        let gained = outside * ratio(PROBES, 1) - 1.0;
        let uses = if gained > 0.0 { 2.0 / gained } else { 8.0 };
        let whole = (1..8).take_while(|n| f64::from(*n) <= uses).count();
        let extra = rng.f64() < uses - ratio(whole, 1);
        u32::try_from(whole).unwrap_or(1).max(1) + u32::from(extra)
    }

    fn best(&self, rng: &mut Rng) -> Option<usize> {
        let threshold = self.threshold();
        let any_cold = self.pool.iter().any(|probe| probe.rif <= threshold);
        let score = self.pool.iter().map(|probe| match any_cold {
            false => probe.rif,
            true if probe.rif <= threshold => probe.latency.as_secs_f64(),
            true => f64::INFINITY,
        });
        lowest(score, rng)
    }

    /// One probe goes with each request: the oldest and the hottest in turn.
    fn remove_one(&mut self, rng: &mut Rng) {
        self.removes_oldest = !self.removes_oldest;
        let hottest = lowest(self.pool.iter().map(|probe| -probe.rif), rng);
        let at = if self.removes_oldest {
            Some(0)
        } else {
            hottest
        };
        // Never so many that nothing could be compared.
        if self.pool.len() > 2 {
            at.and_then(|at| self.pool.remove(at));
        }
    }
}

impl Picker for Prequal {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let reservation = None;
        self.pool.retain(|probe| world.now - probe.taken < OLDEST);
        let best = if self.pool.len() < 2 {
            None
        } else {
            self.best(rng)
        };
        let Some(index) = best else {
            let at = (!self.capacities.is_empty()).then(|| rng.usize(..self.capacities.len()))?;
            return Some(Pick { at, reservation });
        };
        let probe = self.pool.get_mut(index)?;
        let at = probe.at;
        probe.rif += power.units() / self.capacities.get(at)?.units();
        probe.uses = probe.uses.saturating_sub(1);
        if probe.uses == 0 {
            self.pool.remove(index);
        }
        self.remove_one(rng);
        Some(Pick { at, reservation })
    }

    fn probes(&mut self, rng: &mut Rng) -> Vec<usize> {
        rng.choose_multiple(0..self.capacities.len(), PROBES)
    }

    fn polls(&self) -> bool {
        false
    }

    fn sampled(&mut self, scrape: Scrape, reading: Reading, world: &World<'_>, rng: &mut Rng) {
        let Some(capacity) = self.capacities.get(scrape.at) else {
            return;
        };
        let rif = reading.load.units() / capacity.units();
        self.recent.push_back(rif);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        let uses = self.uses(rng);
        if self.pool.len() >= self.pool_size() {
            self.pool.pop_front();
        }
        self.pool.push_back(Probe {
            at: scrape.at,
            rif,
            latency: world.now - scrape.left,
            taken: world.now,
            uses,
        });
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let float = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    float(part) / float(whole.max(1))
}
