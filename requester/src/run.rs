//! The run: every offer leaves when it is due, whatever became of those before it.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::caller::reach;
use crate::cpu::Clock;
use crate::offer::Offer;
use crate::pool::{Aim, Job, Pool};
use crate::report::Facts;
use crate::tally::Tally;
use crate::timer::Timer;
use crate::unplug::Unplugger;
use crate::watch::{Seen, Watcher};
use crate::{Error, Options, Progress, Report};

/// Between two calls of the progress function.
const BEAT: Duration = Duration::from_secs(1);

/// When behind, so many requests are sent before the answers get their turn.
const BURST: usize = 64;

/// Offers a load, and reports what became of it.
///
/// `progress` is called about once a second. When `shutdown` resolves, nothing more is offered; what is
/// outstanding is waited for, at most for the timeout, and reported.
///
/// It needs a Tokio runtime with I/O and time enabled; one thread is enough. Dropping the future ends the
/// run without a report.
pub async fn run(
    options: Options,
    progress: impl Fn(&Progress) + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Report, Error> {
    options.check()?;
    let mut shutdown = pin!(shutdown);
    let prepared = select! {
        biased;
        () = &mut shutdown => return Err(Error::Stopped),
        prepared = Prepared::new(&options) => prepared?,
    };
    let Prepared {
        pool,
        unplugger,
        mut watcher,
        _helpers,
    } = prepared;
    // Each thread has its own clock, and only a runtime of one thread keeps to it.
    let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    let (clock, start) = (Clock::start(one_thread), Instant::now());
    let mut conductor = Conductor {
        pool,
        timer: Timer::new().map_err(Error::Timer)?,
        start,
        total: options.load.duration(),
        beat: Beat::new(start),
        seen: watcher.as_ref().map(Watcher::seen),
        progress,
        shutdown,
    };
    let offering = async {
        let offered_for = conductor.offer(options.offers()).await?;
        conductor.drain().await?;
        Ok::<_, Error>((offered_for, conductor.start.elapsed()))
    };
    let (offered_for, duration) = match &mut watcher {
        None => offering.await?,
        Some(watcher) => select! {
            offered = offering => offered?,
            () = watcher.look(start, options.watch.interval) => return Err(Error::Stopped),
        },
    };
    let cpu = clock.elapsed();
    let unplugged = unplugger.map(|unplugger| unplugger.counts());
    let unplugged = unplugged.filter(|unplugged| unplugged.planned > 0);
    let tally = conductor.pool.into_tally()?;
    let watched = match &mut watcher {
        None => None,
        Some(watcher) => Some(watcher.end(&tally).await),
    };
    let facts = Facts {
        target: options.target.to_string(),
        scenario: options.scenario,
        seed: options.seed,
        connections: options.connections,
        offered_for,
        duration,
        cpu,
        one_thread: one_thread && Clock::KNOWS_THREADS,
        unplugged,
        watched,
    };
    Report::new(facts, &tally)
}

/// All that is there before the first request.
struct Prepared {
    pool: Pool,
    unplugger: Option<Unplugger>,
    watcher: Option<Watcher>,
    /// Tasks that end with the run.
    _helpers: JoinSet<()>,
}

impl Prepared {
    async fn new(options: &Options) -> Result<Self, Error> {
        let (address, first) = reach(&options.target, options.timeout).await?;
        let watcher = if options.watch.sees_nothing() {
            None
        } else {
            Some(Watcher::start(&options.watch).await?)
        };
        let mut helpers = JoinSet::new();
        // A replay may hold cars that leave, too.
        let unplugger = watcher
            .as_ref()
            .map(|watcher| Unplugger::start(watcher.addresses(), &mut helpers));
        let aim = Aim {
            target: options.target.clone(),
            address,
            timeout: options.timeout,
            limit: options.connections,
            in_turn: options.clients > 0,
        };
        let tally = Tally::new(options.load.duration())?;
        let mut pool = Pool::new(aim, first, tally, unplugger.clone());
        pool.open(options.clients).await?;
        Ok(Self {
            pool,
            unplugger,
            watcher,
            _helpers: helpers,
        })
    }
}

/// When progress is due, and what it is compared with.
struct Beat {
    last: Instant,
    offered: u64,
    answered: u64,
}

impl Beat {
    fn new(start: Instant) -> Self {
        Self {
            last: start,
            offered: 0,
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
    /// For how long requests are offered.
    total: Duration,
    beat: Beat,
    seen: Option<Seen>,
    progress: P,
    shutdown: Pin<&'a mut S>,
}

impl<P: Fn(&Progress), S: Future<Output = ()>> Conductor<'_, P, S> {
    /// Sends all offers, each at its time; returns for how long there were any to be sent.
    async fn offer(&mut self, offers: impl Iterator<Item = Offer>) -> Result<Duration, Error> {
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
            self.pool.offer(Job { due, at, vehicle });
        }
        match self.wait(self.start + self.total).await? {
            Go::On => Ok(self.total),
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
        let (span, elapsed) = (now - self.beat.last, now - self.start);
        let (beat, total, seen) = (&self.beat, self.total, self.seen.as_ref());
        let before = (beat.offered, beat.answered);
        let progress = self
            .pool
            .tally(|tally| Progress::new(tally, (elapsed, total), before, span, seen));
        self.beat = Beat {
            last: now,
            offered: progress.offered,
            answered: progress.answered,
        };
        (self.progress)(&progress);
    }
}
