//! Prequal (Wydrowski et al., NSDI 2024), small: a pool of fresh probes instead of polled gauges.
//!
//! Each request sends probes to substations drawn at random, and is itself placed by what earlier probes
//! brought: among those below a quantile of the requests in flight (RIF) the one of the lowest latency, or,
//! if all are hot, the one of the lowest RIF. The reading of RIF here is the most favourable one: a running
//! session counts as in flight, measured against capacity, so a probe brings the true load. (With the
//! literal reading RIF would be near zero everywhere: the answer comes in milliseconds.) Latency stays what it
//! is and says nothing about load, so by default the quantile is zero: RIF only, which the authors of
//! prequal-rs recommend as well.
//!
//! As published it reads gauges as often as there are requests, three times over. Where a gauge is a page to
//! fetch that is another bargain than polling, so there is also one that may probe no more often
//! than the others poll.

mod pool;

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::{Load, Reading};

use crate::fleet::Substation;

use super::{Pick, Picker, Scrape, World};
use pool::{Pool, Probe, ratio};

/// Probes for each request: the paper's.
const PROBES: usize = 3;
/// The most that the pool holds: the paper's.
const POOL: usize = 16;
/// The age at which a probe is worth nothing: the paper's.
const OLDEST: Duration = Duration::from_secs(1);

/// A pool of probes.
#[derive(Debug)]
pub struct Prequal {
    capacities: Vec<Load>,
    pool: Pool,
    budget: Option<Budget>,
}

/// Probes that may be sent, saved up for as long as none is.
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
        // Less than all substations, or the use of a probe would have no bound.
        let size = POOL.min(capacities.len() / 2).max(2);
        Self {
            capacities: capacities.to_vec(),
            pool: Pool::new(size),
            budget: None,
        }
    }

    /// Probes above this quantile of the RIFs are hot. The paper's is 0.84.
    #[must_use]
    pub fn with_quantile(mut self, quantile: f64) -> Self {
        self.pool.quantile = quantile;
        self
    }

    /// No more probes than this a second. They are then used until they are too old.
    #[must_use]
    pub fn with_budget(mut self, per_second: f64) -> Self {
        self.budget = Some(Budget {
            per_second,
            saved: 0.0,
            counted: Duration::ZERO,
        });
        self
    }

    /// How often a probe may be used: `(1 + δ) / ((1 − m/n) · r_probe − r_remove)` with δ and `r_remove` 1,
    /// rounded up or down at random.
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
                latency: world.now.saturating_sub(scrape.left),
                taken: world.now,
                uses: self.uses(rng),
            };
            self.pool.insert(probe);
        }
    }
}

impl Budget {
    /// How many probes may go now, and takes them off.
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
