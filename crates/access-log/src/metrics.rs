//! Lines that were lost, by why.

use enum_map::{Enum, EnumMap};
use prometheus::IntCounter;
use strum::IntoStaticStr;
use switchyard_telemetry::{Error, Registrar, counter_by};

/// Why a line was dropped.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum Dropped {
    /// Lines came faster than they could be written, and the buffer was full.
    Full,
    /// The file could not be opened again.
    Open,
    /// Writing failed, as on a full disk or to a pipe that was closed.
    Write,
}

/// The metric family.
#[derive(Clone, Debug)]
pub struct AccessLogMetrics {
    dropped: EnumMap<Dropped, IntCounter>,
}

impl AccessLogMetrics {
    /// Registers the family.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let dropped = make.counters(
            "access_log_dropped_total",
            "Lines of the access log that were not written, by reason.",
            &["reason"],
        )?;
        Ok(Self {
            dropped: counter_by(&dropped, &[]),
        })
    }

    /// Counts lines that were dropped.
    pub(crate) fn dropped(&self, why: Dropped, lines: u64) {
        self.dropped[why].inc_by(lines);
    }

    /// How many lines were dropped, by this reason.
    #[must_use]
    pub fn count(&self, why: Dropped) -> u64 {
        self.dropped[why].get()
    }
}
