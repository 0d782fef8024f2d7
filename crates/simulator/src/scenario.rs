//! What a simulation is told: the fleet, the cars, the proxies, and what goes wrong.

use std::time::Duration;

/// The parameters of one simulated world.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name on the command line and in tables.
    pub name: &'static str,
    /// What it is there to show, in a few words.
    pub about: &'static str,
    /// The substations' capacities in relation to each other. Their sum follows from `headroom`.
    pub capacities: Vec<f64>,
    /// All capacities together, as a multiple of the load expected.
    pub headroom: f64,
    /// Poisson arrivals a second, over all proxies.
    pub rate: f64,
    /// Requests that come on top of that, all at about the same time.
    pub burst: Option<Burst>,
    /// How long sessions last.
    pub sessions: Sessions,
    /// The powers that sessions draw, each as likely as the others.
    pub powers: Vec<f64>,
    /// One proxy each: its share of the arrivals, in relation to the others.
    pub shares: Vec<f64>,
    /// How the gauges are read.
    pub poll: Poll,
    /// The mean time from a choice to its answer; the booking happens in between. Each half is drawn evenly
    /// from half to one and a half times its mean.
    pub answer: Duration,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How long it runs before anything is measured.
    pub warm_up: Duration,
    /// How long it is measured.
    pub measured: Duration,
}

/// Requests that come within a moment.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// How many.
    pub count: u32,
    /// When the first one comes.
    pub at: Duration,
    /// The time in which all of them come, evenly spaced.
    pub within: Duration,
}

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// The mean.
    pub mean: Duration,
    /// How they spread around it.
    pub spread: Spread,
}

/// How lengths spread around their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All are the same.
    Fixed,
    /// Exponential: the end of a session does not depend on its age.
    Exponential,
}

/// How the gauges are read. A round reads all of them; each proxy has its own rounds.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    /// From the start of one round to the start of the next.
    pub interval: Duration,
    /// How far an interval may be off, as a part of it: 0.1 for a tenth either way.
    pub jitter: f64,
    /// The mean time from a scrape's leaving to its arrival, drawn as for answers. The value is read at some
    /// moment in between.
    pub scrape: Duration,
}

/// Something that goes wrong, or changes.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The first `count` substations' scrapes fail for a while; they go on charging.
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
    /// The first `count` substations are out of rotation for a while; every proxy knows. Their sessions go on.
    Leave {
        /// How many.
        count: usize,
        /// From when.
        from: Duration,
        /// Until when.
        until: Duration,
    },
    /// Arrivals are divided anew among the proxies. One that gets none has gone.
    Shares {
        /// When.
        at: Duration,
        /// The new shares, one for each proxy.
        shares: Vec<f64>,
    },
}

impl Scenario {
    /// The load that runs on all substations together once arrivals and departures balance.
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
