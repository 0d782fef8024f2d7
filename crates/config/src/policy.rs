//! How a substation is chosen: the policies of `switchyard-balance`, under the names of the file.

use serde::{Serialize, Serializer};
use std::str::FromStr;
use thiserror::Error;

/// The rule by which a substation is chosen among those that have room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy(switchyard_balance::Policy);

impl From<Policy> for switchyard_balance::Policy {
    fn from(policy: Policy) -> Self {
        policy.0
    }
}

impl From<switchyard_balance::Policy> for Policy {
    fn from(policy: switchyard_balance::Policy) -> Self {
        Self(policy)
    }
}

impl Policy {
    /// The name that the file uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The name is not a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a policy: write least_load, power_of_two, round_robin or random")]
pub struct UnknownPolicy;

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let mut known = switchyard_balance::Policy::ALL.into_iter();
        known
            .find(|policy| policy.name() == text)
            .map(Self)
            .ok_or(UnknownPolicy)
    }
}
