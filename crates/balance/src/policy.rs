//! The policies, behind one small trait.
//!
//! `least_load` is the purpose of this crate. The others are for comparison, and for backends without a gauge. All
//! policies see the same candidates: upstreams in rotation that have room. No policy reserves: the
//! [`Selector`](crate::Selector) does, and asks the policy again if another thread was faster.

mod candidates;
mod eligibility;
mod least_load;
mod power_of_two;
mod random;
mod round_robin;
mod tree_search;

use fastrand::Rng;

use crate::{
    Ledger,
    group::{Floor, FloorVersion},
};

pub(crate) use candidates::Candidates;
pub(crate) use eligibility::{BeyondLimit, Eligibility, Sampled, Stale, Unsampled};
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
    /// Each in turn.
    RoundRobin,
    /// Any of them, at random.
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

/// A policy.
pub(crate) trait Choose {
    /// One of the candidates, or `None` if there are none. All randomness comes from `rng`.
    fn choose<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        rng: &mut Rng,
    ) -> Option<Chosen>;
}

/// An upstream that the caller would rather have than the best, because a request to it costs less: for example, one to
/// which another request is just about to be written.
///
/// If all of many choices are preferred, their upstream gets ahead of the others by the tolerance and no more: with
/// each choice its score grows, and that of the best doesn't. So the loads stay within the tolerance of what they would be
/// without it.
#[derive(Clone, Copy, Debug)]
pub struct Preference {
    /// Its position in the roster.
    pub at: usize,
    /// By how much of its capacity it may be fuller than the best. Where no capacity is known, so many units.
    pub tolerance: f64,
}

/// An order in which a request would rather have the upstreams, as long as the choice is hardly worse than the best. With
/// the same order, choosers that know the loads a little differently often choose the same upstream.
#[derive(Clone, Copy)]
pub struct Ranking<'a> {
    /// The rank of the upstream at a position; the highest is preferred.
    pub rank: &'a dyn Fn(usize) -> u64,
    /// By how many requests like this one it may be fuller than the best.
    pub requests: f64,
}

/// What a request would rather have than the best.
#[derive(Clone, Copy, Default)]
pub(crate) enum Wish<'a> {
    #[default]
    Best,
    Near(Preference),
    Ranked(Ranking<'a>),
}

/// What a policy has chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) at: usize,
    /// The highest score of its levels.
    pub(crate) score: f64,
    /// The upstream's own.
    pub(crate) own: f64,
    /// `assigned` as the policy read it; the reservation compares with it.
    pub(crate) assigned: i64,
    /// Whether others were equally good, and chance decided.
    pub(crate) is_tie: bool,
    /// Its group, if the policy searched that.
    pub(crate) group: Option<SearchedGroup>,
}

/// A group that was searched, with what the search found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchedGroup {
    pub(crate) number: usize,
    pub(crate) version: FloorVersion,
    pub(crate) floor: Floor,
}

#[cfg(test)]
mod tests;
