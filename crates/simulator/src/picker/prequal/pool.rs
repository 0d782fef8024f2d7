//! Prequal's pool of probes, and the choice among them.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;

use crate::picker::lowest::lowest;

/// The number of recent RIFs from which the quantile is taken.
const RECENT: usize = 128;

/// The result of a probe.
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

    /// Removes probes that were taken before a moment, or are used up.
    pub(super) fn expire(&mut self, before: Duration) {
        self.probes
            .retain(|probe| probe.taken >= before && probe.uses > 0);
    }

    /// Removes probes of substations that may not be picked.
    pub(super) fn keep(&mut self, may_be_picked: impl Fn(usize) -> bool) {
        self.probes.retain(|probe| may_be_picked(probe.at));
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

    /// Removes a probe with each request: in turn the oldest and the hottest.
    pub(super) fn remove_one(&mut self, rng: &mut Rng) {
        self.removes_oldest = !self.removes_oldest;
        // At least two remain, so that they can be compared.
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

    /// The RIF above which a probe is hot.
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
mod tests;
