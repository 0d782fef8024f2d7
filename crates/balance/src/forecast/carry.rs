//! A forecast that goes on in the next process, which counts time from another moment.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use super::{Forecast, HORIZON};

/// What one process knows of when load ends, for the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CarriedForecast {
    /// How much load in millionths has ended so many milliseconds from now.
    pub ends: Vec<(u32, i64)>,
    /// The lengths of some of the last sessions, in milliseconds.
    pub lengths: Vec<u32>,
}

impl Forecast {
    /// What the next process needs to go on, at `now`, which counts as in [`Forecast::booked`].
    #[must_use]
    pub fn carry(&self, now: Duration) -> CarriedForecast {
        self.sweep(now.as_secs());
        let seconds = now.as_secs()..now.as_secs() + HORIZON;
        let ends = seconds.filter_map(|second| {
            let load = self.ends(second);
            let ended = Duration::from_secs(second + 1).saturating_sub(now);
            (load != 0).then(|| (millis(ended), load))
        });
        let lengths = self.lengths.iter().map(|length| length.load(Relaxed));
        CarriedForecast {
            ends: ends.collect(),
            lengths: lengths.filter(|length| *length > 0).collect(),
        }
    }

    /// Adds what another process knew `ago`. `now` counts from this process's own moment.
    pub fn restore(&self, carried: &CarriedForecast, ago: Duration, now: Duration) {
        self.sweep(now.as_secs());
        for (ended, load) in &carried.ends {
            let left = Duration::from_millis((*ended).into()).checked_sub(ago);
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                continue;
            };
            // The second whose end is not before that moment.
            let second = (now + left)
                .saturating_sub(Duration::from_nanos(1))
                .as_secs();
            let second = second.min(now.as_secs() + HORIZON - 1);
            self.add(second, *load);
        }
        for (place, length) in self.lengths.iter().zip(&carried.lengths) {
            place.store(*length, Relaxed);
        }
    }
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Load;

    const SECOND: Duration = Duration::from_secs(1);

    fn booked(at: Duration, lasts: &[Duration]) -> Forecast {
        let forecast = Forecast::default();
        for (number, lasts) in (0..).zip(lasts) {
            let at = at + Duration::from_nanos(64 * number);
            forecast.booked(Load::new(11.0).unwrap(), *lasts, at);
        }
        forecast
    }

    /// The seconds in which load ends, seen from `now`.
    fn ends(forecast: &Forecast, now: u64) -> Vec<(u64, i64)> {
        let seconds = (0..HORIZON).map(|later| (later, forecast.ends(now + later) / 11_000_000));
        seconds.filter(|(_, loads)| *loads != 0).collect()
    }

    #[test]
    fn load_ends_in_the_next_process_when_it_ends_and_not_a_second_earlier() {
        let begun = Duration::from_millis(100_250);
        let forecast = booked(begun, &[SECOND * 10, SECOND * 10, SECOND * 3_000]);
        let carried = forecast.carry(begun + SECOND);
        // Said for the second that is over 9.75 s later: it began 100 s after the old process.
        assert_eq!(carried.ends[0], (9_750, 22_000_000));
        let next = Forecast::default();
        next.restore(
            &carried,
            Duration::from_millis(500),
            Duration::from_millis(300),
        );
        // 0.3 s + 9.75 s − 0.5 s = 9.55 s.
        assert_eq!(ends(&next, 0), [(9, 2), (2_999, 1)]);
        let exact = Forecast::default();
        exact.restore(&carried, Duration::from_millis(750), SECOND);
        assert_eq!(ends(&exact, 1), [(8, 2), (2_998, 1)]);
    }

    #[test]
    fn what_has_ended_meanwhile_is_not_carried_and_lengths_are() {
        let forecast = booked(SECOND, &[SECOND * 2, SECOND * 60]);
        let carried = forecast.carry(SECOND * 2);
        let next = Forecast::default();
        next.restore(&carried, SECOND * 30, SECOND);
        assert_eq!(ends(&next, 1).len(), 1);
        let mut rng = fastrand::Rng::with_seed(1);
        assert!(next.length(&mut rng).is_some());
        let later = Forecast::default();
        later.restore(&carried, SECOND * 600, SECOND);
        assert_eq!(ends(&later, 1), []);
    }

    #[test]
    fn whatever_is_carried_nothing_panics() {
        let far = CarriedForecast {
            ends: vec![
                (u32::MAX, i64::MAX),
                (u32::MAX, i64::MAX),
                (0, 1),
                (1, i64::MIN),
            ],
            lengths: vec![u32::MAX; 1_000],
        };
        let forecast = Forecast::default();
        forecast.restore(&far, Duration::ZERO, SECOND);
        forecast.restore(&far, Duration::MAX, SECOND);
        assert_eq!(forecast.ends(HORIZON), i64::MAX);
    }
}
