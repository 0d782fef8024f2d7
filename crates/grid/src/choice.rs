//! How good the choices are: the age of their samples, and their regret in hindsight.

use prometheus::{Gauge, Histogram, HistogramOpts, IntGaugeVec};

use switchyard_telemetry::{Error, Registrar};

use crate::lasts;

/// The metric families of the choice.
#[derive(Clone, Debug)]
pub struct ChoiceMetrics {
    /// How long a choice takes. One in [`ChoiceMetrics::SAMPLING`] is measured.
    pub seconds: Histogram,
    /// How old the sample of the chosen substation was. One choice in [`ChoiceMetrics::SAMPLING`]
    /// is measured.
    pub sample_age_seconds: Histogram,
    /// Utilisation of the substation that seemed emptiest minus that of the substation that was.
    pub regret: Histogram,
    /// The share of a gap between substations that this proxy fills.
    pub share: Gauge,
    pub(crate) lasts: IntGaugeVec,
}

impl ChoiceMetrics {
    /// One choice in this many is measured, because reading the clock twice costs as much as the
    /// choice.
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
                "How old the chosen substation's load sample was; one decision in 64 is measured.",
                (0..12).map(|n| 0.01 * 2_f64.powi(n)).collect(),
            )?,
            regret: make.add(Histogram::with_opts(
                HistogramOpts::new(
                    "dispatch_regret_utilisation",
                    "Utilisation of the substation that seemed emptiest minus that of the one that was, at each round of samples.",
                )
                .buckets((0..12).map(|n| 0.0005 * 2_f64.powi(n)).collect()),
            )?)?,
            share,
            lasts: lasts::register(make)?,
        })
    }
}
