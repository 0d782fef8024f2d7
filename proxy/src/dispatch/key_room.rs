//! Says when there is too little room for `Idempotency-Key`s.
//!
//! A key that is forgotten before `retry.keys_for` is over may be booked twice by its next repetition, and nothing else
//! would show that.

use std::time::Duration;

use humantime::format_duration;
use parking_lot::Mutex;
use switchyard_config as config;
use switchyard_idempotency::Evicted;
use tokio::time::Instant;
use tracing::warn;

use crate::metrics::{Evicted as Of, RequestMetrics};

/// The log says it at most this often.
const INTERVAL: Duration = Duration::from_mins(1);

/// What has been said.
#[derive(Debug, Default)]
pub(super) struct KeyRoom {
    /// What has been forgotten since the log said so last, and when that was.
    unsaid: Mutex<(Evicted, Option<Instant>)>,
}

impl KeyRoom {
    /// Counts keys that were forgotten early, and says so.
    pub(super) fn note(
        &self,
        evicted: Evicted,
        rules: &config::Retry,
        metrics: &RequestMetrics,
        now: Instant,
    ) {
        metrics.keys_evicted[Of::All].inc_by(evicted.oldest);
        metrics.keys_evicted[Of::Client].inc_by(evicted.over_share);
        let Some(said) = self.due(evicted, now) else {
            return;
        };
        let kept_for = said.kept_for.unwrap_or_default();
        let lasts = format_duration(Duration::from_secs(kept_for.as_secs()));
        let keys_for = format_duration(rules.keys_for);
        if said.oldest > 0 {
            warn!(
                keys = said.oldest,
                %lasts,
                %keys_for,
                "Keys are forgotten early, and a repetition after that may book twice: raise retry.keys"
            );
        } else {
            warn!(
                keys = said.over_share,
                %lasts,
                %keys_for,
                "Keys of a client with over a quarter of retry.keys are forgotten early: its repetition may book twice"
            );
        }
    }

    /// What the log is to say now.
    fn due(&self, evicted: Evicted, now: Instant) -> Option<Evicted> {
        let (unsaid, last) = &mut *self.unsaid.lock();
        *unsaid = unsaid.and(evicted);
        if *unsaid == Evicted::default()
            || last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL)
        {
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_at_most_once_a_minute_how_many_were_forgotten_and_how_early() {
        let (room, start) = (KeyRoom::default(), Instant::now());
        let evicted = |oldest, seconds| Evicted {
            oldest,
            over_share: 0,
            kept_for: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(room.due(Evicted::default(), start), None);
        assert_eq!(room.due(evicted(1, 90), start), Some(evicted(1, 90)));
        let soon = start + INTERVAL / 2;
        assert_eq!(room.due(evicted(2, 80), soon), None);
        assert_eq!(room.due(evicted(3, 85), soon), None);
        let later = start + INTERVAL;
        assert_eq!(room.due(Evicted::default(), later), Some(evicted(5, 80)));
        assert_eq!(room.due(Evicted::default(), later + INTERVAL), None);
    }
}
