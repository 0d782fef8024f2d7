//! The run: every offer leaves when it is due, whatever became of those before it.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::select;
use tokio::time::{Instant, timeout};

use crate::link::connect;
use crate::offer::Offer;
use crate::pool::{Job, Pool};
use crate::report::Facts;
use crate::tally::Tally;
use crate::timer::Timer;
use crate::{Error, Progress, Report, Steady, Target};

/// Between two calls of the progress function.
const BEAT: Duration = Duration::from_secs(1);

/// When behind, so many requests are sent before the answers get their turn.
const BURST: usize = 64;

/// Offers a steady load, and reports what became of it.
///
/// `progress` is called about once a second. When `shutdown` resolves, nothing more is offered; what is
/// outstanding is waited for, at most for the timeout, and reported.
///
/// It needs a Tokio runtime with I/O and time enabled; one thread is enough. Dropping the future ends the
/// run without a report.
pub async fn run(
    options: Steady,
    progress: impl Fn(&Progress) + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Report, Error> {
    options.check()?;
    let mut shutdown = pin!(shutdown);
    let reached = select! {
        biased;
        () = &mut shutdown => return Err(Error::Stopped),
        reached = reach(&options.target, options.timeout) => reached?,
    };
    let limits = (options.target.clone(), options.timeout, options.connections);
    let mut conductor = Conductor {
        pool: Pool::new(limits, reached, Tally::new()?),
        timer: Timer::new().map_err(Error::Timer)?,
        start: Instant::now(),
        beat: Beat::new(Instant::now()),
        progress,
        shutdown,
    };
    let offered_for = conductor.offer(options.offers(), options.duration).await?;
    conductor.drain().await?;
    let facts = Facts {
        target: options.target.to_string(),
        seed: options.seed,
        connections: options.connections,
        offered_for,
        duration: conductor.start.elapsed(),
    };
    conductor.pool.tally(|tally| Report::new(facts, tally))
}

/// Finds an address at which the target takes connections, so that a missing proxy is one clear error and
/// not a thousand failed requests. The connection is used for the first request.
async fn reach(target: &Target, within: Duration) -> Result<(SocketAddr, TcpStream), Error> {
    let host = target.host();
    let addresses = lookup_host((host, target.port())).await;
    let addresses = addresses.map_err(|source| Error::Resolve {
        host: host.to_owned(),
        source,
    })?;
    let mut last = None;
    for address in addresses {
        match timeout(within, connect(address)).await {
            Ok(Ok(stream)) => return Ok((address, stream)),
            Ok(Err(source)) => last = Some(source),
            Err(_) => {}
        }
    }
    let target = target.to_string();
    Err(match last {
        Some(source) => Error::Unreachable { target, source },
        None => Error::Silent { target, within },
    })
}

/// When progress is due, and what it is compared with.
struct Beat {
    last: Instant,
    answered: u64,
}

impl Beat {
    fn new(start: Instant) -> Self {
        Self {
            last: start,
            answered: 0,
        }
    }

    fn next(&self) -> Instant {
        self.last + BEAT
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Go {
    On,
    Stop,
}

struct Conductor<'a, P, S> {
    pool: Pool,
    timer: Timer,
    start: Instant,
    beat: Beat,
    progress: P,
    shutdown: Pin<&'a mut S>,
}

impl<P: Fn(&Progress), S: Future<Output = ()>> Conductor<'_, P, S> {
    /// Sends all offers, each at its time; returns for how long there were any to be sent.
    async fn offer(
        &mut self,
        offers: impl Iterator<Item = Offer>,
        duration: Duration,
    ) -> Result<Duration, Error> {
        let mut burst = 0;
        for Offer { at, vehicle } in offers {
            let due = self.start + at;
            let go = if due > Instant::now() {
                burst = 0;
                self.wait(due).await?
            } else if burst < BURST {
                burst += 1;
                Go::On
            } else {
                burst = 0;
                self.let_others_work().await
            };
            if go == Go::Stop {
                return Ok(self.start.elapsed());
            }
            self.pool.offer(Job { due, vehicle });
        }
        match self.wait(self.start + duration).await? {
            Go::On => Ok(duration),
            Go::Stop => Ok(self.start.elapsed()),
        }
    }

    /// Waits until it is time, and tells the progress meanwhile.
    async fn wait(&mut self, due: Instant) -> Result<Go, Error> {
        loop {
            self.tell_progress();
            let wake = due.min(self.beat.next());
            select! {
                biased;
                () = &mut self.shutdown => return Ok(Go::Stop),
                waited = self.timer.until(wake) => waited.map_err(Error::Timer)?,
            }
            if Instant::now() >= due {
                return Ok(Go::On);
            }
        }
    }

    /// Gives the workers, and the signal to stop, their turn.
    async fn let_others_work(&mut self) -> Go {
        self.tell_progress();
        select! {
            biased;
            () = &mut self.shutdown => Go::Stop,
            () = tokio::task::yield_now() => Go::On,
        }
    }

    /// Waits for what is outstanding, which the timeout bounds.
    async fn drain(&mut self) -> Result<(), Error> {
        self.pool.close();
        loop {
            self.tell_progress();
            select! {
                more = self.pool.worker_ended() => if !more { return Ok(()) },
                waited = self.timer.until(self.beat.next()) => waited.map_err(Error::Timer)?,
            }
        }
    }

    fn tell_progress(&mut self) {
        let now = Instant::now();
        if now < self.beat.next() {
            return;
        }
        let span = now - self.beat.last;
        let elapsed = now - self.start;
        let before = self.beat.answered;
        let progress = self
            .pool
            .tally(|tally| Progress::new(tally, elapsed, before, span));
        self.beat = Beat {
            last: now,
            answered: progress.answered,
        };
        (self.progress)(&progress);
    }
}
