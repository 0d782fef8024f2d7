//! How a substation is chosen.

use serde::Serialize;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// The rule by which a substation is chosen among those that have room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The lowest estimated utilisation.
    #[default]
    LeastLoad,
    /// The lower of two drawn at random.
    PowerOfTwo,
    /// Each in turn, whatever its load.
    RoundRobin,
    /// Any, with equal chance.
    Random,
}

impl Policy {
    /// Every policy, in the order in which they are documented.
    pub const ALL: [Self; 4] = [
        Self::LeastLoad,
        Self::PowerOfTwo,
        Self::RoundRobin,
        Self::Random,
    ];

    /// The name that the file uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LeastLoad => "least_load",
            Self::PowerOfTwo => "power_of_two",
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no policy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is no policy: write least_load, power_of_two, round_robin or random")]
pub struct UnknownPolicy;

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name() == text)
            .ok_or(UnknownPolicy)
    }
}
