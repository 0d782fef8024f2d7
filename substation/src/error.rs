//! Errors of a configuration.

use std::path::PathBuf;

use thiserror::Error;

/// A configuration that no substation can run with.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The name is empty, too long, or would need escaping in a session id.
    #[error("the name {name:?} must be 1 to {max} letters, digits, '.', '_' or '-'")]
    Name {
        /// The refused name.
        name: String,
        /// The most bytes that a name may have.
        max: usize,
    },
    /// The capacity is not a positive number within bounds.
    #[error("the capacity {value} kW must be a number from 0.000001 to {max}")]
    Capacity {
        /// The refused capacity, in kW.
        value: f64,
        /// The largest capacity, in kW.
        max: f64,
    },
    /// The time scale is not finite or not above zero.
    #[error("the time scale {0} must be a finite number above 0")]
    TimeScale(f64),
    /// The default power would be refused in a request.
    #[error("the default power {value} kW must be a number from 0.000001 to {max}")]
    DefaultPower {
        /// The refused power, in kW.
        value: f64,
        /// The largest power, in kW.
        max: f64,
    },
    /// The default energy would be refused in a request.
    #[error("the default energy {value} kWh must be a number from 0.000001 to {max}")]
    DefaultEnergy {
        /// The refused energy, in kWh.
        value: f64,
        /// The largest energy, in kWh.
        max: f64,
    },
    /// The journal can't be opened, read or appended to.
    #[error("the journal {path:?} can't be used: {reason}")]
    Journal {
        /// The file.
        path: PathBuf,
        /// The error of the system, or of the parser of its lines.
        reason: String,
    },
    /// The metrics could not be registered: a mistake in this crate.
    #[error("the metrics can't be registered: {0}")]
    Metrics(String),
}
