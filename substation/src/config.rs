//! What a substation is told about itself.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::ConfigError;
use crate::report::ReportFormat;
use crate::units::{Energy, Power};

/// What a car draws that does not say: three phases at 16 A, the usual public AC point.
pub(crate) const DEFAULT_POWER_KW: f64 = 11.0;
/// What a car takes that does not say. With the default power that is one hour.
pub(crate) const DEFAULT_ENERGY_KWH: f64 = 11.0;
/// Names end up in session ids, paths and log lines; longer ones help nobody.
const MAX_NAME: usize = 64;
/// A thousand times the largest session: more than any site has, and still exact in a gauge's 53 bits.
const MAX_CAPACITY_KW: f64 = 1e9;

/// The configuration of one substation, as written; [`Substation::new`](crate::Substation::new) checks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the substation calls itself in its answers and session ids: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// The most that its running sessions may draw together, in kW.
    pub capacity_kw: f64,
    /// How much faster than the wall clock a simulated car charges: at 60, an hour takes a minute.
    pub time_scale: f64,
    /// What a session draws when its request does not say, in kW.
    pub default_power_kw: f64,
    /// What a session takes when its request does not say, in kWh.
    pub default_energy_kwh: f64,
    /// How long it thinks about a charge before it books, so that benches and tests have slow substations too.
    pub answer_after: Duration,
    /// How the load is written on each answer to a charge, if it is.
    pub report_load: Option<ReportFormat>,
    /// The file that bookings are written to before they are answered, so that sessions and keys outlive a
    /// crash of the process. Without one they end with it.
    pub journal: Option<PathBuf>,
}

impl Config {
    /// A substation of this name and capacity, in real time and with the usual car (11 kW, 11 kWh).
    pub fn new(name: impl Into<String>, capacity_kw: f64) -> Self {
        Self {
            name: name.into(),
            capacity_kw,
            time_scale: 1.0,
            default_power_kw: DEFAULT_POWER_KW,
            default_energy_kwh: DEFAULT_ENERGY_KWH,
            answer_after: Duration::ZERO,
            report_load: None,
            journal: None,
        }
    }

    /// The same with nothing left to doubt.
    pub(crate) fn check(self) -> Result<Checked, ConfigError> {
        let Self {
            name,
            capacity_kw,
            time_scale,
            default_power_kw,
            default_energy_kwh,
            answer_after,
            report_load,
            journal,
        } = self;
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_name_byte) {
            return Err(ConfigError::Name {
                name,
                max: MAX_NAME,
            });
        }
        if !(time_scale.is_finite() && time_scale > 0.0) {
            return Err(ConfigError::TimeScale(time_scale));
        }
        let capacity =
            Power::within(capacity_kw, MAX_CAPACITY_KW).ok_or(ConfigError::Capacity {
                value: capacity_kw,
                max: MAX_CAPACITY_KW,
            })?;
        let default_power = Power::from_kw(default_power_kw).ok_or(ConfigError::DefaultPower {
            value: default_power_kw,
            max: Power::MAX_KW,
        })?;
        let default_energy =
            Energy::from_kwh(default_energy_kwh).ok_or(ConfigError::DefaultEnergy {
                value: default_energy_kwh,
                max: Energy::MAX_KWH,
            })?;
        Ok(Checked {
            name,
            capacity,
            time_scale,
            default_power,
            default_energy,
            answer_after,
            report_load,
            journal,
        })
    }
}

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) name: String,
    pub(crate) capacity: Power,
    pub(crate) time_scale: f64,
    pub(crate) default_power: Power,
    pub(crate) default_energy: Energy,
    pub(crate) answer_after: Duration,
    pub(crate) report_load: Option<ReportFormat>,
    pub(crate) journal: Option<PathBuf>,
}

/// The unreserved characters of a URL without `~`: a session id then needs no escaping anywhere.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::new("substation1", 100.0);
        change(&mut config);
        config
            .check()
            .expect_err("the configuration must be refused")
            .to_string()
    }

    #[test]
    fn the_defaults_are_accepted() {
        assert!(Config::new("substation1", 100.0).check().is_ok());
    }

    #[test]
    fn every_bad_number_is_refused_with_its_name_and_value() {
        for bad in [
            0.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e-9,
            1e300,
        ] {
            let shown = format!("{bad}");
            let capacity = fault(|config| config.capacity_kw = bad);
            assert!(
                capacity.contains("capacity") && capacity.contains(&shown),
                "{capacity}"
            );
            let power = fault(|config| config.default_power_kw = bad);
            assert!(
                power.contains("default power") && power.contains(&shown),
                "{power}"
            );
            let energy = fault(|config| config.default_energy_kwh = bad);
            assert!(
                energy.contains("default energy") && energy.contains(&shown),
                "{energy}"
            );
        }
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let scale = fault(|config| config.time_scale = bad);
            assert!(
                scale.contains("time scale") && scale.contains(&format!("{bad}")),
                "{scale}"
            );
        }
    }

    #[test]
    fn a_name_that_would_need_escaping_is_refused() {
        for bad in ["", "a b", "a/b", "ü", "a\"b", &"x".repeat(65)] {
            assert!(
                fault(|config| config.name = bad.into()).contains("name"),
                "{bad:?}"
            );
        }
    }
}
