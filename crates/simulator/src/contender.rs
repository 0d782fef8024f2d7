//! The policies that are compared.

use switchyard_balance::Policy;

use crate::fleet::Fleet;
use crate::picker::{
    LeastConnections, LeastRequest, LedgerPolicy, Oracle, Picker, Prequal, RawGauge,
};
use crate::scenario::Scenario;

/// One of Switchyard's policies, or a rival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The lowest true load, with all requests on their way: a bound that no policy can beat by
    /// much.
    Oracle,
    /// A policy of [`switchyard_balance`] on its ledger.
    Ledger(Policy),
    /// The default policy without a share estimator: each proxy fills a gap completely.
    PlainLedger,
    /// The default policy that is told whether sessions outlive their answers, and need not learn it.
    Told,
    /// The fewest own requests in flight for its capacity: HAProxy's `leastconn`.
    LeastConnections,
    /// Of two substations at random, that with fewer own requests in flight: Envoy's least request.
    LeastRequest,
    /// The lowest gauge.
    RawGauge,
    /// The lowest sum of gauge and own requests in flight: what other proxies do.
    RawGaugeInFlight,
    /// Prequal as published: three probes with each request.
    Prequal,
    /// Prequal with as many probes as the others have scrapes.
    PrequalPolled,
}

impl Contender {
    /// All contenders, in the order of the tables.
    pub const ALL: [Self; 13] = [
        Self::Oracle,
        Self::Ledger(Policy::LeastLoad),
        Self::Told,
        Self::PlainLedger,
        Self::Ledger(Policy::PowerOfTwo),
        Self::Ledger(Policy::RoundRobin),
        Self::Ledger(Policy::Random),
        Self::LeastConnections,
        Self::LeastRequest,
        Self::RawGauge,
        Self::RawGaugeInFlight,
        Self::PrequalPolled,
        Self::Prequal,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Ledger(policy) => policy.name(),
            Self::Told => "least_load, told",
            Self::PlainLedger => "plain ledger",
            Self::LeastConnections => "least connections",
            Self::LeastRequest => "least request of two",
            Self::RawGauge => "raw gauge",
            Self::RawGaugeInFlight => "gauge + in flight",
            Self::Prequal => "Prequal, 3 probes a request",
            Self::PrequalPolled => "Prequal, as rare as polls",
        }
    }

    /// The picker of one proxy over these substations.
    #[must_use]
    pub fn picker(self, fleet: &Fleet, scenario: &Scenario) -> Box<dyn Picker> {
        let capacities = &fleet.capacities();
        let ledger = |policy| {
            LedgerPolicy::new(policy, fleet)
                .within(scenario.tolerance)
                .where_requests_say(scenario.is_said.then_some(scenario.lasts))
        };
        match self {
            Self::Oracle => Box::new(Oracle),
            Self::Ledger(policy) => Box::new(ledger(policy)),
            Self::Told => Box::new(ledger(Policy::LeastLoad).told(scenario.lasts)),
            Self::LeastConnections => Box::new(LeastConnections::new(capacities)),
            Self::LeastRequest => Box::new(LeastRequest::new(capacities)),
            Self::PlainLedger => Box::new(ledger(Policy::LeastLoad).without_share_estimator()),
            Self::RawGauge => Box::new(RawGauge::new(capacities, false)),
            Self::RawGaugeInFlight => Box::new(RawGauge::new(capacities, true)),
            Self::Prequal => Box::new(Prequal::new(capacities)),
            Self::PrequalPolled => {
                let interval = scenario.poll.interval;
                let scrapes = capacities.iter().map(|_| interval.as_secs_f64().recip());
                Box::new(Prequal::new(capacities).with_budget(scrapes.sum()))
            }
        }
    }
}
