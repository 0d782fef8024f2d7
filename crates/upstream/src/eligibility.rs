//! Whether requests to a substation may be pipelined: learned from its answers, never assumed.
//!
//! On a shared connection a request waits for the answers before its own. That costs nothing if they come at once,
//! and much if one of them is slow. So a substation earns pipelining by a window of answers of which nearly all
//! were prompt and none was slow; a fast average is not enough. An answer that is late only because it
//! [waited its turn](super::answer_order) says nothing of that, and is not recorded.
//!
//! A substation loses pipelining at the first slow answer and has to earn it again, each time with four times as many
//! answers, until it has answered for long without a slow one. So a substation that is slow once in a thousand
//! answers does not delay other requests once in a thousand times. A pause of the whole substation costs no more than
//! the first such loss: all requests wait for its end, on whatever connection they are. Anything that casts doubt on its framing, or ends
//! a shared connection, turns pipelining off for a while, and for longer each time.
//!
//! Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// An answer that takes no longer is prompt. A request also joins a connection only if its oldest unanswered
/// request has waited no longer than this.
pub(super) const PROMPT: Duration = Duration::from_millis(1);
/// An answer that takes longer for itself is slow. Between the two, an answer is neither: a late scheduler or a garbage
/// collection can explain it.
const SLOW: Duration = Duration::from_millis(4);
/// How many recent answers are remembered, and how many must at first come in a row without a slow one.
const WINDOW: u32 = u32::BITS;
/// How many of the remembered answers must have been prompt.
const MOSTLY: u32 = 28;
/// The most answers that must come in a row without a slow one.
const LONGEST: u32 = WINDOW << 8;
/// After so many times the required answers without a slow one, the requirement falls back to the first.
const RESTORED: u32 = 8;
/// How soon after a silence the other answers come that show it to have been a pause of the whole substation.
const RESUMED: Duration = Duration::from_millis(4);
/// How long pipelining is off after a first doubt. Each further doubt doubles it.
const FIRST_BAR: Duration = Duration::from_secs(10);
/// The longest that pipelining is off. After as long without a doubt, earlier doubts are forgotten.
const LONGEST_BAR: Duration = Duration::from_mins(10);

/// What one substation has earned with one worker.
#[derive(Debug)]
pub(super) struct PipelineEligibility {
    /// A bit for each remembered answer: set if it was prompt.
    prompt: u32,
    /// Answers since the last slow one.
    streak: u32,
    /// How long the streak must be.
    needed: u32,
    /// After a loss by silence: until when it may turn out to have been a pause, and what `needed` was before.
    silence: Option<(Instant, u32)>,
    doubts: u32,
    barred_until: Option<Instant>,
}

impl Default for PipelineEligibility {
    fn default() -> Self {
        Self {
            prompt: 0,
            streak: 0,
            needed: WINDOW,
            silence: None,
            doubts: 0,
            barred_until: None,
        }
    }
}

impl PipelineEligibility {
    /// Whether requests may be pipelined now.
    pub(super) fn is_eligible(&self) -> bool {
        self.streak >= self.needed && self.prompt.count_ones() >= MOSTLY
    }

    /// Records an answer that came `took` after the substation could begin with its request. Of that, it took at most
    /// `own` for itself; the rest may be the worker's own lateness, or a wait for other requests.
    pub(super) fn answered(&mut self, took: Duration, own: Duration, now: Instant) {
        if self.is_barred(now) {
            return;
        }
        if own > SLOW {
            self.silence = None;
            self.lose();
            return;
        }
        self.prompt = self.prompt << 1 | u32::from(took <= PROMPT);
        self.streak = self.streak.saturating_add(1);
        if self.streak >= RESTORED * self.needed {
            self.needed = WINDOW;
        }
    }

    /// Records an answer that came after the substation had been silent for `silence`, and was not overtaken.
    pub(super) fn answered_after(&mut self, silence: Duration, took: Duration, now: Instant) {
        let before = self.needed;
        let was_eligible = self.is_eligible();
        self.answered(took, silence, now);
        if was_eligible && silence > SLOW && !self.is_barred(now) {
            self.silence = Some((now + RESUMED, before));
        }
    }

    /// Records an answer that came in its turn after it had waited for `took`, as others did on other connections. If
    /// the substation was silent right before, all of it paused, and no answer of it was slow.
    pub(super) fn waited(&mut self, took: Duration, now: Instant) {
        if let Some((until, before)) = self.silence
            && took > SLOW
            && now <= until
        {
            self.needed = before;
            self.silence = None;
        }
    }

    fn is_barred(&self, now: Instant) -> bool {
        self.barred_until.is_some_and(|until| now < until)
    }

    fn lose(&mut self) {
        if self.is_eligible() {
            self.needed = (self.needed * 4).min(LONGEST);
        }
        (self.streak, self.prompt) = (0, 0);
    }

    /// Records that the substation did something that rules out pipelining for a while.
    pub(super) fn doubt(&mut self, now: Instant) {
        if let Some(until) = self.barred_until {
            // One event may show on several connections.
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
    async fn a_substation_that_is_never_or_often_not_prompt_does_not_earn_it() {
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

    /// How many prompt answers earn it again.
    fn answers_until_eligible(mut eligibility: PipelineEligibility, now: Instant) -> u32 {
        let mut count = 0;
        while !eligibility.is_eligible() {
            answer(&mut eligibility, AT_ONCE, 1, now);
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_is_forgiven_if_others_waited_for_its_end_too() {
        let begin = Instant::now();
        for (after, took, expected) in [
            (Duration::ZERO, TOO_LONG, WINDOW),
            (RESUMED, TOO_LONG, WINDOW),
            (RESUMED, SLOW, 4 * WINDOW),
            (2 * RESUMED, TOO_LONG, 4 * WINDOW),
        ] {
            let mut eligibility = PipelineEligibility::default();
            answer(&mut eligibility, AT_ONCE, WINDOW, begin);
            eligibility.answered_after(TOO_LONG, TOO_LONG, begin);
            assert!(!eligibility.is_eligible());
            eligibility.waited(took, begin + after);
            assert_eq!(answers_until_eligible(eligibility, begin), expected);
        }
        let mut eligibility = PipelineEligibility::default();
        answer(&mut eligibility, AT_ONCE, WINDOW, begin);
        eligibility.answered_after(TOO_LONG, TOO_LONG, begin);
        eligibility.answered(TOO_LONG, TOO_LONG, begin);
        eligibility.waited(TOO_LONG, begin);
        assert_eq!(
            answers_until_eligible(eligibility, begin),
            4 * WINDOW,
            "one that was overtaken is slow"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_lateness_of_the_worker_is_not_held_against_the_substation() {
        let (mut eligibility, now) = (PipelineEligibility::default(), Instant::now());
        for _ in 0..WINDOW {
            eligibility.answered(AT_ONCE, AT_ONCE, now);
        }
        eligibility.answered(10 * SLOW, SLOW, now);
        assert!(eligibility.is_eligible());
    }

    /// How many of 100,000 requests may be pipelined if one in `slow_once_in` answers is slow.
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
    async fn a_substation_that_is_slow_now_and_then_hardly_ever_shares() {
        assert!(shared(100) < 1_000, "{}", shared(100));
        assert!(shared(20_000) > 80_000, "{}", shared(20_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_doubt_turns_it_off_for_longer_each_time_until_it_is_forgotten() {
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
