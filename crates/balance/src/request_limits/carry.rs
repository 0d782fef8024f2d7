//! Limits that go on in the next process.

use std::{collections::HashMap, hash::Hash};

use super::{MEMORY, Pace, RequestLimits};
use crate::ledger::RequestLimit;

/// What is known of the pace of one upstream, for the next process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CarriedPace {
    /// How long a request takes, in seconds.
    pub usual: f64,
    /// Over how many requests that is known.
    pub known: f64,
    /// Whether it is slow.
    pub is_slow: bool,
    /// Whether it is silent.
    pub is_silent: bool,
    /// Whether it has answered any request.
    pub has_answered: bool,
    /// Its limit, if it has one.
    pub limit: Option<u32>,
}

impl<K: Copy + Eq + Hash> RequestLimits<K> {
    /// What is known of each upstream.
    pub fn carry(&self) -> impl Iterator<Item = (K, CarriedPace)> {
        self.paces.iter().map(|(key, pace)| (*key, pace.carry()))
    }

    /// Goes on from what another process knew of these upstreams. What has come of requests here is not forgotten.
    pub fn restore(&mut self, carried: impl IntoIterator<Item = (K, CarriedPace)>) {
        let mut carried: HashMap<K, CarriedPace> = carried.into_iter().collect();
        for (key, pace) in &mut self.paces {
            if let Some(carried) = carried.remove(key) {
                *pace = Pace {
                    last: pace.last,
                    ..Pace::restored(&carried)
                };
            }
        }
        // Those that are not followed yet will be.
        let others = carried.iter();
        self.paces
            .extend(others.map(|(key, pace)| (*key, Pace::restored(pace))));
    }
}

impl CarriedPace {
    /// The limit that it had.
    #[must_use]
    pub fn limit(&self) -> RequestLimit {
        self.limit
            .map_or(RequestLimit::Unlimited, RequestLimit::Soft)
    }
}

impl Pace {
    fn carry(&self) -> CarriedPace {
        CarriedPace {
            usual: self.usual,
            known: self.known,
            is_slow: self.is_slow,
            is_silent: self.is_silent,
            has_answered: self.has_answered_before || self.last.answered > 0,
            limit: self.limit,
        }
    }

    fn restored(carried: &CarriedPace) -> Self {
        let is_sound = carried.usual.is_finite() && carried.usual >= 0.0 && carried.known >= 0.0;
        Self {
            usual: if is_sound { carried.usual } else { 0.0 },
            known: if is_sound {
                carried.known.min(MEMORY)
            } else {
                0.0
            },
            is_slow: carried.is_slow,
            is_silent: carried.is_silent,
            has_answered_before: carried.has_answered,
            limit: carried.limit,
            ..Self::default()
        }
    }
}
