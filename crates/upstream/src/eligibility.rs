//! Whether requests to a substation may share a connection: learned from its answers, never assumed.
//!
//! On a shared connection a request waits for the answers before its own. That costs nothing where they come
//! at once, and much where one is slow. So a substation earns it by a window of answers that were nearly all
//! prompt and none slow (not fast on average), loses it at the first slow one, and has to earn it again: each time by
//! four times as many, until it has answered long without one. So one that is slow once in a thousand
//! answers does not make others wait once in a thousand times. What casts doubt on its framing, or ends a connection
//! that is shared, turns it off for a while, ever longer if it happens again.
//!
//! Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// An answer that takes no longer is prompt. It is also for how long a request may have been waiting
/// unanswered on a connection that others still join.
pub(super) const PROMPT: Duration = Duration::from_millis(1);
/// One that takes longer is slow. What lies between is told from neither: a scheduler that is late, a garbage
/// collection.
const SLOW: Duration = Duration::from_millis(4);
/// How many answers are looked back at, and how many must come without a slow one at first.
const WINDOW: u32 = u32::BITS;
/// How many of them must have been prompt.
const MOSTLY: u32 = 28;
/// The most that must come without a slow one.
const LONGEST: u32 = WINDOW << 8;
/// So many times as many without a slow one, and it needs no more than at first.
const RESTORED: u32 = 8;
/// For how long it is off after a first doubt; each further one twice as long.
const FIRST_BAR: Duration = Duration::from_secs(10);
/// The longest that it is off. As long without a doubt, and earlier ones are forgotten.
const LONGEST_BAR: Duration = Duration::from_mins(10);

/// What one substation has earned with one lane.
#[derive(Debug)]
pub(super) struct PipelineEligibility {
    /// The last answers, a bit each: set if it was prompt.
    prompt: u32,
    /// Answers since the last slow one.
    streak: u32,
    /// How many that must be.
    needed: u32,
    doubts: u32,
    barred_until: Option<Instant>,
}

impl Default for PipelineEligibility {
    fn default() -> Self {
        Self {
            prompt: 0,
            streak: 0,
            needed: WINDOW,
            doubts: 0,
            barred_until: None,
        }
    }
}

impl PipelineEligibility {
    /// Whether requests may share a connection now.
    pub(super) fn is_eligible(&self) -> bool {
        self.streak >= self.needed && self.prompt.count_ones() >= MOSTLY
    }

    /// An answer came, `took` after the substation could begin with its request; if it is not for certain that this
    /// was not this lane's own lateness, at least `least` of it was the substation's.
    pub(super) fn answered(&mut self, took: Duration, least: Duration, now: Instant) {
        if self.barred_until.is_some_and(|until| now < until) {
            return;
        }
        if least > SLOW {
            if self.is_eligible() {
                self.needed = (self.needed * 4).min(LONGEST);
            }
            (self.streak, self.prompt) = (0, 0);
            return;
        }
        self.prompt = self.prompt << 1 | u32::from(took <= PROMPT);
        self.streak = self.streak.saturating_add(1);
        if self.streak >= RESTORED * self.needed {
            self.needed = WINDOW;
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
        (self.streak, self.prompt) = (0, 0);
        self.barred_until = Some(now + bar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;
    const TOO_LONG: Duration = SLOW.saturating_add(Duration::from_nanos(1));
    const BETWEEN: Duration = PROMPT.saturating_add(Duration::from_nanos(1));

    fn answer(eligibility: &mut PipelineEligibility, took: Duration, times: u32, now: Instant) {
        for _ in 0..times {
            eligibility.answered(took, took, now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_window_earns_it_and_one_slow_answer_loses_it() {
        let (mut eligibility, now) = (PipelineEligibility::default(), Instant::now());
        answer(&mut eligibility, PROMPT, WINDOW - 1, now);
        assert!(!eligibility.is_eligible());
        answer(&mut eligibility, PROMPT, 1, now);
        assert!(eligibility.is_eligible());
        answer(&mut eligibility, SLOW, 1, now);
        assert!(eligibility.is_eligible());
        answer(&mut eligibility, TOO_LONG, 1, now);
        assert!(!eligibility.is_eligible());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_never_prompt_does_not_earn_it_nor_one_that_often_is_not() {
        let now = Instant::now();
        for every in [1, 2, 4, 6] {
            let mut eligibility = PipelineEligibility::default();
            for at in 0..10 * WINDOW {
                let took = if at % every == 0 { BETWEEN } else { AT_ONCE };
                answer(&mut eligibility, took, 1, now);
                assert!(!eligibility.is_eligible(), "one in {every}");
            }
        }
        let mut eligibility = PipelineEligibility::default();
        for at in 0..10 * WINDOW {
            let took = if at % 8 == 0 { BETWEEN } else { AT_ONCE };
            answer(&mut eligibility, took, 1, now);
        }
        assert!(eligibility.is_eligible());
    }

    #[tokio::test(start_paused = true)]
    async fn what_this_lane_was_late_by_is_not_held_against_it() {
        let (mut eligibility, now) = (PipelineEligibility::default(), Instant::now());
        for _ in 0..WINDOW {
            eligibility.answered(AT_ONCE, AT_ONCE, now);
        }
        eligibility.answered(10 * SLOW, SLOW, now);
        assert!(eligibility.is_eligible());
    }

    /// Of a substation that is slow once in so many answers, how many are awaited with others.
    fn shared(slow_once_in: u32) -> usize {
        let (mut eligibility, now) = (PipelineEligibility::default(), Instant::now());
        let mut rng = fastrand::Rng::with_seed(7);
        (0..100_000)
            .filter(|_| {
                let was_eligible = eligibility.is_eligible();
                let is_slow = rng.u32(..slow_once_in) == 0;
                let took = if is_slow { TOO_LONG } else { AT_ONCE };
                answer(&mut eligibility, took, 1, now);
                was_eligible
            })
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_now_and_then_hardly_shares_and_who_hardly_ever_is_does() {
        assert!(shared(100) < 1_000, "{}", shared(100));
        assert!(shared(20_000) > 80_000, "{}", shared(20_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_turns_it_off_ever_longer_until_it_is_long_ago() {
        let (mut eligibility, mut now) = (PipelineEligibility::default(), Instant::now());
        let mut bar = FIRST_BAR;
        for _ in 0..10 {
            eligibility.doubt(now);
            eligibility.doubt(now);
            let before = now + bar - Duration::from_millis(1);
            answer(&mut eligibility, AT_ONCE, WINDOW, before);
            assert!(!eligibility.is_eligible());
            now += bar;
            answer(&mut eligibility, AT_ONCE, WINDOW, now);
            assert!(eligibility.is_eligible());
            bar = (bar * 2).min(LONGEST_BAR);
        }
        now += LONGEST_BAR + Duration::from_millis(1);
        eligibility.doubt(now);
        answer(&mut eligibility, AT_ONCE, WINDOW, now + FIRST_BAR);
        assert!(eligibility.is_eligible());
    }
}
