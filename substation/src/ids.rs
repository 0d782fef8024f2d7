//! Numbers that nobody can guess and that don't come again.
//!
//! A session id is the right to unplug that session, so a client must not be able to count to the next
//! one; and a restarted substation must not hand out an id that an older client still holds. A keyed
//! hash of a counter gives both: the key comes from the operating system, once an instance, and no
//! random generator has to be asked for each request.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Hands out one [`Id`] after another.
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
    /// Reads back what [`Display`](fmt::Display) writes, and only that: one session has one spelling.
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
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_from_each_other_and_from_those_of_the_next_start() {
        let (before, after) = (Ids::default(), Ids::default());
        let all: HashSet<_> = (0..1000)
            .flat_map(|_| [before.next(), after.next()])
            .collect();
        assert_eq!(all.len(), 2000);
    }

    #[test]
    fn an_id_is_read_back_in_its_one_spelling() {
        let id = Id(0x0a);
        assert_eq!(id.to_string(), "000000000000000a");
        assert_eq!(Id::parse("000000000000000a"), Some(id));
        for other in [
            "a",
            "000000000000000A",
            "+00000000000000a",
            "00000000000000000a",
            "",
            "é",
        ] {
            assert_eq!(Id::parse(other), None, "{other:?}");
        }
    }
}
