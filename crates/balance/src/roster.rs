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
    group::{self, Group},
    promises::BOUNDLESS,
};

/// Upstreams to choose among.
///
/// A ledger belongs to the newest roster that contains it: only that roster's group follows its changes. An older
/// roster still chooses safely, but may pass over an upstream whose load has fallen since.
#[derive(Debug)]
pub struct Roster<U> {
    upstreams: Box<[Arc<U>]>,
    groups: Box<[Arc<Group>]>,
    typical: Load,
    /// Bits of an `f64`.
    share: AtomicU64,
}

impl<U: AsRef<Ledger>> Roster<U> {
    /// A roster of these upstreams, in this order, with a share of 1.
    #[must_use]
    pub fn new(upstreams: impl IntoIterator<Item = Arc<U>>) -> Self {
        let upstreams: Box<[_]> = upstreams.into_iter().collect();
        let groups = upstreams.chunks(group::SIZE).map(|members| {
            let group = Arc::new(Group::new());
            for member in members {
                (**member).as_ref().join(&group);
            }
            group
        });
        Self {
            groups: groups.collect(),
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
            for group in &self.groups {
                group.loosen();
            }
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

    /// Each group with the position of its first member and its members.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = (&Group, usize, &[Arc<U>])> {
        let members = self.upstreams.chunks(group::SIZE);
        let with_members = self.groups.iter().zip(members).enumerate();
        with_members.map(|(number, (group, members))| (&**group, number * group::SIZE, members))
    }
}

impl<U> Deref for Roster<U> {
    type Target = [Arc<U>];

    fn deref(&self) -> &Self::Target {
        &self.upstreams
    }
}
