//! Ids that cannot be guessed and do not repeat.
//!
//! A session id is the right to unplug that session, so a client must not be able to compute the next id.
//! And a restarted substation must not issue an id that an older client still holds. A keyed hash of a
//! counter gives both: the key comes from the operating system, once per instance, and no random generator
//! runs for each request.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Issues one [`Id`] after another.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    key: RandomState,
    next: AtomicU64,
}

/// Sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id(u64);

impl Ids {
    pub(crate) fn next(&self) -> Id {
        Id(self.key.hash_one(self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Id {
    /// Parses what [`Display`](fmt::Display) writes, and nothing else: each id has one spelling.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests;
