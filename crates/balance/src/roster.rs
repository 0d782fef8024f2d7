//! The upstreams to choose among, and what they share.
//!
//! A roster is built once and shared between threads. When an upstream joins or leaves, the caller builds a new
//! roster; the ledgers belong to the upstreams and move on to it. The roster itself owns the floors of its
//! [groups](crate::group) and its proxy's [share](crate::share) of the gauges.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    Ledger, Load,
    group::{self, Floors},
    promises::BOUNDLESS,
};

/// Upstreams to choose among.
///
/// A ledger belongs to the newest roster that contains it: only that roster's group follows its changes. An older
/// roster still chooses safely, but may pass over an upstream whose load has fallen since.
#[derive(Debug)]
pub struct Roster<U> {
    upstreams: Box<[Arc<U>]>,
    floors: Arc<Floors>,
    group_size: usize,
    typical: Load,
    /// Bits of an `f64`.
    share: AtomicU64,
}

impl<U: AsRef<Ledger>> Roster<U> {
    /// A roster of these upstreams, in this order, with a share of 1.
    #[must_use]
    pub fn new(upstreams: impl IntoIterator<Item = Arc<U>>) -> Self {
        let upstreams: Box<[_]> = upstreams.into_iter().collect();
        let group_size = group::size_among(upstreams.len());
        let groups = upstreams.chunks(group_size);
        let floors = Arc::new(Floors::new(groups.len()));
        for (number, members) in groups.enumerate() {
            let group = Arc::new(floors.group(number));
            for member in members {
                (**member).as_ref().join(&group);
            }
        }
        Self {
            floors,
            group_size,
            upstreams,
            typical: Load::ZERO,
            share: AtomicU64::new(1_f64.to_bits()),
        }
    }

    /// Sets the typical load of a request. Among thousands of upstreams, choosing for such a request is fastest; the
    /// choice itself does not depend on it.
    #[must_use]
    pub fn for_requests_of(mut self, load: Load) -> Self {
        self.typical = load;
        self
    }

    /// The typical load of a request.
    pub(crate) fn typical(&self) -> Load {
        self.typical
    }

    /// Sets the share of the gauges that scores count, above 0 and at most 1: see [`crate::share`].
    pub fn set_share(&self, share: f64) {
        let bits = share.clamp(f64::MIN_POSITIVE, 1.0).to_bits();
        if self.share.swap(bits, Relaxed) != bits {
            // A smaller share lowers every score.
            self.floors.loosen_all();
        }
    }

    /// The share of the gauges that scores count.
    #[must_use]
    #[inline]
    pub fn share(&self) -> f64 {
        f64::from_bits(self.share.load(Relaxed))
    }

    /// The room for requests of `load`: how many of them fit now, times their load, in millionths. [`BOUNDLESS`] where
    /// that can't be said, because an upstream has no known capacity, or because none has a sample that counts.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn room_for(&self, load: Load) -> i128 {
        let mut room = 0;
        let mut is_sampled = false;
        for upstream in &self.upstreams {
            let ledger = (**upstream).as_ref();
            if ledger.weight().is_nan() {
                continue;
            }
            is_sampled = true;
            if ledger.is_stale() || ledger.capacity().is_none() {
                return BOUNDLESS;
            }
            let one = load.micros().max(1);
            room += i128::from(ledger.headroom() / one * one);
        }
        if is_sampled { room } else { BOUNDLESS }
    }

    /// The largest load that fits anywhere now but at the position `except`, in millionths. `i64::MAX` where that can't
    /// be said.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn largest_room(&self, except: Option<usize>) -> i64 {
        let (mut sampled, mut unsampled) = (None, None);
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let ledger = (**upstream).as_ref();
            if Some(at) == except || !ledger.is_in() {
                continue;
            }
            let largest = if ledger.is_sampled() {
                &mut sampled
            } else {
                &mut unsampled
            };
            *largest = (*largest).max(Some(ledger.room()));
        }
        // Those without a sample count only while there is no other.
        sampled.or(unsampled).unwrap_or(0)
    }

    /// The position of the upstream in rotation that can bear `load` and lacks the least room for it. None if there is
    /// none, or if its capacity is not known.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn nearest_to(&self, load: Load) -> Option<usize> {
        let able = self.upstreams.iter().enumerate().filter(|(_, upstream)| {
            let ledger = (***upstream).as_ref();
            ledger.is_in() && ledger.capacity().is_some_and(|capacity| capacity >= load)
        });
        let nearest = able.max_by_key(|(_, upstream)| (***upstream).as_ref().headroom());
        nearest.map(|(at, _)| at)
    }

    /// Whether some upstream in rotation could bear `load` if it were empty, as far as is known. One without a sample is
    /// asked only while there is no other, and so counts only then.
    ///
    /// Reads every ledger.
    #[must_use]
    pub fn could_bear(&self, load: Load) -> bool {
        let mut is_any_sampled = false;
        let mut could_unsampled = false;
        for upstream in &self.upstreams {
            let ledger = (**upstream).as_ref();
            let could = ledger.is_in() && ledger.capacity().is_none_or(|capacity| capacity >= load);
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

    /// The floors of its groups.
    #[inline]
    pub(crate) fn floors(&self) -> &Floors {
        &self.floors
    }

    /// The number of its groups.
    #[inline]
    pub(crate) fn groups(&self) -> usize {
        self.upstreams.len().div_ceil(self.group_size)
    }

    /// The number of the group of the upstream at a position.
    #[inline]
    pub(crate) fn group_of(&self, at: usize) -> usize {
        at / self.group_size
    }

    /// The members of a group, with the position of the first one.
    #[inline]
    pub(crate) fn members(&self, group: usize) -> (usize, &[Arc<U>]) {
        let from = (group * self.group_size).min(self.upstreams.len());
        let to = (from + self.group_size).min(self.upstreams.len());
        (from, self.upstreams.get(from..to).unwrap_or_default())
    }
}

impl<U> Deref for Roster<U> {
    type Target = [Arc<U>];

    fn deref(&self) -> &Self::Target {
        &self.upstreams
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Standing,
        ledger::tests::{load, reading},
    };

    /// Upstreams of these capacities with these loads, if they are sampled.
    fn roster(upstreams: &[(Option<f64>, Option<f64>)]) -> Roster<Ledger> {
        Roster::new(upstreams.iter().map(|(capacity, used)| {
            let ledger = Ledger::new(capacity.map(load));
            if let Some(used) = used {
                ledger.sample(ledger.scrape_sent(), reading(*used));
            }
            ledger.set_standing(Standing::In);
            Arc::new(ledger)
        }))
    }

    #[test]
    fn the_largest_room_is_that_of_one_upstream_in_rotation() {
        let roster = roster(&[
            (Some(100.0), Some(90.0)),
            (Some(50.0), Some(20.0)),
            (Some(900.0), Some(0.0)),
        ]);
        roster[2].set_standing(Standing::Out);
        assert_eq!(roster.largest_room(None), load(30.0).micros());
        assert_eq!(roster.largest_room(Some(1)), load(10.0).micros());
        roster[0].set_stale(true);
        assert_eq!(
            roster.largest_room(None),
            load(100.0).micros(),
            "it is asked although it seems full"
        );
    }

    #[test]
    fn room_is_kept_where_the_load_could_be_borne_and_the_least_is_missing() {
        let roster = roster(&[
            (Some(100.0), Some(99.0)),
            (Some(100.0), Some(95.0)),
            (Some(50.0), Some(0.0)),
            (None, Some(0.0)),
        ]);
        assert_eq!(roster.nearest_to(load(60.0)), Some(1));
        assert_eq!(roster.nearest_to(load(50.0)), Some(2));
        assert_eq!(roster.nearest_to(load(101.0)), None);
    }

    #[test]
    fn what_could_be_borne_goes_by_those_that_would_be_asked() {
        let known = (Some(100.0), Some(0.0));
        let could = |upstreams: &[_], units| roster(upstreams).could_bear(load(units));
        assert!(could(&[known], 100.0) && !could(&[known], 101.0));
        assert!(could(&[known, (None, Some(0.0))], 101.0), "nobody knows");
        assert!(!could(&[known, (None, None)], 101.0), "it is not asked");
        assert!(could(&[(None, None)], 101.0), "there is no other");
    }
}
