//! `retry.keys`: how many `Idempotency-Key`s are remembered.
//!
//! What matters to an operator is the memory that they take. A number of keys, as earlier versions had it, is still read.

use serde::{Serialize, Serializer};

use super::{bounds::MOST_KEYS, show};

/// How many `Idempotency-Key`s are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRoom {
    /// So many; 1 or more.
    Keys(usize),
    /// As many as fit into so many bytes.
    Bytes(usize),
}

impl KeyRoom {
    /// How many there may be, if one takes `each` bytes. At least one.
    #[must_use]
    pub fn most(self, each: usize) -> usize {
        match self {
            Self::Keys(most) => most,
            Self::Bytes(bytes) => (bytes / each.max(1)).clamp(1, MOST_KEYS),
        }
    }
}

impl Default for KeyRoom {
    fn default() -> Self {
        Self::Bytes(128 << 20)
    }
}

impl Serialize for KeyRoom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keys(most) => serializer.serialize_u64(*most as u64),
            Self::Bytes(bytes) => serializer.serialize_str(&show::bytes(*bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_holds_as_many_keys_as_fit_and_at_least_one() {
        assert_eq!(KeyRoom::Bytes(1000).most(100), 10);
        assert_eq!(KeyRoom::Bytes(1000).most(1001), 1);
        assert_eq!(KeyRoom::Bytes(usize::MAX).most(0), MOST_KEYS);
        assert_eq!(KeyRoom::Keys(7).most(100), 7);
    }
}
