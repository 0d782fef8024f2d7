//! Sends each offer at its time, and reports progress meanwhile.

use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::select;
use tokio::time::Instant;

use crate::error::Error;
use crate::job::Job;
use crate::offer::Offer;
use crate::pool::Pool;
use crate::progress::Progress;
use crate::timer::Timer;
use crate::watch::CurrentLevels;

/// Between two calls of the progress function.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// When the generator is behind, it sends this many requests before it lets the workers run.
const BURST: usize = 64;

/// When progress is due, and the counts of the last time.
pub(super) struct ProgressTicks {
    last: Instant,
    offered: u64,
    answered: u64,
}

impl ProgressTicks {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            last: start,
            offered: 0,
            answered: 0,
        }
    }

    fn next(&self) -> Instant {
        self.last + PROGRESS_INTERVAL
    }
}

pub(super) struct Generator<'a> {
    pub(super) pool: Pool,
    pub(super) timer: Timer,
    pub(super) start: Instant,
    /// For how long requests are offered.
    pub(super) total: Duration,
    pub(super) ticks: ProgressTicks,
    pub(super) levels: Option<CurrentLevels>,
    pub(super) progress: Box<dyn Fn(&Progress) + Send + 'a>,
    pub(super) shutdown: BoxFuture<'a, ()>,
}

impl Generator<'_> {
    /// Sends all offers, each at its time. Returns for how long requests were offered.
    pub(super) async fn offer(
        &mut self,
        offers: impl Iterator<Item = Offer>,
    ) -> Result<Duration, Error> {
        let mut burst = 0;
        for Offer { at, vehicle } in offers {
            let due = self.start + at;
            let next = if due > Instant::now() {
                burst = 0;
                self.wait(due).await?
            } else if burst < BURST {
                burst += 1;
                ControlFlow::Continue(())
            } else {
                burst = 0;
                self.let_workers_run().await
            };
            if next.is_break() {
                return Ok(self.start.elapsed());
            }
            self.pool.offer(Job::new(due, at, vehicle));
        }
        match self.wait(self.start + self.total).await? {
            ControlFlow::Continue(()) => Ok(self.total),
            ControlFlow::Break(()) => Ok(self.start.elapsed()),
        }
    }

    /// Waits until `due`, and reports progress meanwhile. Breaks when the run is to stop.
    async fn wait(&mut self, due: Instant) -> Result<ControlFlow<()>, Error> {
        loop {
            self.report_progress();
            let wake = due.min(self.ticks.next());
            select! {
                biased;
                () = &mut self.shutdown => return Ok(ControlFlow::Break(())),
                waited = self.timer.until(wake) => waited.map_err(Error::Timer)?,
            }
            if Instant::now() >= due {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// Yields once, so that the workers and the signal to stop are served.
    async fn let_workers_run(&mut self) -> ControlFlow<()> {
        self.report_progress();
        select! {
            biased;
            () = &mut self.shutdown => ControlFlow::Break(()),
            () = tokio::task::yield_now() => ControlFlow::Continue(()),
        }
    }

    /// Waits for the outstanding answers; the timeout bounds the wait.
    pub(super) async fn drain(&mut self) -> Result<(), Error> {
        self.pool.close();
        loop {
            self.report_progress();
            select! {
                more = self.pool.worker_ended() => if !more { return Ok(()) },
                waited = self.timer.until(self.ticks.next()) => waited.map_err(Error::Timer)?,
            }
        }
    }

    fn report_progress(&mut self) {
        let now = Instant::now();
        if now < self.ticks.next() {
            return;
        }
        let (span, elapsed) = (now - self.ticks.last, now - self.start);
        let (total, levels) = (self.total, self.levels.as_ref());
        let before = (self.ticks.offered, self.ticks.answered);
        let progress = self
            .pool
            .tally(|tally| Progress::new(tally, (elapsed, total), before, span, levels));
        self.ticks = ProgressTicks {
            last: now,
            offered: progress.offered,
            answered: progress.answered,
        };
        (self.progress)(&progress);
    }
}
