//! Traces: which requests are traced, how their trace goes on at the substation, and how it gets to a collector.
//!
//! - [`TraceParent`] reads `traceparent` strictly; [`Context`] is the trace of one request that is sampled.
//! - [`Span`] is one of its parts. They are made when the request has ended, from what was noted of it.
//! - [`Exporter`] sends them with OTLP over HTTP, on a thread of its own.
//!
//! Nothing here is a layer of `tracing`. `tracing-opentelemetry` opens and closes a span for each request and each part
//! of it on the worker's thread, with a lock and an allocation for each, sampled or not. Here a request that is not
//! sampled costs a look at its headers, and one that is sampled costs notes and a place in a queue.

mod client;
mod context;
mod deliver;
mod export;
mod metrics;
mod span;
mod trace;

pub use client::Endpoint;
pub use context::{Context, SpanId, TraceId, TraceParent};
pub use export::{Exporter, Service};
pub use metrics::{Lost, TraceMetrics};
pub use span::{Kind, Span, Value};
pub use trace::Trace;
