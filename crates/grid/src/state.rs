//! The states of a substation, in the order of the contract.

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

/// The state of a substation, for people and alerts.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SubstationState {
    /// Its samples are fresh.
    Up,
    /// Its last sample is old; its ledger goes on.
    Stale,
    /// Out of rotation for its failures, or on trial after that.
    Ejected,
    /// It is unreachable.
    Down,
    /// It takes no new sessions.
    Draining,
    /// It has never been sampled.
    Unknown,
}

impl SubstationState {
    /// Its name in `/status` and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
