//! The run: every offer leaves when it is due, whatever became of earlier ones.

mod generator;

use futures_util::future::BoxFuture;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::build_report::{RunFacts, build_report};
use crate::client::reach;
use crate::cpu::CpuClock;
use crate::error::Error;
use crate::options::Options;
use crate::pool::{Destination, Pool};
use crate::progress::Progress;
use crate::report::Report;
use crate::tally::Tally;
use crate::timer::Timer;
use crate::unplug::Unplugger;
use crate::watch::Watcher;

use generator::{Generator, ProgressTicks};

/// Offers a load, and reports what became of it.
///
/// `progress` is called about once a second. When `shutdown` resolves, no more requests are
/// offered; the run waits for the outstanding answers, at most for the timeout, and reports them.
///
/// It needs a Tokio runtime with I/O and time enabled; one thread is enough. Dropping the future
/// ends the run without a report.
pub async fn run(
    options: Options,
    progress: impl Fn(&Progress) + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Report, Error> {
    run_boxed(options, Box::new(progress), Box::pin(shutdown)).await
}

/// Boxed, so that the run is compiled once, in this crate, and not again in each program that calls it.
fn run_boxed<'a>(
    options: Options,
    progress: Box<dyn Fn(&Progress) + Send + 'a>,
    shutdown: BoxFuture<'a, ()>,
) -> BoxFuture<'a, Result<Report, Error>> {
    Box::pin(offer(options, progress, shutdown))
}

async fn offer(
    options: Options,
    progress: Box<dyn Fn(&Progress) + Send + '_>,
    mut shutdown: BoxFuture<'_, ()>,
) -> Result<Report, Error> {
    options.check()?;
    let prepared = select! {
        biased;
        () = &mut shutdown => return Err(Error::Stopped),
        prepared = Prepared::new(&options) => prepared?,
    };
    let Prepared {
        pool,
        unplugger,
        mut watcher,
        mut tasks,
    } = prepared;
    // Each thread has its own CPU clock, and only a runtime of one thread stays on one thread.
    let one_thread = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    let (clock, start) = (CpuClock::start(one_thread), Instant::now());
    let mut generator = Generator {
        pool,
        timer: Timer::new().map_err(Error::Timer)?,
        start,
        total: options.load.duration(),
        ticks: ProgressTicks::new(start),
        levels: watcher.as_ref().map(Watcher::levels),
        progress,
        shutdown,
    };
    let offering = async {
        let offered_for = generator.offer(options.offers()).await?;
        generator.drain().await?;
        Ok::<_, Error>((offered_for, generator.start.elapsed()))
    };
    let (offered_for, duration) = match &mut watcher {
        None => offering.await?,
        Some(watcher) => select! {
            offered = offering => offered?,
            () = watcher.watch(start, options.watch.interval) => return Err(Error::Stopped),
        },
    };
    let cpu = clock.elapsed();
    let tally = generator.pool.into_tally()?;
    let unplugged = match unplugger {
        Some(unplugger) => Some(unplugger.end(&mut tasks).await),
        None => None,
    };
    let unplugged = unplugged.filter(|unplugged| unplugged.planned > 0);
    let watched = match &mut watcher {
        None => None,
        Some(watcher) => Some(watcher.end(&tally).await),
    };
    let facts = RunFacts {
        target: options.target.to_string(),
        scenario: options.scenario,
        seed: options.seed,
        connections: options.connections,
        offered_for,
        duration,
        cpu,
        one_thread: one_thread && CpuClock::KNOWS_THREADS,
        unplugged,
        watched,
    };
    build_report(facts, &tally)
}

/// Everything that exists before the first request.
struct Prepared {
    pool: Pool,
    unplugger: Option<Unplugger>,
    watcher: Option<Watcher>,
    /// The tasks of the unplugger, which end with the run.
    tasks: JoinSet<()>,
}

impl Prepared {
    async fn new(options: &Options) -> Result<Self, Error> {
        let (address, first) = reach(&options.target, options.timeout, &options.access).await?;
        let watcher = if options.watch.is_off() {
            None
        } else {
            Some(Watcher::start(&options.watch, &options.access).await?)
        };
        let mut tasks = JoinSet::new();
        // A replay, too, may contain cars that leave early.
        let unplugger = watcher
            .as_ref()
            .map(|watcher| Unplugger::start(watcher.addresses(), &options.access, &mut tasks));
        let destination = Destination {
            target: options.target.clone(),
            address,
            timeout: options.timeout,
            labels: options.labels.clone(),
            limit: options.connections,
            in_turn: options.clients > 0,
            access: options.access.clone(),
        };
        let tally = Tally::new(options.load.duration())?.with_labels(&options.labels);
        let mut pool = Pool::new(destination, first, tally, unplugger.clone());
        pool.open(options.clients).await?;
        Ok(Self {
            pool,
            unplugger,
            watcher,
            tasks,
        })
    }
}
