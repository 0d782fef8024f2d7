//! How many requests may be under way to one substation, in the words of the file.

use serde::{Serialize, Serializer};

/// The most that may be configured.
pub(super) const MOST: u32 = 1_000_000;

/// The most requests under way to one substation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MaxRequests {
    /// As many as its answers allow, compared with those of the others.
    #[default]
    Auto,
    /// Any number.
    Off,
    /// So many; 1 or more.
    AtMost(u32),
}

impl Serialize for MaxRequests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Off => serializer.serialize_str("off"),
            Self::AtMost(most) => serializer.serialize_u32(*most),
        }
    }
}
