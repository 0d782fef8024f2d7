//! What there is room for among all upstreams, for requests that find none: when to come back, what to wait for, and what
//! is in the way.

use super::Roster;
use crate::{
    Feeder, Ledger, Load, Request,
    promises::BOUNDLESS,
    tree::{Binding, Level},
};

impl<U: AsRef<Ledger>> Roster<U> {
    /// The room for requests like this one: how many of them fit now, times their load, in millionths. [`BOUNDLESS`] where
    /// that can't be said, because an upstream has no known bound, or because none has a sample that counts.
    ///
    /// Reads every ledger.
    #[doc(hidden)]
    #[must_use]
    pub fn room_for(&self, request: &Request<'_>) -> i128 {
        let one = request.load.micros().max(1);
        let fitting = |left: i64| i128::from(left / one * one);
        // What is left at each feeder once the members that were added up have been filled.
        let lefts = self.tree.feeders.iter().map(|feeder| {
            let left = feeder.left();
            left.map_or(BOUNDLESS, |left| fitting(left.micros()))
        });
        let mut lefts: Vec<_> = lefts.collect();
        let (mut room, mut is_sampled) = (0_i128, false);
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if ledger.weight().is_nan() || !request.may_use(at) {
                continue;
            }
            is_sampled = true;
            let own = if ledger.is_stale() || ledger.bound().is_none() {
                BOUNDLESS
            } else {
                fitting(ledger.headroom())
            };
            let path = || self.tree.path(at);
            let least = path().filter_map(|feeder| lefts.get(feeder)).copied().min();
            let own = own.min(least.unwrap_or(BOUNDLESS));
            if own >= BOUNDLESS {
                return BOUNDLESS;
            }
            for feeder in path() {
                if let Some(left) = lefts.get_mut(feeder).filter(|left| **left < BOUNDLESS) {
                    *left -= own;
                }
            }
            room += own;
        }
        if is_sampled { room } else { BOUNDLESS }
    }

    /// The largest load that fits anywhere now where the request may go, in millionths. `i64::MAX` where that can't be
    /// said. The request's own load does not matter.
    ///
    /// Reads every ledger.
    #[doc(hidden)]
    #[must_use]
    pub fn largest_room(&self, request: &Request<'_>) -> i64 {
        let (mut sampled, mut unsampled) = (None, None);
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if !request.may_use(at) || !ledger.is_in() {
                continue;
            }
            let largest = if ledger.is_sampled() {
                &mut sampled
            } else {
                &mut unsampled
            };
            let lefts = self.feeders_above(at).filter_map(Feeder::left);
            let least = lefts.map(Load::micros).min().unwrap_or(i64::MAX);
            *largest = (*largest).max(Some(ledger.room().min(least)));
        }
        // Those without a sample count only while there is no other.
        sampled.or(unsampled).unwrap_or(0)
    }

    /// The position of the upstream in rotation that can bear the request and lacks the least room for it. None if there
    /// is none, or if its bound is not known.
    ///
    /// Reads every ledger.
    #[doc(hidden)]
    #[must_use]
    pub fn nearest_to(&self, request: &Request<'_>) -> Option<usize> {
        let able = self.upstreams.iter().enumerate().filter(|(at, upstream)| {
            let ledger = (***upstream).as_ref();
            ledger.is_in()
                && request.may_use(*at)
                && ledger.bound().is_some_and(|bound| bound >= request.load)
                && self.could_feed(*at, request.load)
        });
        let nearest = able.max_by_key(|(at, upstream)| {
            let lefts = self.feeders_above(*at).filter_map(Feeder::left);
            let least = lefts.map(Load::micros).min().unwrap_or(i64::MAX);
            (***upstream).as_ref().headroom().min(least)
        });
        nearest.map(|(at, _)| at)
    }

    /// Whether some upstream in rotation could bear the request if it and its feeders were empty, as far as is known. One
    /// without a sample is asked only while there is no other, and so counts only then.
    ///
    /// Reads every ledger.
    #[doc(hidden)]
    #[must_use]
    pub fn could_bear(&self, request: &Request<'_>) -> bool {
        let mut is_any_sampled = false;
        let mut could_unsampled = false;
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if !request.may_use(at) {
                continue;
            }
            let could = ledger.is_in()
                && ledger.bound().is_none_or(|bound| bound >= request.load)
                && self.could_feed(at, request.load);
            if !ledger.is_sampled() {
                could_unsampled |= could;
            } else if could {
                return true;
            } else {
                is_any_sampled |= ledger.is_in();
            }
        }
        could_unsampled && !is_any_sampled
    }

    /// What keeps a request from being placed: for each upstream in rotation that it may use, the level with the least room
    /// of those without enough; and among these the one with the most. None if nothing lacks room.
    ///
    /// Reads every ledger.
    #[doc(hidden)]
    #[must_use]
    pub fn binding(&self, request: &Request<'_>) -> Option<Binding> {
        let mut binding: Option<Binding> = None;
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if !ledger.is_in() || !request.may_use(at) {
                continue;
            }
            let own = Binding {
                level: Level::Upstream(at),
                left: Load::from_micros(ledger.headroom()),
                bound: ledger.bound(),
            };
            let above = self.tree.path(at).filter_map(|number| {
                let feeder = self.tree.feeders.get(number)?;
                Some(Binding {
                    level: Level::Feeder(number),
                    left: feeder.left()?,
                    bound: feeder.bound(),
                })
            });
            let lacking = std::iter::once(own)
                .chain(above)
                .filter(|level| level.left < request.load);
            let tightest = lacking.min_by_key(|level| level.left);
            if let Some(tightest) = tightest
                && binding.is_none_or(|most| tightest.left > most.left)
            {
                binding = Some(tightest);
            }
        }
        binding
    }

    /// Whether the feeders above an upstream could bear `load` if they were empty.
    fn could_feed(&self, at: usize, load: Load) -> bool {
        let mut bounds = self.feeders_above(at).filter_map(Feeder::bound);
        bounds.all(|bound| bound >= load)
    }
}

#[cfg(test)]
mod tests;
