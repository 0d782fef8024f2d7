//! The parameters of a simulation: the fleet, the cars, the proxies, the faults.

use std::time::Duration;

use switchyard_balance::Lasts;

use crate::gauges::{Gauges, Lie};
use crate::tree::Tree;

/// The parameters of a simulation.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name on the command line and in tables.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub about: &'static str,
    /// The relative capacities of the substations. Their sum follows from `headroom`.
    pub capacities: Vec<f64>,
    /// The feeders above the substations.
    pub tree: Tree,
    /// The total capacity, as a multiple of the expected load; with feeders what they let through at the peak of their
    /// base load.
    pub headroom: f64,
    /// Poisson arrivals a second, over all proxies.
    pub rate: f64,
    /// Additional requests, all at about the same time.
    pub burst: Option<Burst>,
    /// The lengths of the sessions.
    pub sessions: Sessions,
    /// Whether a session outlives the answer to its request. If not, the answer comes when it ends.
    pub lasts: Lasts,
    /// Whether a request says so itself, as those of a route do. Only the policies on the ledger listen.
    pub is_said: bool,
    /// Substations that slow down: with so many sessions for each unit of relative capacity they take twice as long as
    /// with none, and so on in proportion. `None` where a session lasts as long as it lasts.
    pub slows_at: Option<f64>,
    /// The part of the requests that goes to any substation past all proxies.
    pub past: f64,
    /// The powers that sessions draw, all equally likely.
    pub powers: Vec<f64>,
    /// The relative share of the arrivals of each proxy.
    pub shares: Vec<f64>,
    /// By how much of its capacity the substation of the choice before may be fuller than the best, to be chosen again:
    /// `balance.tolerance`, with all requests in one turn, which is the worst case. Only the policies on the ledger
    /// that go by load have it.
    pub tolerance: f64,
    /// How the gauges are read.
    pub poll: Poll,
    /// The monitoring system that reads the gauges, and that the proxies ask in their rounds; `None`: they read them
    /// themselves.
    pub monitored: Option<Monitored>,
    /// The mean time from sending a request to its answer; the booking happens in between. Each way
    /// is drawn uniformly from 0.5 to 1.5 times its mean.
    pub answer: Duration,
    /// Whether a car that found no room comes back when it was told to. Otherwise it drives on.
    pub comes_back: bool,
    /// The faults.
    pub faults: Vec<Fault>,
    /// What the gauges show.
    pub gauges: Gauges,
    /// The time before the measurement.
    pub warm_up: Duration,
    /// The length of the measurement.
    pub measured: Duration,
}

/// Requests that come within a short time.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// How many.
    pub count: u32,
    /// When the first one comes.
    pub at: Duration,
    /// The time within which all of them come, evenly spaced.
    pub within: Duration,
}

/// The lengths of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// The mean.
    pub mean: Duration,
    /// Their distribution around the mean.
    pub spread: Spread,
}

/// The distribution of lengths around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All lengths are equal.
    Fixed,
    /// Exponential: the end of a session does not depend on its age.
    Exponential,
    /// The square of an exponential: most are short, and a few are very long. (A Weibull distribution of shape ½.)
    LongTailed,
}

/// How the gauges are read. A round reads all of them; each proxy has its own rounds.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    /// From the start of one round to the start of the next.
    pub interval: Duration,
    /// The largest deviation of an interval, as a part of it: 0.1 is ±10 %.
    pub jitter: f64,
    /// The part of the interval within which the scrapes of a round begin, one after the other at
    /// even distances. 0 is all at once.
    pub spread: f64,
    /// The mean time from sending a scrape to its answer, drawn as for requests. The value is read
    /// at a random moment in between.
    pub scrape: Duration,
}

/// How a monitoring system reads the gauges. Each gauge has its own moments.
#[derive(Clone, Copy, Debug)]
pub struct Monitored {
    /// From one reading of a gauge to the next.
    pub interval: Duration,
    /// By how much its clock is ahead of the proxies'.
    pub ahead: Duration,
    /// The skew that proxies allow for.
    pub max_skew: Duration,
}

/// A fault or a change.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Scrapes of the first `count` substations fail for a while; their sessions continue.
    DeadGauges {
        /// How many.
        count: usize,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// All sessions of the first substation end at once.
    Emptied {
        /// When.
        at: Duration,
    },
    /// The first `count` substations are out of rotation for a while, and every proxy knows it.
    /// Their sessions continue.
    Leave {
        /// How many.
        count: usize,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// The gauges of the first `count` substations lie for a while.
    Lies {
        /// How many.
        count: usize,
        /// What they show.
        lie: Lie,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// A limit is in force on a feeder for a while. Every proxy is told at once.
    Limit {
        /// The feeder's number.
        feeder: usize,
        /// The limit, as a part of its capacity.
        part: f64,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// The shares of the proxies change. A proxy with share zero has left.
    Shares {
        /// When.
        at: Duration,
        /// The new shares, one for each proxy.
        shares: Vec<f64>,
    },
}

impl Scenario {
    /// The total load of all substations once arrivals and departures balance.
    #[must_use]
    pub fn expected_load(&self) -> f64 {
        let powers = u32::try_from(self.powers.len()).unwrap_or(u32::MAX).max(1);
        let power = self.powers.iter().sum::<f64>() / f64::from(powers);
        let burst = self.burst.map_or(0.0, |burst| f64::from(burst.count));
        power * (self.rate * self.sessions.mean.as_secs_f64() + burst)
    }

    /// When arrivals and measurement end.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.warm_up + self.measured
    }
}
