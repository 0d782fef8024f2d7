//! The probes that Prequal holds, and which of them is best.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;

use crate::picker::lowest;

/// The RIFs that the quantile is taken of.
const RECENT: usize = 128;

/// What one probe brought.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) at: usize,
    pub(super) rif: f64,
    pub(super) latency: Duration,
    pub(super) taken: Duration,
    pub(super) uses: u32,
}

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) size: usize,
    pub(super) quantile: f64,
    probes: VecDeque<Probe>,
    recent: VecDeque<f64>,
    removes_oldest: bool,
}

impl Pool {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            quantile: 0.0,
            probes: VecDeque::new(),
            recent: VecDeque::new(),
            removes_oldest: false,
        }
    }

    pub(super) fn insert(&mut self, probe: Probe) {
        self.recent.push_back(probe.rif);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        if self.probes.len() >= self.size {
            self.probes.pop_front();
        }
        self.probes.push_back(probe);
    }

    /// Forgets what was taken before a moment, and what is used up.
    pub(super) fn expire(&mut self, before: Duration) {
        self.probes
            .retain(|probe| probe.taken >= before && probe.uses > 0);
    }

    /// Forgets those that may not be chosen.
    pub(super) fn keep(&mut self, may_be_chosen: impl Fn(usize) -> bool) {
        self.probes.retain(|probe| may_be_chosen(probe.at));
    }

    /// The best probe; none while there are fewer than two to compare.
    pub(super) fn best(&mut self, rng: &mut Rng) -> Option<&mut Probe> {
        if self.probes.len() < 2 {
            return None;
        }
        let threshold = self.threshold();
        let any_cold = self.probes.iter().any(|probe| probe.rif <= threshold);
        let score = self.probes.iter().map(|probe| {
            if !any_cold {
                probe.rif
            } else if probe.rif <= threshold {
                probe.latency.as_secs_f64()
            } else {
                f64::INFINITY
            }
        });
        let best = lowest(score, rng)?;
        self.probes.get_mut(best)
    }

    /// One probe goes with each request: the oldest and the hottest in turn.
    pub(super) fn remove_one(&mut self, rng: &mut Rng) {
        self.removes_oldest = !self.removes_oldest;
        // Never so many that nothing could be compared.
        if self.probes.len() <= 2 {
            return;
        }
        if self.removes_oldest {
            self.probes.pop_front();
        } else {
            let hottest = lowest(self.probes.iter().map(|probe| -probe.rif), rng);
            hottest.and_then(|at| self.probes.remove(at));
        }
    }

    /// Above this a probe is hot.
    fn threshold(&self) -> f64 {
        if self.quantile <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let mut recent: Vec<f64> = self.recent.iter().copied().collect();
        recent.sort_by(f64::total_cmp);
        let below = |rank: &usize| ratio(rank + 1, recent.len()) < self.quantile;
        let rank = (0..recent.len()).take_while(below).count();
        recent.get(rank).copied().unwrap_or(f64::INFINITY)
    }
}

pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    let float = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    float(part) / float(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(quantile: f64, probes: &[(f64, u64)]) -> Option<usize> {
        let mut pool = Pool::new(16);
        pool.quantile = quantile;
        for (at, &(rif, latency)) in probes.iter().enumerate() {
            pool.insert(Probe {
                at,
                rif,
                latency: Duration::from_millis(latency),
                taken: Duration::ZERO,
                uses: 1,
            });
        }
        pool.best(&mut Rng::with_seed(1)).map(|probe| probe.at)
    }

    #[test]
    fn of_the_cold_the_fastest_and_else_the_least_loaded() {
        let probes = [(0.9, 1), (0.2, 7), (0.3, 5), (0.4, 9)];
        assert_eq!(best(0.75, &probes), Some(2), "0.9 is hot");
        assert_eq!(best(1.0, &probes), Some(0), "none is hot");
        assert_eq!(best(0.0, &probes), Some(1), "all are hot");
        assert_eq!(best(0.0, &[(0.1, 1)]), None, "one can't be compared");
    }
}
