//! The configuration of a substation.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::ConfigError;
use crate::pace::Pace;
use crate::report_format::ReportFormat;
use crate::units::{Energy, Power};

/// The power of a request that names none, in kW: three phases at 16 A, the usual public AC point.
pub(crate) const DEFAULT_POWER_KW: f64 = 11.0;
/// The energy of a request that names none, in kWh. With the default power that is one hour.
pub(crate) const DEFAULT_ENERGY_KWH: f64 = 11.0;
/// The longest name, in bytes. Names are part of session ids, paths and log lines.
const MAX_NAME: usize = 64;
/// The largest capacity that a proxy counts with, in kW.
const MAX_CAPACITY_KW: f64 = switchyard_wire::LARGEST_LOAD;

/// The configuration of one substation, as written; [`Substation::new`](crate::Substation::new) checks it.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The substation's name in its responses and session ids: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// The most that its running sessions may draw together, in kW.
    pub capacity_kw: f64,
    /// How much faster than the wall clock a simulated car charges: at 60, an hour takes a minute.
    pub time_scale: f64,
    /// The power of a session whose request names none, in kW.
    pub default_power_kw: f64,
    /// The energy of a session whose request names none, in kWh.
    pub default_energy_kwh: f64,
    /// Delay before a charge is booked and answered. Benches and tests use it for slow substations.
    pub answer_after: Duration,
    /// How long after the substation was made that delay begins to apply.
    pub slow_from: Duration,
    /// For how long the delay applies from then on. None: for good.
    pub slow_for: Option<Duration>,
    /// Whether a charge is answered only when its session ends, so that its load lasts as long as the request. A client
    /// that leaves before ends its session.
    pub hold: bool,
    /// How the load is written on each response to a charge. None: it is not.
    pub report_load: Option<ReportFormat>,
    /// The file that bookings are written to before they are answered, so that sessions and keys survive a
    /// crash of the process. Without a file they end with it.
    pub journal: Option<PathBuf>,
}

impl Config {
    /// A substation of this name and capacity (in kW), in real time and with the usual car (11 kW, 11 kWh).
    pub fn new(name: impl Into<String>, capacity_kw: f64) -> Self {
        Self {
            name: name.into(),
            capacity_kw,
            time_scale: 1.0,
            default_power_kw: DEFAULT_POWER_KW,
            default_energy_kwh: DEFAULT_ENERGY_KWH,
            answer_after: Duration::ZERO,
            slow_from: Duration::ZERO,
            slow_for: None,
            hold: false,
            report_load: None,
            journal: None,
        }
    }

    /// Checks every value.
    pub(crate) fn check(self) -> Result<Checked, ConfigError> {
        let Self {
            name,
            capacity_kw,
            time_scale,
            default_power_kw,
            default_energy_kwh,
            answer_after,
            slow_from,
            slow_for,
            hold,
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
            pace: Pace::new(answer_after, slow_from, slow_for),
            hold,
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
    pub(crate) pace: Pace,
    pub(crate) hold: bool,
    pub(crate) report_load: Option<ReportFormat>,
    pub(crate) journal: Option<PathBuf>,
}

/// The unreserved characters of a URL without `~`: a session id then needs no escaping anywhere.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests;
