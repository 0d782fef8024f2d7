//! How good the choices are: what they rest on, and what hindsight says of them.

use prometheus::{Gauge, Histogram, HistogramOpts};

use switchyard_telemetry::{Error, Registrar};

/// The families of the choice itself.
#[derive(Clone, Debug)]
pub struct ChoiceMetrics {
    /// How long a choice takes; one in [`ChoiceMetrics::SAMPLING`] is measured.
    pub seconds: Histogram,
    /// How old the chosen one's sample was; one in [`ChoiceMetrics::SAMPLING`] is looked at.
    pub sample_age_seconds: Histogram,
    /// How much emptier than the chosen one another turned out to be, as utilisation.
    pub regret: Histogram,
    /// The share of the gauges that counts.
    pub share: Gauge,
}

impl ChoiceMetrics {
    /// One choice in so many is timed and looked at: reading the clock twice costs as much as the choice.
    pub const SAMPLING: u32 = 64;

    pub(crate) fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let share = make.add(Gauge::new(
            "dispatch_load_share",
            "The share of a gap between substations that this proxy fills: 1 while it is alone.",
        )?)?;
        share.set(1.0);
        Ok(Self {
            seconds: make.histogram(
                "dispatch_decision_duration_seconds",
                "How long choosing a substation takes; one decision in 64 is measured.",
                (0..14).map(|n| 50e-9 * 2_f64.powi(n)).collect(),
            )?,
            sample_age_seconds: make.histogram(
                "dispatch_sample_age_seconds",
                "How old the chosen substation's load sample was; one decision in 64 is looked at.",
                (0..12).map(|n| 0.01 * 2_f64.powi(n)).collect(),
            )?,
            regret: make.add(Histogram::with_opts(
                HistogramOpts::new(
                    "dispatch_regret_utilisation",
                    "Found each time new samples come: how much fuller than the emptiest was the substation that was thought so.",
                )
                .buckets((0..12).map(|n| 0.0005 * 2_f64.powi(n)).collect()),
            )?)?,
            share,
        })
    }
}
