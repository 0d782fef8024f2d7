//! The metrics pages of the substations and the proxy, as far as a report needs them.

use switchyard_wire::names;

use super::exposition::samples;
use crate::report::{ProxyCounters, StationCounters};

/// The counter of delivered energy.
const ENERGY: &str = "substation_energy_delivered_joules_total";

/// The metrics of a substation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SubstationPage {
    /// None if the gauge is missing, negative or not finite.
    pub(super) load: Option<f64>,
    pub(super) capacity: Option<f64>,
    /// None if it does not count charge requests as ours do.
    pub(super) counted: Option<StationCounters>,
    /// Energy delivered since the substation started, in J; none if it does not count it.
    pub(super) joules: Option<f64>,
}

impl SubstationPage {
    pub(super) fn read(page: &str) -> Self {
        let mut substation = Self::default();
        let finite = |value: f64| (value.is_finite() && value >= 0.0).then_some(value);
        for sample in samples(page) {
            match (sample.name, sample.label("result")) {
                (names::LOAD_GAUGE, _) => substation.load = finite(sample.value),
                (names::CAPACITY_GAUGE, _) => substation.capacity = finite(sample.value),
                (ENERGY, _) => {
                    substation.joules = finite(sample.value);
                }
                ("substation_charge_requests_total", Some(result)) => {
                    let count = whole(sample.value);
                    let counted = substation.counted.get_or_insert_default();
                    match result {
                        "accepted" => counted.accepted = count,
                        "invalid" => counted.invalid = count,
                        // A session that was booked before.
                        "repeated" => {}
                        _ => counted.refused += count,
                    }
                }
                _ => {}
            }
        }
        substation
    }
}

/// The metrics of the proxy; none if it does not count requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ProxyPage(pub(super) Option<ProxyCounters>);

impl ProxyPage {
    pub(super) fn read(page: &str) -> Self {
        let mut all = None;
        let requests = samples(page).filter(|sample| sample.name == "switchyard_requests_total");
        for sample in requests {
            let count = whole(sample.value);
            let counted = all.get_or_insert_with(ProxyCounters::default);
            match sample.label("result") {
                Some("booked") => counted.booked += count,
                Some("answered") => counted.answered += count,
                Some("invalid") => counted.invalid += count,
                Some("refused") => counted.refused += count,
                _ => counted.failed += count,
            }
        }
        Self(all)
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
