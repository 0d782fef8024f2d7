//! Gathers spans into batches and sends them, until the queue is closed.
//!
//! A batch that the collector can't take now is sent again, later and later. Meanwhile the queue fills, and what finds
//! no room there is lost and counted: spans of a collector's bad minutes are not worth memory without bound.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::InstrumentationScope,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span as ProtoSpan},
};
use prost::Message as _;
use tokio::{
    sync::{Notify, mpsc::Receiver},
    time::{Instant, sleep, timeout_at},
};
use tracing::{info, warn};

use crate::{
    Lost, Trace, TraceMetrics,
    client::{Client, Outcome},
    span::Span,
};

/// The most spans of a batch, as OpenTelemetry's SDKs have it. A trace is never cut, so it may be a few more.
const MOST: usize = 512;
/// How long a batch is gathered.
const GATHERED: Duration = Duration::from_secs(1);
/// The first pause before a batch is sent again; each further one is twice as long, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long one batch is tried.
const TRIED: Duration = Duration::from_mins(1);

/// What sends the spans.
pub(crate) struct Delivery {
    pub(crate) queue: Receiver<Box<dyn Trace>>,
    /// How many spans wait in it.
    pub(crate) spans: Arc<AtomicUsize>,
    pub(crate) client: Client,
    pub(crate) resource: Resource,
    pub(crate) scope: InstrumentationScope,
    pub(crate) metrics: TraceMetrics,
    /// The process ends.
    pub(crate) stop: Arc<Notify>,
    pub(crate) is_stopping: bool,
    /// Why the collector does not take spans, as was said last.
    pub(crate) said: Option<String>,
}

impl Delivery {
    /// Sends until the queue is closed and empty.
    pub(crate) async fn run(mut self) {
        while let Some(spans) = self.gather().await {
            self.deliver(spans).await;
        }
    }

    /// The next batch. `None` if there will be none.
    async fn gather(&mut self) -> Option<Vec<ProtoSpan>> {
        let mut batch = Vec::new();
        let first = self.next().await?;
        batch.extend(first.spans().into_iter().map(Span::into_proto));
        let until = Instant::now() + GATHERED;
        while batch.len() < MOST
            && let Ok(Some(trace)) = timeout_at(until, self.next()).await
        {
            batch.extend(trace.spans().into_iter().map(Span::into_proto));
        }
        Some(batch)
    }

    /// The next trace. When the process ends, the queue takes no more.
    async fn next(&mut self) -> Option<Box<dyn Trace>> {
        loop {
            tokio::select! {
                biased;
                () = self.stop.notified(), if !self.is_stopping => {
                    self.is_stopping = true;
                    self.queue.close();
                }
                next = self.queue.recv() => {
                    let count = next.as_ref().map_or(0, |trace| trace.count());
                    self.spans.fetch_sub(count, Relaxed);
                    return next;
                }
            }
        }
    }

    /// Sends a batch until the collector has taken or refused it, or too long.
    async fn deliver(&mut self, spans: Vec<ProtoSpan>) {
        let count = spans.len();
        let bytes = self.encoded(spans);
        let until = Instant::now() + TRIED;
        let mut pause = PAUSE;
        loop {
            let (error, after) = match self.client.send(bytes.clone()).await {
                Outcome::Taken { refused, why } => {
                    let refused = refused.min(count);
                    self.metrics.taken(count - refused);
                    self.metrics.lost(Lost::Refused, refused);
                    return self.say((refused > 0).then_some(why));
                }
                Outcome::Never(error) => {
                    self.metrics.lost(Lost::Refused, count);
                    return self.say(Some(error.to_string()));
                }
                Outcome::Later(error, after) => (error, after),
            };
            self.say(Some(error.to_string()));
            let next = Instant::now() + after.unwrap_or(pause).min(TRIED);
            if next > until || self.is_stopping {
                let why = if self.is_stopping {
                    Lost::Stopping
                } else {
                    Lost::Unreachable
                };
                return self.metrics.lost(why, count);
            }
            self.pause_until(next).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    /// Waits until `next`. If the process ends meanwhile, the batch has one more try, at once.
    async fn pause_until(&mut self, next: Instant) {
        tokio::select! {
            () = sleep(next.saturating_duration_since(Instant::now())) => {}
            () = self.stop.notified() => {
                self.is_stopping = true;
                self.queue.close();
            }
        }
    }

    fn encoded(&self, spans: Vec<ProtoSpan>) -> Bytes {
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(self.scope.clone()),
                    spans,
                    schema_url: String::new(),
                }],
                schema_url: String::new(),
            }],
        };
        request.encode_to_vec().into()
    }

    /// Logs why the collector does not take spans, once for each change.
    fn say(&mut self, error: Option<String>) {
        match &error {
            Some(error) if self.said.as_ref() != Some(error) => {
                warn!(error, "Traces are not delivered");
            }
            None if self.said.is_some() => info!("Traces are delivered again"),
            _ => {}
        }
        self.said = error;
    }
}
