//! The cars: when the next one comes, to which proxy, with which power and for how long.
//!
//! The workload has its own random generator and draws in a fixed order, so that all contenders get
//! the same cars.

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::Load;

use crate::fleet::Session;
use crate::scenario::{Scenario, Sessions, Spread};

/// A source of arrivals.
pub(crate) struct Workload {
    rng: Rng,
    gap: Option<Duration>,
    sessions: Sessions,
    powers: Vec<Load>,
    shares: Vec<f64>,
    past: f64,
}

impl Workload {
    pub(crate) fn new(scenario: &Scenario, rng: Rng) -> Self {
        let powers = scenario.powers.iter();
        let powers = powers.map(|power| Load::new(*power).unwrap_or(Load::LARGEST));
        Self {
            rng,
            // Without arrivals the gap is infinite, which is not a duration.
            gap: Duration::try_from_secs_f64(scenario.rate.recip()).ok(),
            sessions: scenario.sessions,
            powers: powers.collect(),
            shares: with_past(scenario.shares.clone(), scenario.past),
            past: scenario.past,
        }
    }

    /// Changes the shares of the proxies.
    pub(crate) fn set_shares(&mut self, shares: Vec<f64>) {
        self.shares = with_past(shares, self.past);
    }

    /// The time until the next car, if there is a steady stream of them.
    pub(crate) fn gap(&mut self) -> Option<Duration> {
        Some(self.gap?.mul_f64(exponential(&mut self.rng)))
    }

    /// A car: the proxy it comes to, and its session.
    pub(crate) fn arrival(&mut self) -> (usize, Session) {
        let proxy = self.proxy();
        let power = self.rng.choice(&self.powers).copied().unwrap_or_default();
        // Always drawn, so that the following draws are the same for every distribution.
        let stretch = exponential(&mut self.rng);
        let length = match self.sessions.spread {
            Spread::Fixed => self.sessions.mean,
            Spread::Exponential => self.sessions.mean.mul_f64(stretch),
            Spread::LongTailed => self.sessions.mean.mul_f64(stretch * stretch / 2.0),
        };
        (proxy, Session { power, length })
    }

    fn proxy(&mut self) -> usize {
        let mut left = self.rng.f64() * self.shares.iter().sum::<f64>();
        let passed = |share: &&f64| {
            left -= **share;
            left >= 0.0
        };
        let passed = self.shares.iter().take_while(passed).count();
        passed.min(self.shares.len().saturating_sub(1))
    }
}

/// The shares of the proxies, and behind them that of what goes past them, if anything does.
fn with_past(mut shares: Vec<f64>, past: f64) -> Vec<f64> {
    let proxies: f64 = shares.iter().sum();
    shares.extend((past > 0.0).then(|| proxies * past / (1.0 - past)));
    shares
}

/// Exponential with mean 1.
fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - rng.f64()).ln()
}
