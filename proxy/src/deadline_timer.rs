//! One timer per connection, for all its deadlines.
//!
//! Every request has several deadlines, and almost none is ever reached. Arming and disarming a timer for each costs
//! more than choosing a substation. So a connection keeps one timer and moves it only for a deadline *before* it. When
//! the timer fires early, it is set again to the deadline that counts. Under steady traffic that happens once in a few
//! seconds, not several times per request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed;

/// The timer.
#[derive(Debug)]
pub struct DeadlineTimer {
    timer: Pin<Box<Sleep>>,
}

impl DeadlineTimer {
    /// A timer set to `first`, the deadline expected next.
    #[must_use]
    pub fn new(first: Instant) -> Self {
        Self {
            timer: Box::pin(sleep_until(first)),
        }
    }

    /// Runs `work` to its end or to `deadline`, whichever is first. The caller pins `work`, and this is no `async fn`,
    /// because that reserves memory for its arguments twice.
    pub fn guard<F: Future>(
        &mut self,
        deadline: Instant,
        mut work: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> {
        std::future::poll_fn(move |context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            self.poll_elapsed(deadline, context).map(Err)
        })
    }

    /// Whether `deadline` has passed. If not, the caller is woken once it has, and perhaps before.
    pub fn poll_elapsed(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<Elapsed> {
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(Elapsed);
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_deadline_counts_whatever_the_timer_was_set_to() {
        let start = Instant::now();
        let mut timer = DeadlineTimer::new(start + Duration::from_mins(1));
        for seconds in [5, 6, 90, 91] {
            let deadline = start + Duration::from_secs(seconds);
            assert_eq!(
                timer.guard(deadline, pin!(pending::<()>())).await,
                Err(Elapsed)
            );
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_in_time_is_left_alone() {
        let start = Instant::now();
        let mut timer = DeadlineTimer::new(start);
        let work = tokio::time::sleep(Duration::from_secs(3));
        assert_eq!(
            timer
                .guard(start + Duration::from_secs(4), pin!(work))
                .await,
            Ok(())
        );
        assert_eq!(
            timer.guard(start, pin!(async { 7 })).await,
            Ok(7),
            "ready work is never cut off"
        );
    }
}
