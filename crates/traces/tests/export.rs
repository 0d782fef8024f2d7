//! The exporter against a collector that takes spans, refuses them, hangs or is gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    net::TcpListener,
    time::{Duration, Instant, SystemTime},
};

use prometheus::Registry;
use switchyard_faults::{ClosedPort, Collector, PATIENCE, Taking};
use switchyard_telemetry::Registrar;
use switchyard_traces::{
    Context, Endpoint, Exporter, Kind, Lost, Service, Span, SpanId, Trace, TraceMetrics,
};

const PARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A trace of so many spans.
struct Of(usize);

impl Trace for Of {
    fn count(&self) -> usize {
        self.0
    }

    fn spans(self: Box<Self>) -> Vec<Span> {
        Vec::new()
    }
}

/// A trace of two spans.
struct Two(Context);

impl Trace for Two {
    fn count(&self) -> usize {
        2
    }

    fn spans(self: Box<Self>) -> Vec<Span> {
        let now = SystemTime::now();
        let context = &self.0;
        let (own, parent) = (context.span_id, context.parent);
        let ids = [(own, parent), (SpanId::of(7), Some(own))];
        let spans = ids.into_iter().map(|ids| {
            let kind = if ids.1 == parent {
                Kind::Server
            } else {
                Kind::Client
            };
            Span::new(context, ids, kind, "POST /charge", (now, now))
                .with("http.response.status_code", 503_i64)
                .with("switchyard.candidates", vec!["a", "b"])
                .failed("no room")
        });
        spans.collect()
    }
}

fn two() -> Box<dyn Trace> {
    let parents = std::iter::once(PARENT);
    let states = std::iter::once(&b"vendor=1"[..]);
    let mut rng = fastrand::Rng::new();
    Box::new(Two(
        Context::sample(parents, states, 0.0, || rng.u128(..)).unwrap()
    ))
}

fn exporter(url: &str) -> (Exporter, TraceMetrics) {
    let metrics = TraceMetrics::register(Registrar::new(&Registry::new())).unwrap();
    let service = Service {
        name: "switchyard",
        version: "1.2.3",
        instance: "here:1".to_owned(),
    };
    let to = Endpoint::parse(url).unwrap();
    let exporter = Exporter::start(to, &service, metrics.clone()).unwrap();
    (exporter, metrics)
}

/// Waits until `is_so`.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_collector_gets_spans_with_their_trace_and_the_process() {
    let collector = Collector::start(Taking::All);
    let (exporter, metrics) = exporter(&collector.url());
    exporter.take(two());
    let spans = collector.spans(|spans| spans.len() == 2);
    let [request, attempt] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(request.trace, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(attempt.trace, request.trace);
    assert_eq!(request.parent, "b7ad6b7169203331");
    assert_eq!(attempt.parent, request.id);
    assert_eq!((request.kind, attempt.kind), (2, 3));
    assert_eq!((request.status, request.state.as_str()), (2, "vendor=1"));
    assert_eq!(request.get("http.response.status_code"), "503");
    assert_eq!(request.get("switchyard.candidates"), "a b");
    assert_eq!(request.resource["service.name"], "switchyard");
    assert_eq!(request.resource["service.version"], "1.2.3");
    assert_eq!(request.resource["service.instance.id"], "here:1");
    until("the spans count", || metrics.exported() == 2);
}

#[test]
fn what_waits_is_sent_at_the_end() {
    let collector = Collector::start(Taking::All);
    let (exporter, metrics) = exporter(&collector.url());
    for _ in 0..700 {
        exporter.take(two());
    }
    exporter.finish(PATIENCE);
    assert_eq!(collector.taken().len(), 1_400);
    assert_eq!(metrics.exported(), 1_400);
    exporter.take(two());
    assert_eq!(metrics.count(Lost::Stopping), 2, "it takes no more");
}

#[test]
fn a_collector_that_hangs_costs_the_caller_nothing_and_the_end_little() {
    let collector = Collector::start(Taking::Hanging);
    let (exporter, metrics) = exporter(&collector.url());
    exporter.take(two());
    collector.has_batches(1);
    let before = Instant::now();
    for _ in 0..5_000 {
        exporter.take(two());
    }
    assert!(before.elapsed() < Duration::from_secs(2));
    assert_eq!(metrics.count(Lost::QueueFull), 2 * (5_000 - 2_048));
    let before = Instant::now();
    exporter.finish(Duration::from_millis(100));
    assert!(before.elapsed() < Duration::from_secs(2));
}

#[test]
fn large_traces_that_wait_are_bounded_by_their_spans() {
    let collector = Collector::start(Taking::Hanging);
    let (exporter, metrics) = exporter(&collector.url());
    exporter.take(two());
    collector.has_batches(1);
    for _ in 0..300 {
        exporter.take(Box::new(Of(64)));
    }
    // 16,384 of the spans wait.
    assert_eq!(metrics.count(Lost::QueueFull), 300 * 64 - 16_384);
}

#[test]
fn a_collector_that_comes_back_gets_what_waited() {
    let port = ClosedPort::new();
    let (exporter, metrics) = exporter(&format!("http://{}", port.address));
    exporter.take(two());
    let listener: TcpListener = port.listen();
    let collector = Collector::on(listener, Taking::Status(503));
    collector.has_batches(1);
    collector.set(Taking::All);
    let spans = collector.spans(|spans| !spans.is_empty());
    assert_eq!(spans.len(), 2);
    until("the spans count", || metrics.exported() == 2);
}

#[test]
fn what_a_collector_refuses_is_not_sent_again() {
    for (taking, refused) in [(Taking::Status(400), 2), (Taking::AllBut(1), 1)] {
        let collector = Collector::start(taking);
        let (exporter, metrics) = exporter(&collector.url());
        exporter.take(two());
        until("the spans count", || {
            metrics.count(Lost::Refused) == refused
        });
        collector.set(Taking::All);
        exporter.take(two());
        until("the next ones come", || metrics.exported() == 4 - refused);
    }
}

#[test]
fn one_that_is_replaced_sends_what_waits() {
    let collector = Collector::start(Taking::All);
    let (exporter, _) = exporter(&collector.url());
    exporter.take(two());
    drop(exporter);
    assert_eq!(collector.spans(|spans| !spans.is_empty()).len(), 2);
}
