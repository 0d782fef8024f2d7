//! How many requests may be in flight on one connection to a substation, in the words of the file.

use serde::{Serialize, Serializer};

/// The most requests on one connection by default: a larger batch saves little, and a connection that breaks
/// leaves no more than these in doubt.
const AUTO: usize = 16;
/// The most that may be configured.
pub(super) const MOST: usize = 256;

/// Whether requests to one substation may share a connection, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pipeline {
    /// Where the substation has proved eligible.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Where the substation has proved eligible, at most so many; 2 or more.
    AtMost(usize),
}

impl Pipeline {
    /// The most requests on one connection.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Self::Auto => AUTO,
            Self::Off => 1,
            Self::AtMost(most) => most,
        }
    }
}

impl Serialize for Pipeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Off => serializer.serialize_str("off"),
            Self::AtMost(most) => serializer.serialize_u64(*most as u64),
        }
    }
}
