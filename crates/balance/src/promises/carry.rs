//! Promises that are kept by the next process, which counts time from another moment.

use std::time::Duration;

use super::{Key, LONGEST, MOST, Place, Promises, WHOLE};
use crate::forecast::HORIZON;

/// What one process promised, for the next. Times are in milliseconds from now, below zero where they are over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CarriedPromises {
    /// The places that are kept.
    pub places: Vec<CarriedPlace>,
    /// The part of the clients that come back, of 2^20.
    pub come_back: u32,
}

/// A place that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CarriedPlace {
    /// Stands for the client.
    pub client: u64,
    /// When it is told to come.
    pub expected: i64,
    /// When the second is over by whose end there is room.
    pub room: i64,
    /// When its session will have ended, if that is near.
    pub end: Option<i64>,
    /// Until when the place is kept.
    pub lapse: i64,
    /// In millionths.
    pub load: i64,
}

impl Promises {
    /// What the next process needs to keep them, at `now`.
    pub fn carry(&mut self, now: Duration) -> CarriedPromises {
        self.lapse(now);
        let from_now = |moment: Duration| signed(moment) - signed(now);
        let over = |second: u64| from_now(Duration::from_secs(second.saturating_add(1)));
        let places = self.places.iter().map(|(key, place)| CarriedPlace {
            client: key.client,
            expected: from_now(key.expected),
            room: over(place.second),
            end: place.end.map(over),
            lapse: over(place.lapse),
            load: place.load,
        });
        CarriedPromises {
            places: places.collect(),
            come_back: u32::try_from(self.come_back).unwrap_or_default(),
        }
    }

    /// Adds what another process promised `ago`, except what has lapsed meanwhile. `now` counts from this process's own
    /// moment.
    pub fn restore(&mut self, carried: &CarriedPromises, ago: Duration, now: Duration) {
        self.lapse(now);
        self.come_back = i128::from(carried.come_back).clamp(0, WHOLE);
        // Room in the future is promised for the next hour at most, and its sessions end within the horizon.
        let (current, last) = (signed(now), signed(now + Duration::from_secs(HORIZON - 2)));
        let ago = signed(ago);
        let here = |moment: i64| moment.saturating_add(current).saturating_sub(ago);
        for place in &carried.places {
            let lapse = here(place.lapse);
            if self.places.len() >= MOST {
                return;
            }
            if lapse <= current || place.load < 0 {
                continue;
            }
            let room = here(place.room).min(signed(now) + signed(Duration::from_secs(LONGEST)));
            let end = place.end.map(here).filter(|end| *end < last);
            self.number += 1;
            let key = Key {
                client: place.client,
                expected: Duration::from_millis(here(place.expected).max(0).unsigned_abs()),
                number: self.number,
            };
            let place = Place {
                second: second_before(room),
                end: end.map(second_before),
                lapse: second_before(lapse.min(last)),
                load: place.load,
            };
            self.keep(key, place);
        }
    }
}

/// The second that is over at this time in milliseconds, or the first to be over after it.
fn second_before(over: i64) -> u64 {
    over.saturating_sub(1).max(0).unsigned_abs() / 1_000
}

fn signed(span: Duration) -> i64 {
    i64::try_from(span.as_millis())
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4)
}
