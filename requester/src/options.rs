//! The options of a run.

mod watched_feeder;

use std::sync::Arc;
use std::time::Duration;

use crate::access::Access;
use crate::arrivals::{ArrivalTimes, Arrivals, Curve};
use crate::error::Error;
use crate::labels::Labels;
use crate::offer::{Offer, offers};
use crate::target::Target;
use crate::vehicle::{Cars, Vehicles};

pub use watched_feeder::{BaseLoad, WatchedFeeder};

/// The longest span; it fits every clock and histogram here.
const MAX_SPAN: Duration = Duration::from_hours(366 * 24);

/// When requests are offered.
#[derive(Clone, Debug)]
pub enum Load {
    /// At random times, along a curve.
    Curve(Curve),
    /// At recorded times, with the recorded cars.
    Replay(Arc<[Offer]>),
}

impl Load {
    /// For how long requests are offered.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match self {
            Self::Curve(curve) => curve.duration(),
            // The last offer must be before the end.
            Self::Replay(offers) => offers
                .last()
                .map_or(Duration::ZERO, |last| last.at + Duration::from_millis(1)),
        }
    }
}

/// What to scrape during the run. By default nothing.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The proxy's admin port: its `/metrics`, and through its `/status` the substations. A path is
    /// ignored.
    pub admin: Option<Target>,
    /// Substations with their names, in addition to those that the proxy knows. A path is ignored.
    pub substations: Vec<(String, Target)>,
    /// Limits that several substations share, to be judged by the substations' readings.
    pub feeders: Vec<WatchedFeeder>,
    /// The interval between two scrapes.
    pub interval: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            admin: None,
            substations: Vec::new(),
            feeders: Vec::new(),
            interval: Duration::from_millis(500),
        }
    }
}

impl Watch {
    pub(crate) fn is_off(&self) -> bool {
        self.admin.is_none() && self.substations.is_empty()
    }
}

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the requests go.
    pub target: Target,
    /// What the load is called in the report.
    pub scenario: String,
    /// When requests are offered.
    pub load: Load,
    /// How the gaps between requests are drawn along a curve.
    pub arrivals: Arrivals,
    /// The seed of all random draws: the same seed offers the same requests at the same times.
    pub seed: u64,
    /// What the cars ask for; a replay has its own cars.
    pub cars: Cars,
    /// What else they ask for, in a replay too.
    pub labels: Labels,
    /// The most connections open at once. Each takes one file descriptor. They are opened when
    /// needed. A request that finds all of them busy is counted as not sent.
    pub connections: usize,
    /// This many connections are opened before the first request, and requests use them in turn, as
    /// if each were a separate client. With 0 the connection that was used last is used next.
    pub clients: usize,
    /// How long an answer may take once the request is on its way, connecting included.
    pub timeout: Duration,
    /// What to scrape meanwhile.
    pub watch: Watch,
    /// What lets the requests in.
    pub access: Access,
}

impl Options {
    /// A run with the default values for everything else.
    #[must_use]
    pub fn new(target: Target, load: Load) -> Self {
        Self {
            target,
            scenario: "unnamed".to_owned(),
            load,
            arrivals: Arrivals::default(),
            seed: 1,
            cars: Cars::default(),
            labels: Labels::default(),
            // A target that stalls for half a second at 20,000 requests/s keeps this many busy.
            connections: 10_000,
            clients: 0,
            // The proxy's own deadline (5 s), and time for its answer.
            timeout: Duration::from_secs(10),
            watch: Watch::default(),
            access: Access::default(),
        }
    }

    /// An error if an option has an invalid value.
    pub fn check(&self) -> Result<(), Error> {
        for (option, span) in [
            ("--duration", self.load.duration()),
            ("--timeout", self.timeout),
            ("--watch-interval", self.watch.interval),
        ] {
            if span.is_zero() || span > MAX_SPAN {
                return Err(Error::duration(option, span));
            }
        }
        if self.connections == 0 {
            return Err(Error::Option {
                option: "--connections",
                value: "0".to_owned(),
                rule: "at least 1",
            });
        }
        if self.clients > self.connections {
            return Err(Error::Option {
                option: "--clients",
                value: self.clients.to_string(),
                rule: "at most as many as --connections",
            });
        }
        if self.cars.early_unplug > 0.0 && self.watch.is_off() {
            return Err(Error::Option {
                option: "--early-unplug",
                value: self.cars.early_unplug.to_string(),
                rule: "0 unless --admin or --substation tells where sessions can be ended",
            });
        }
        self.labels.check()?;
        self.cars.check()
    }

    /// The requests that these options offer, in order.
    pub fn offers(&self) -> Box<dyn Iterator<Item = Offer> + Send> {
        match &self.load {
            Load::Curve(curve) => {
                let times = ArrivalTimes::new(self.arrivals, curve.clone(), self.seed);
                Box::new(offers(times, Vehicles::new(self.cars.clone(), self.seed)))
            }
            Load::Replay(recorded) => {
                let recorded = Arc::clone(recorded);
                let numbers = 0..recorded.len();
                Box::new(numbers.filter_map(move |number| recorded.get(number).copied()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
