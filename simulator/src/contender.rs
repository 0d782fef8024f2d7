//! Who takes part in the comparison.

use switchyard_balance::{Load, Policy};

use crate::picker::{Oracle, Picker, Plain, Prequal, RawGauge};

/// A way to choose: one of Switchyard's policies, or one to compare them with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The lowest true load, with everything that is on its way: the bound that nobody can beat by much.
    Oracle,
    /// A policy of [`switchyard_balance`] on its ledger.
    Ledger(Policy),
    /// The lowest gauge.
    RawGauge,
    /// The lowest sum of gauge and own requests in flight: what peers do.
    RawGaugeInFlight,
    /// Prequal: asynchronous probes, hot or cold by requests in flight.
    Prequal,
}

impl Contender {
    /// Everyone, in the order in which tables show them.
    pub const ALL: [Self; 8] = [
        Self::Oracle,
        Self::Ledger(Policy::LeastLoad),
        Self::Ledger(Policy::PowerOfTwo),
        Self::Ledger(Policy::RoundRobin),
        Self::Ledger(Policy::Random),
        Self::RawGauge,
        Self::RawGaugeInFlight,
        Self::Prequal,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Ledger(policy) => policy.name(),
            Self::RawGauge => "raw gauge",
            Self::RawGaugeInFlight => "gauge + in flight",
            Self::Prequal => "Prequal",
        }
    }

    /// One proxy's picker over substations of these capacities.
    #[must_use]
    pub fn picker(self, capacities: &[Load]) -> Box<dyn Picker> {
        match self {
            Self::Oracle => Box::new(Oracle),
            Self::Ledger(policy) => Box::new(Plain::new(policy, capacities)),
            Self::RawGauge => Box::new(RawGauge::new(capacities, false)),
            Self::RawGaugeInFlight => Box::new(RawGauge::new(capacities, true)),
            Self::Prequal => Box::new(Prequal::new(capacities)),
        }
    }
}
