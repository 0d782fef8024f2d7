//! The queue between requests and the thread that sends their traces.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
        mpsc::{self as sync, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::{common::v1::InstrumentationScope, resource::v1::Resource};
use tokio::sync::{
    Mutex, Notify,
    mpsc::{self, error::TrySendError},
};
use tracing::warn;

use crate::{
    Endpoint, Lost, Trace, TraceMetrics, client::Client, deliver::Delivery, span::attribute,
};

/// The most traces that wait to be sent.
const MOST_WAITING: usize = 2_048;
/// The most spans that they may have together. Where many substations can't be reached, one trace has dozens. A span with
/// its choice takes a KiB or two until it is sent, so all take some MiB.
const MOST_SPANS: usize = 8 * MOST_WAITING;

/// What the collector is told of this process.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What tells this process from others of that name.
    pub instance: String,
}

/// Sends traces to a collector. Dropped, it sends what waits and takes no more.
pub struct Exporter {
    queue: mpsc::Sender<Box<dyn Trace>>,
    /// How many spans wait.
    spans: Arc<AtomicUsize>,
    metrics: TraceMetrics,
    stop: Arc<Notify>,
    is_stopping: AtomicBool,
    /// Closed when the thread has ended.
    ended: Mutex<sync::Receiver<()>>,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    /// Starts the thread that sends to this collector.
    pub fn start(to: Endpoint, service: &Service, metrics: TraceMetrics) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let (lives, ended) = sync::channel::<()>();
        let stop = Arc::new(Notify::new());
        let spans = Arc::new(AtomicUsize::new(0));
        let delivery = Delivery {
            queue: waiting,
            spans: Arc::clone(&spans),
            client: Client::new(to).map_err(io::Error::other)?,
            resource: Resource {
                attributes: vec![
                    attribute("service.name", service.name),
                    attribute("service.version", service.version),
                    attribute("service.instance.id", service.instance.as_str()),
                ],
                ..Resource::default()
            },
            scope: InstrumentationScope {
                name: service.name.to_owned(),
                version: service.version.to_owned(),
                ..InstrumentationScope::default()
            },
            metrics: metrics.clone(),
            stop: Arc::clone(&stop),
            is_stopping: false,
            said: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || {
                let _lives = lives;
                runtime.block_on(delivery.run());
                // A look-up of a name may block for long, and nothing needs its result.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            queue,
            spans,
            metrics,
            stop,
            is_stopping: AtomicBool::new(false),
            ended: Mutex::new(ended),
        })
    }

    /// Takes a trace to be sent, without waiting. One that finds no room is lost, and counts.
    pub fn take(&self, trace: Box<dyn Trace>) {
        let count = trace.count();
        let why = if self.spans.fetch_add(count, Relaxed) + count > MOST_SPANS {
            Lost::QueueFull
        } else {
            match self.queue.try_send(trace) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => Lost::QueueFull,
                Err(TrySendError::Closed(_)) if self.is_stopping.load(Relaxed) => Lost::Stopping,
                // Its thread has died.
                Err(TrySendError::Closed(_)) => Lost::Unreachable,
            }
        };
        self.spans.fetch_sub(count, Relaxed);
        self.metrics.lost(why, count);
    }

    /// Sends what waits, for at most this long, and takes no more. Blocks.
    pub fn finish(&self, within: Duration) {
        self.is_stopping.store(true, Relaxed);
        self.stop.notify_one();
        let Ok(ended) = self.ended.try_lock() else {
            return;
        };
        let is_late = ended.recv_timeout(within) == Err(RecvTimeoutError::Timeout);
        if is_late || self.metrics.count(Lost::Stopping) > 0 {
            warn!("Traces are lost at the end");
        }
    }
}
