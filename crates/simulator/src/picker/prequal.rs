//! A small Prequal (Wydrowski et al., NSDI 2024): a pool of fresh probes instead of polled gauges.
//!
//! Each request sends probes to random substations, and is itself placed by the results of earlier
//! probes. Probes below a quantile of the requests in flight (RIF) are cold, the others are hot.
//! Among cold probes the one with the lowest latency wins. If all are hot, the one with the lowest
//! RIF wins.
//!
//! RIF is interpreted here in Prequal's favour: a running session counts as in flight, relative to
//! capacity, so a probe returns the true load. (Taken literally, RIF would be near zero everywhere,
//! because answers come within milliseconds.) Latency tells nothing about load here, so by default
//! the quantile is zero: RIF only, as the authors of prequal-rs also recommend.
//!
//! As published, it sends three probes with each request. If a gauge is a page to fetch, that costs
//! far more than polling. So there is also a variant that probes no more often than the others
//! poll.

mod pool;

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use crate::fleet::Substation;

use super::{Pick, Picker, Scrape, World};
use pool::{Pool, Probe, ratio};

/// Probes for each request, as in the paper.
const PROBES: usize = 3;
/// The most probes in the pool, as in the paper.
const POOL: usize = 16;
/// The age at which a probe is discarded, as in the paper.
const OLDEST: Duration = Duration::from_secs(1);

/// A pool of probes.
#[derive(Debug)]
pub struct Prequal {
    capacities: Vec<Load>,
    pool: Pool,
    budget: Option<Budget>,
}

/// A limit on the rate of probes; unused probes are saved.
#[derive(Debug)]
struct Budget {
    per_second: f64,
    saved: f64,
    counted: Duration,
}

impl Prequal {
    /// An empty pool; RIF only, three probes with each request.
    #[must_use]
    pub fn new(capacities: &[Load]) -> Self {
        // Smaller than the number of substations; otherwise a probe could be used without limit.
        let size = POOL.min(capacities.len() / 2).max(2);
        Self {
            capacities: capacities.to_vec(),
            pool: Pool::new(size),
            budget: None,
        }
    }

    /// Probes above this quantile of the RIFs are hot; 0.84 in the paper.
    #[must_use]
    pub fn with_quantile(mut self, quantile: f64) -> Self {
        self.pool.quantile = quantile;
        self
    }

    /// Sends at most this many probes a second. They are then used until they are too old.
    #[must_use]
    pub fn with_budget(mut self, per_second: f64) -> Self {
        self.budget = Some(Budget {
            per_second,
            saved: 0.0,
            counted: Duration::ZERO,
        });
        self
    }

    /// How often a probe may be used: `(1 + δ) / ((1 − m/n) · r_probe − r_remove)` with δ and
    /// `r_remove` 1, rounded up or down at random.
    fn uses(&self, rng: &mut Rng) -> u32 {
        let outside = 1.0 - ratio(self.pool.size, self.capacities.len());
        let gained = outside * ratio(PROBES, 1) - 1.0;
        if self.budget.is_some() || gained <= 0.0 {
            return u32::MAX;
        }
        let uses = (2.0 / gained).max(1.0);
        let whole = (1..=100).take_while(|n| f64::from(*n) <= uses).count();
        let extra = rng.f64() < uses - ratio(whole, 1);
        u32::try_from(whole).unwrap_or(1) + u32::from(extra)
    }
}

impl Picker for Prequal {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        self.pool.expire(world.now.saturating_sub(OLDEST));
        let out: Vec<bool> = world.fleet.iter().map(Substation::is_out).collect();
        let is_in = |at: usize| out.get(at) == Some(&false);
        self.pool.keep(is_in);
        let at = if let Some(probe) = self.pool.best(rng) {
            let at = probe.at;
            probe.rif += power.units() / self.capacities.get(at)?.units();
            probe.uses -= 1;
            if self.budget.is_none() {
                self.pool.remove_one(rng);
            }
            at
        } else {
            let all: Vec<usize> = (0..out.len()).filter(|at| is_in(*at)).collect();
            *rng.choice(&all)?
        };
        let reservation = None;
        Some(Pick { at, reservation })
    }

    fn probes(&mut self, now: Duration, rng: &mut Rng) -> Vec<usize> {
        let count = self.budget.as_mut().map_or(PROBES, |b| b.spend(now));
        rng.choose_multiple(0..self.capacities.len(), count)
    }

    fn polls(&self) -> bool {
        false
    }

    fn sampled(&mut self, scrape: Scrape, reading: Reading, world: &World<'_>, rng: &mut Rng) {
        if let Some(capacity) = self.capacities.get(scrape.at) {
            let probe = Probe {
                at: scrape.at,
                rif: reading.load.units() / capacity.units(),
                latency: world.now.saturating_sub(scrape.sent_at),
                taken: world.now,
                uses: self.uses(rng),
            };
            self.pool.insert(probe);
        }
    }
}

impl Budget {
    /// The number of probes that may be sent now; they are subtracted.
    fn spend(&mut self, now: Duration) -> usize {
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.counted = now;
        let most = ratio(PROBES, 1);
        self.saved = (self.saved + passed * self.per_second).min(most);
        let count = (1..=PROBES).take_while(|n| ratio(*n, 1) <= self.saved);
        let count = count.count();
        self.saved -= ratio(count, 1);
        count
    }
}
