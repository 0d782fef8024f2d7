//! The ways to choose, behind one small trait.
//!
//! `least_load` is what this crate is for. The others are here to be compared with, and for backends that
//! publish nothing. Each is a file; all see the same candidates, those in rotation that have room, and none
//! of them reserves: that is the [`Selector`](crate::Selector)'s part, which asks again if another thread was faster.

mod candidates;
mod least_load;
mod power_of_two;
mod random;
mod round_robin;

use fastrand::Rng;

use crate::Ledger;

pub(crate) use candidates::{Candidates, Eligibility, Sampled, Stale, Unsampled};
pub(crate) use least_load::LeastLoad;
pub(crate) use power_of_two::PowerOfTwo;
pub(crate) use random::Random;
pub(crate) use round_robin::RoundRobin;

/// How an upstream is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The lowest estimate against capacity.
    #[default]
    LeastLoad,
    /// The better of two drawn at random.
    PowerOfTwo,
    /// Each in its turn.
    RoundRobin,
    /// Any.
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

    /// Its name in configuration and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastLoad => "least_load",
            Self::PowerOfTwo => "power_of_two",
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
        }
    }
}

/// A way to choose.
pub(crate) trait Choose {
    /// One of the field's candidates, or `None` if it has none. Chance comes from `rng` alone.
    fn choose<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        rng: &mut Rng,
    ) -> Option<Chosen>;
}

/// Where a choice fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) at: usize,
    /// `assigned` as it was read there: what the reservation is made from.
    pub(crate) assigned: i64,
    /// Whether another was as good, and chance decided.
    pub(crate) is_tie: bool,
}

#[cfg(test)]
mod tests;
