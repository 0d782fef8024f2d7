//! The most requests that may be under way to an upstream.
//!
//! A load gauge says how full an upstream is, and nothing of how fast it answers. One that hangs looks as empty as ever,
//! and takes request after request. So a choice passes over an upstream with as many requests under way as its limit.
//! A request whose answer has begun does not count: the upstream has answered it, however long the answer is.
//!
//! A *soft* limit is a judgement ([`request_limits`](crate::request_limits)): while no other upstream has room, it does
//! not count. A *hard* limit is an operator's word, and counts always.

use std::sync::atomic::Ordering::Relaxed;

use super::Ledger;

/// The word of a ledger without a limit.
pub(super) const UNLIMITED: u64 = u64::MAX;
/// The bit of a hard limit.
const HARD: u64 = 1 << 63;

/// The most requests under way to one upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestLimit {
    /// Any number.
    #[default]
    Unlimited,
    /// So many while another upstream has room.
    Soft(u32),
    /// So many in any case.
    Hard(u32),
}

impl RequestLimit {
    /// The number of requests, if there is a limit.
    #[must_use]
    pub fn requests(self) -> Option<u32> {
        match self {
            Self::Unlimited => None,
            Self::Soft(most) | Self::Hard(most) => Some(most),
        }
    }
}

impl Ledger {
    /// Sets the most requests under way.
    #[doc(hidden)]
    pub fn set_request_limit(&self, limit: RequestLimit) {
        let word = match limit {
            RequestLimit::Unlimited => UNLIMITED,
            RequestLimit::Soft(most) => u64::from(most),
            RequestLimit::Hard(most) => u64::from(most) | HARD,
        };
        self.request_limit.store(word, Relaxed);
    }

    /// The most requests under way.
    #[doc(hidden)]
    #[must_use]
    pub fn request_limit(&self) -> RequestLimit {
        let word = self.request_limit.load(Relaxed);
        let most = u32::try_from(word & !HARD);
        match most {
            Err(_) => RequestLimit::Unlimited,
            Ok(most) if word & HARD == 0 => RequestLimit::Soft(most),
            Ok(most) => RequestLimit::Hard(most),
        }
    }

    /// Whether one more request would be more than the limit.
    #[inline]
    pub(crate) fn is_at_limit(&self) -> bool {
        let word = self.request_limit.load(Relaxed);
        word != UNLIMITED && self.awaiting() >= word & !HARD
    }

    /// Whether one more request would be more than a hard limit.
    #[inline]
    pub(crate) fn is_at_hard_limit(&self) -> bool {
        self.hard_limit()
            .is_some_and(|most| self.awaiting() >= most)
    }

    /// Whether more requests are under way than a hard limit allows: several threads may have reserved at once.
    #[inline]
    pub(crate) fn is_over_hard_limit(&self) -> bool {
        self.hard_limit().is_some_and(|most| self.awaiting() > most)
    }

    #[inline]
    fn hard_limit(&self) -> Option<u64> {
        let word = self.request_limit.load(Relaxed);
        (word != UNLIMITED && word & HARD != 0).then_some(word & !HARD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_as_it_was_set() {
        let ledger = Ledger::default();
        assert_eq!(ledger.request_limit(), RequestLimit::Unlimited);
        for limit in [
            RequestLimit::Soft(0),
            RequestLimit::Soft(u32::MAX),
            RequestLimit::Hard(0),
            RequestLimit::Hard(u32::MAX),
            RequestLimit::Unlimited,
        ] {
            ledger.set_request_limit(limit);
            assert_eq!(ledger.request_limit(), limit);
        }
    }
}
