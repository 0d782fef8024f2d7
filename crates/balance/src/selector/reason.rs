//! Why an upstream was chosen.

use crate::Policy;

/// What decided a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The policy alone.
    Policy,
    /// Several upstreams were equally good, and chance decided.
    Tie,
    /// Other proxies fill the same gap, so only a share of the gauges counted. See [`crate::share`].
    Spread,
    /// A better upstream has as many requests under way as it may have. See [`crate::request_limits`].
    Limit,
    /// The caller prefers it, and it is worse than the best by no more than the caller's tolerance. See [`Preference`](crate::Preference) and
    /// [`Ranking`](crate::Ranking).
    Tolerance,
    /// Those that the request would rather have are too full. See [`Request::preferred`](crate::Request::preferred).
    Spill,
    /// The chosen upstream's last sample is stale, so its ledger alone was used.
    Stale,
    /// Another upstream was tried before.
    Failover,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Policy,
        Self::Tie,
        Self::Spread,
        Self::Limit,
        Self::Tolerance,
        Self::Spill,
        Self::Stale,
        Self::Failover,
    ];

    /// Its name in metrics and records, for a choice by `policy`.
    #[must_use]
    pub const fn name(self, policy: Policy) -> &'static str {
        match self.own_name() {
            Some(name) => name,
            None => policy.name(),
        }
    }

    /// Its name, if that is the same for every policy.
    #[doc(hidden)]
    #[must_use]
    pub const fn own_name(self) -> Option<&'static str> {
        match self {
            Self::Policy => None,
            Self::Tie => Some("tie"),
            Self::Spread => Some("spread"),
            Self::Limit => Some("limit"),
            Self::Tolerance => Some("tolerance"),
            Self::Spill => Some("spill"),
            Self::Stale => Some("stale"),
            Self::Failover => Some("failover"),
        }
    }
}
