//! Whether requests to a substation may share a connection: learned from its answers, never assumed.
//!
//! On a shared connection a request waits for the answers before its own. That costs nothing where they come
//! at once, and much where one is slow. So a substation earns it by a window of answers that were all fast
//! (not fast on average), loses it at the first slow one, and has to earn it again. What casts doubt on its
//! framing, or ends a connection that is shared, turns it off for a while, ever longer if it happens again.
//!
//! Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// An answer that takes no longer is fast. It is also for how long a request may have been waiting
/// unanswered on a connection that others still join.
pub(super) const FAST: Duration = Duration::from_millis(1);
/// How many answers in a row must be fast.
const WINDOW: u32 = 32;
/// For how long it is off after a first doubt; each further one twice as long.
const FIRST_BAR: Duration = Duration::from_secs(10);
/// The longest that it is off. As long without a doubt, and earlier ones are forgotten.
const LONGEST_BAR: Duration = Duration::from_mins(10);

/// What one substation has earned with one lane.
#[derive(Debug, Default)]
pub(super) struct Earned {
    /// Fast answers since the last slow one.
    fast: u32,
    doubts: u32,
    barred_until: Option<Instant>,
}

impl Earned {
    /// Whether requests may share a connection now.
    pub(super) fn is_earned(&self) -> bool {
        self.fast >= WINDOW
    }

    /// An answer came, that long after the substation could begin with its request.
    pub(super) fn answered(&mut self, took: Duration, now: Instant) {
        if took > FAST {
            self.fast = 0;
        } else if self.fast < WINDOW && self.barred_until.is_none_or(|until| until <= now) {
            self.fast += 1;
        }
    }

    /// It did what a substation must not do whose connections are shared.
    pub(super) fn doubt(&mut self, now: Instant) {
        if let Some(until) = self.barred_until {
            // One event may be seen on several connections.
            if now < until {
                return;
            }
            if now - until > LONGEST_BAR {
                self.doubts = 0;
            }
        }
        let bar = FIRST_BAR
            .saturating_mul(1 << self.doubts.min(16))
            .min(LONGEST_BAR);
        self.doubts += 1;
        self.fast = 0;
        self.barred_until = Some(now + bar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earn(earned: &mut Earned, now: Instant) {
        for _ in 0..WINDOW {
            earned.answered(FAST, now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_window_earns_it_and_one_slow_answer_loses_it() {
        let (mut earned, now) = (Earned::default(), Instant::now());
        for _ in 1..WINDOW {
            earned.answered(Duration::ZERO, now);
            assert!(!earned.is_earned());
        }
        earned.answered(Duration::ZERO, now);
        assert!(earned.is_earned());
        earned.answered(FAST + Duration::from_nanos(1), now);
        assert!(!earned.is_earned());
        earn(&mut earned, now);
        assert!(earned.is_earned());
    }

    #[tokio::test(start_paused = true)]
    async fn one_in_a_window_that_is_always_slow_never_earns_it() {
        let (mut earned, now) = (Earned::default(), Instant::now());
        for at in 0..10 * WINDOW {
            let took = if at % WINDOW == 0 {
                2 * FAST
            } else {
                Duration::ZERO
            };
            earned.answered(took, now);
            assert!(!earned.is_earned());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_turns_it_off_ever_longer_until_it_is_long_ago() {
        let (mut earned, mut now) = (Earned::default(), Instant::now());
        let mut bar = FIRST_BAR;
        for _ in 0..10 {
            earned.doubt(now);
            earned.doubt(now);
            earn(&mut earned, now + bar - Duration::from_millis(1));
            assert!(!earned.is_earned());
            now += bar;
            earn(&mut earned, now);
            assert!(earned.is_earned());
            bar = (bar * 2).min(LONGEST_BAR);
        }
        now += LONGEST_BAR + Duration::from_millis(1);
        earned.doubt(now);
        earn(&mut earned, now + FIRST_BAR);
        assert!(earned.is_earned());
    }
}
