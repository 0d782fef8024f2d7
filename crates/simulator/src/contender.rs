//! Who takes part in the comparison.

use std::time::Duration;

use switchyard_balance::{Load, Policy};

use crate::picker::{Oracle, Picker, Plain, Prequal, RawGauge};

/// A way to choose: one of Switchyard's policies, or one to compare them with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The lowest true load, with everything that is on its way: the bound that nobody can beat by much.
    Oracle,
    /// A policy of [`switchyard_balance`] on its ledger.
    Ledger(Policy),
    /// The default policy without what it learns from round to round: each proxy fills a gap whole.
    PlainLedger,
    /// The lowest gauge.
    RawGauge,
    /// The lowest sum of gauge and own requests in flight: what peers do.
    RawGaugeInFlight,
    /// Prequal as published: three probes with each request.
    Prequal,
    /// Prequal with as many probes as the others have scrapes.
    PrequalPolled,
}

impl Contender {
    /// Everyone, in the order in which tables show them.
    pub const ALL: [Self; 10] = [
        Self::Oracle,
        Self::Ledger(Policy::LeastLoad),
        Self::PlainLedger,
        Self::Ledger(Policy::PowerOfTwo),
        Self::Ledger(Policy::RoundRobin),
        Self::Ledger(Policy::Random),
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
            Self::PlainLedger => "plain ledger",
            Self::RawGauge => "raw gauge",
            Self::RawGaugeInFlight => "gauge + in flight",
            Self::Prequal => "Prequal, 3 probes a request",
            Self::PrequalPolled => "Prequal, as rare as polls",
        }
    }

    /// One proxy's picker over substations of these capacities. `interval` is the poll's.
    #[must_use]
    pub fn picker(self, capacities: &[Load], interval: Duration) -> Box<dyn Picker> {
        match self {
            Self::Oracle => Box::new(Oracle),
            Self::Ledger(policy) => Box::new(Plain::new(policy, capacities)),
            Self::PlainLedger => Box::new(Plain::new(Policy::LeastLoad, capacities).unlearned()),
            Self::RawGauge => Box::new(RawGauge::new(capacities, false)),
            Self::RawGaugeInFlight => Box::new(RawGauge::new(capacities, true)),
            Self::Prequal => Box::new(Prequal::new(capacities)),
            Self::PrequalPolled => {
                let scrapes = capacities.iter().map(|_| interval.as_secs_f64().recip());
                Box::new(Prequal::new(capacities).with_budget(scrapes.sum()))
            }
        }
    }
}
