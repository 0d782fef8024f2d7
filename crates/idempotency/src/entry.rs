//! What is known of one key.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    identity::{Fingerprint, HolderId, KeyHash},
    list::{By, Link, Linked},
};

/// One key.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) hash: KeyHash,
    pub(crate) fingerprint: Fingerprint,
    /// The substation that is being asked or may have booked. It counts only while something holds it.
    pub(crate) holder: Option<Arc<HolderId>>,
    pub(crate) hold: Hold,
    /// The client whose request came first.
    pub(crate) client: u64,
    /// Requests in flight with this key.
    pub(crate) claims: u32,
    /// Those of them that have proposed a holder and have not heard yet which one it is.
    pub(crate) proposing: u32,
    /// Those of them that wait for the holder's answer.
    pub(crate) asking: u32,
    /// Since when it has been kept, if it is: that it has booked, or that another process asks, is remembered until its
    /// time is over. Repetitions don't change it, so the order stays one of time.
    pub(crate) kept_since: Option<Tick>,
    pub(crate) by_age: Link,
    pub(crate) by_client: Link,
}

impl Entry {
    pub(crate) fn new(hash: KeyHash, fingerprint: Fingerprint, client: u64) -> Self {
        Self {
            hash,
            fingerprint,
            holder: None,
            hold: Hold::default(),
            client,
            claims: 0,
            proposing: 0,
            asking: 0,
            kept_since: None,
            by_age: Link::default(),
            by_client: Link::default(),
        }
    }

    /// Whether this process alone knows enough to say that the holder stays: it may have booked, or is being asked.
    pub(crate) fn is_held_here(&self) -> bool {
        self.hold.is_bound() || self.asking > 0
    }

    /// Whether nothing needs to be remembered of it.
    pub(crate) fn is_over(&self) -> bool {
        self.claims == 0 && self.kept_since.is_none()
    }
}

impl Linked for Entry {
    fn link(&mut self, by: By) -> &mut Link {
        match by {
            By::Age => &mut self.by_age,
            By::Client => &mut self.by_client,
        }
    }
}

/// What ties a key to its holder: the number under which this process asks, where it has to agree with others; and for
/// good, that the holder may have booked, or has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hold(u64);

impl Hold {
    /// The holder may have booked.
    pub(crate) const BOUND: Self = Self(u64::MAX);
    /// The holder has said that it booked.
    pub(crate) const BOOKED: Self = Self(u64::MAX - 1);

    pub(crate) const fn by(asker: u64) -> Self {
        Self(asker)
    }

    pub(crate) fn is_bound(self) -> bool {
        self == Self::BOUND || self == Self::BOOKED
    }

    /// The same, where it was perhaps already known that the holder has booked.
    pub(crate) fn bind(&mut self) {
        if *self != Self::BOOKED {
            *self = Self::BOUND;
        }
    }

    /// The number under which this process asks.
    pub(crate) fn asker(self) -> Option<u64> {
        (self.0 != 0 && !self.is_bound()).then_some(self.0)
    }
}

/// A moment in tenths of a second, from long before the process started: so an age that was read from elsewhere has its
/// moment too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(NonZeroU32);

/// Tenths of a second from the first moment until the process started: almost seven years.
const START: u32 = 1 << 31;
const LENGTH: u128 = 100;

impl Tick {
    /// The moment that is `since_start` after the start of the process, or the tick after it.
    pub(crate) fn at(since_start: Duration) -> Self {
        let ticks = START.saturating_add(tenths(since_start.as_millis().div_ceil(LENGTH)));
        Self(NonZeroU32::new(ticks).unwrap_or(NonZeroU32::MIN))
    }

    /// The moment that was so long before this one.
    pub(crate) fn before(self, age: Duration) -> Self {
        let ticks = tenths(age.as_millis() / LENGTH);
        Self(NonZeroU32::new(self.0.get().saturating_sub(ticks)).unwrap_or(NonZeroU32::MIN))
    }

    /// How long ago it was.
    pub(crate) fn age(self, since_start: Duration) -> Duration {
        let now = START.saturating_add(tenths(since_start.as_millis() / LENGTH));
        Duration::from_millis(u64::from(now.saturating_sub(self.0.get())) * 100)
    }
}

fn tenths(ticks: u128) -> u32 {
    u32::try_from(ticks).unwrap_or(START)
}
