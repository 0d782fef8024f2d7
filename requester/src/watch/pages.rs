//! The metrics pages of the substations and the proxy, as far as a report needs them.

use switchyard_wire::names;

use super::exposition::samples;
use crate::report::{ProxyCounters, StationCounters};

/// The metrics of a substation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SubstationPage {
    /// None if the gauge is missing, negative or not finite.
    pub(super) load: Option<f64>,
    pub(super) capacity: Option<f64>,
    pub(super) counted: StationCounters,
    /// Energy delivered since the substation started, in J.
    pub(super) joules: f64,
}

impl SubstationPage {
    pub(super) fn read(page: &str) -> Self {
        let mut substation = Self::default();
        let finite = |value: f64| (value.is_finite() && value >= 0.0).then_some(value);
        for sample in samples(page) {
            match (sample.name, sample.label("result")) {
                (names::LOAD_GAUGE, _) => substation.load = finite(sample.value),
                (names::CAPACITY_GAUGE, _) => substation.capacity = finite(sample.value),
                ("substation_energy_delivered_joules_total", _) => substation.joules = sample.value,
                ("substation_charge_requests_total", Some(result)) => {
                    let count = whole(sample.value);
                    match result {
                        "accepted" => substation.counted.accepted = count,
                        "invalid" => substation.counted.invalid = count,
                        _ => substation.counted.refused += count,
                    }
                }
                _ => {}
            }
        }
        substation
    }
}

/// The metrics of the proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ProxyPage(pub(super) ProxyCounters);

impl ProxyPage {
    pub(super) fn read(page: &str) -> Self {
        let mut counted = ProxyCounters::default();
        let requests = samples(page).filter(|sample| sample.name == "switchyard_requests_total");
        for sample in requests {
            let count = whole(sample.value);
            match sample.label("result") {
                Some("booked") => counted.booked += count,
                Some("answered") => counted.answered += count,
                Some("invalid") => counted.invalid += count,
                Some("refused") => counted.refused += count,
                _ => counted.failed += count,
            }
        }
        Self(counted)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter is a whole number, exact up to 2^53; NaN and negative values become 0"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
pub(super) mod tests;
