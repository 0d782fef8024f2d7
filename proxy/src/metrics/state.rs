//! The state file, where one is configured.

use prometheus::{Gauge, IntCounter};
use switchyard_telemetry::{Error, Registrar};

/// The families of the state file. All stay at 0 without one.
#[derive(Clone, Debug)]
pub struct StateMetrics {
    written_at: Gauge,
    bytes: Gauge,
    seconds: Gauge,
    errors: IntCounter,
}

/// What is known of the last write of the state file.
#[derive(Clone, Copy, Debug, Default)]
pub struct StateWritten {
    /// When it was, in seconds since the Unix epoch; 0 before a first.
    pub unix_seconds: f64,
    /// How many bytes it had.
    pub bytes: usize,
    /// How long it took.
    pub seconds: f64,
    /// How many writes failed so far.
    pub errors: u64,
}

impl StateMetrics {
    pub(super) fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let [written_at, bytes, seconds] = [
            make.gauges(
                "state_written_timestamp_seconds",
                "When the state file was written last, in seconds since the Unix epoch; 0 before a first time.",
                &[],
            )?,
            make.gauges("state_bytes", "Size of the state file.", &[])?,
            make.gauges(
                "state_write_seconds",
                "How long the last write of the state file took.",
                &[],
            )?,
        ]
        .map(|family| family.with_label_values::<&str>(&[]));
        Ok(Self {
            written_at,
            bytes,
            seconds,
            errors: make.counter(
                "state_errors_total",
                "Writes of the state file that failed.",
            )?,
        })
    }

    /// Sets what is shown.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a state has far fewer than 2^53 bytes"
    )]
    pub fn mirror(&self, written: StateWritten) {
        self.written_at.set(written.unix_seconds);
        self.bytes.set(written.bytes as f64);
        self.seconds.set(written.seconds);
        let counted = self.errors.get();
        self.errors.inc_by(written.errors.saturating_sub(counted));
    }
}
