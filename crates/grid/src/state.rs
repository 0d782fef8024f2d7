//! The states of a substation, in the order of the contract.

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

/// How a substation is doing, for people and alerts.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SubstationState {
    /// Its samples are fresh.
    Up,
    /// Its last sample is old; the ledger goes on counting.
    Stale,
    /// Out of rotation for its failures, or on trial after that.
    Ejected,
    /// It can't be reached.
    Down,
    /// It takes no new sessions.
    Draining,
    /// It has never been sampled.
    Unknown,
}

impl SubstationState {
    /// Its name in status and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
