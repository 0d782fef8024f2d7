//! Whether a late answer was slow itself, or waited its turn behind others.
//!
//! Under load, requests wait in the substation's own queue. Every request then takes long, on a connection of its own
//! as on a shared one, so sharing costs nothing, and it pays most. What sharing harms is variance: a slow answer holds
//! up those behind it, which would have come at once. The two look alike in the time that an answer took. They differ
//! in what other requests to the same substation met meanwhile:
//!
//! - *Order.* A queue answers in the order in which requests came. A slow answer is overtaken: by requests that were
//!   sent much later and are answered already.
//! - *Succession.* A queue that is worked off gives answers right after one another. A substation that has turned slow
//!   as a whole is silent first.
//!
//! So of the time that an answer took, the answer's own part is at most how long it was overtaken by, or how long the
//! substation was silent before it, whichever is longer. What this can't tell from a queue is a substation that holds
//! all requests equally long, side by side. Such a substation never gives a prompt answer, and so never earns sharing.
//!
//! Pure: the times are arguments.

use std::time::Duration;

use tokio::time::Instant;

/// The answers of one substation to one worker, over all of its connections.
#[derive(Debug, Default)]
pub(super) struct AnswerOrder {
    /// When the last answer came.
    answered_at: Option<Instant>,
    /// When the latest of the answered requests was sent.
    latest_sent: Option<Instant>,
}

/// What of the time that an answer took can be its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnTime {
    /// How long the substation gave no other answer before it.
    pub(super) silence: Duration,
    /// How much later a request was sent that is answered already.
    pub(super) overtaken: Duration,
}

impl OwnTime {
    /// The longer of both.
    pub(super) fn longest(self) -> Duration {
        self.silence.max(self.overtaken)
    }

    /// What is left of both without this.
    pub(super) fn without(self, lateness: Duration) -> Self {
        Self {
            silence: self.silence.saturating_sub(lateness),
            overtaken: self.overtaken.saturating_sub(lateness),
        }
    }
}

impl AnswerOrder {
    /// The most that an answer which comes `now` to a request of `sent` can have taken for itself.
    pub(super) fn own_time(&self, sent: Instant, now: Instant) -> OwnTime {
        let took = now.saturating_duration_since(sent);
        let silence = self
            .answered_at
            .map_or(took, |last| now.saturating_duration_since(last));
        let overtaken = self.latest_sent.map_or(Duration::ZERO, |latest| {
            latest.saturating_duration_since(sent)
        });
        OwnTime {
            silence: silence.min(took),
            overtaken: overtaken.min(took),
        }
    }

    /// Records that answers came, to requests of which the latest was sent at `sent`.
    pub(super) fn record(&mut self, sent: Instant, now: Instant) {
        self.answered_at = self.answered_at.max(Some(now));
        self.latest_sent = self.latest_sent.max(Some(sent));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// The longest own time among the answers to requests that are sent every tenth of a millisecond, each of which
    /// takes as long as `takes` says of its number. The first twenty are left out: the silence before the first
    /// answer is its own.
    fn longest_own(takes: impl Fn(u32) -> Duration) -> Duration {
        let begin = Instant::now();
        let sent = |number: u32| begin + number * MILLI / 10;
        let mut answers: Vec<_> = (0..1_000)
            .map(|number| (sent(number) + takes(number), number))
            .collect();
        answers.sort_unstable();
        let mut order = AnswerOrder::default();
        let mut longest = Duration::ZERO;
        for (at, (now, number)) in answers.into_iter().enumerate() {
            if at >= 20 {
                longest = longest.max(order.own_time(sent(number), now).longest());
            }
            order.record(sent(number), now);
        }
        longest
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_the_fault_of_no_answer_in_it() {
        // It grows by half a request with each request, to a wait of 50 ms.
        assert!(longest_own(|number| number * MILLI / 20) <= MILLI / 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_among_prompt_ones_has_all_of_its_time_to_itself() {
        for slow in [5, 50] {
            let own = longest_own(|number| {
                if number == 500 {
                    slow * MILLI
                } else {
                    MILLI / 20
                }
            });
            assert!(own + MILLI / 5 > slow * MILLI, "{own:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_substation_that_turns_slow_as_a_whole_is_silent_first() {
        let own = longest_own(|number| if number < 500 { MILLI / 20 } else { 50 * MILLI });
        assert!(own > 49 * MILLI, "{own:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_and_one_that_comes_alone_have_all_of_their_time_to_themselves() {
        let (mut order, begin) = (AnswerOrder::default(), Instant::now());
        assert_eq!(
            order.own_time(begin, begin + 9 * MILLI).longest(),
            9 * MILLI
        );
        order.record(begin, begin + 9 * MILLI);
        let later = begin + 100 * MILLI;
        assert_eq!(
            order.own_time(later, later + 7 * MILLI).longest(),
            7 * MILLI
        );
    }

    /// With any number of lines that a substation answers from, requests that wait for the next free one are in a
    /// queue, unless some take much longer than others.
    #[tokio::test(start_paused = true)]
    async fn several_lines_in_parallel_keep_the_order_as_far_as_their_work_is_even() {
        let longest = |spread: u32| {
            let (begin, mut rng) = (Instant::now(), fastrand::Rng::with_seed(5));
            let mut free: BinaryHeap<_> = (0..8).map(|_| std::cmp::Reverse(begin)).collect();
            let mut answers: Vec<_> = (0..2_000_u32)
                .map(|number| {
                    let sent = begin + number * MILLI / 20;
                    let line = free.pop().unwrap().0.max(sent);
                    let done = line + MILLI / 2 + rng.u32(..=spread) * MILLI / 10;
                    free.push(std::cmp::Reverse(done));
                    (done, sent)
                })
                .collect();
            answers.sort_unstable();
            let mut order = AnswerOrder::default();
            let mut longest = Duration::ZERO;
            for (at, (done, sent)) in answers.into_iter().enumerate() {
                if at >= 20 {
                    longest = longest.max(order.own_time(sent, done).longest());
                }
                order.record(sent, done);
            }
            longest
        };
        assert!(longest(0) <= MILLI, "{:?}", longest(0));
        assert!(longest(200) > 4 * MILLI, "{:?}", longest(200));
    }
}
