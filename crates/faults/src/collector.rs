//! A collector of traces that takes OTLP over HTTP, and misbehaves on command.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{Read, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Instant,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;

use crate::{PATIENCE, scripted::header};

/// How a collector answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taking {
    /// It takes every span.
    All,
    /// It takes all but so many spans of each batch.
    AllBut(i64),
    /// It takes none, and answers this status.
    Status(u16),
    /// It reads and never answers.
    Hanging,
}

/// A span as the collector got it.
#[derive(Clone, Debug)]
pub struct CollectedSpan {
    /// Of its trace, in hexadecimal digits.
    pub trace: String,
    /// Its own, in hexadecimal digits.
    pub id: String,
    /// Of the span that caused it; empty if none did.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// 1 within the program, 2 of a server, 3 of a client.
    pub kind: i32,
    /// Its status: 2 if it failed.
    pub status: i32,
    /// What `tracestate` said.
    pub state: String,
    /// When it began and ended, in nanoseconds since the Unix epoch.
    pub time: (u64, u64),
    /// Its attributes; of lists the elements with blanks between them.
    pub attributes: HashMap<String, String>,
    /// The attributes of the process that made it.
    pub resource: HashMap<String, String>,
}

impl CollectedSpan {
    /// An attribute, or nothing.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", String::as_str)
    }
}

#[derive(Debug, Default)]
struct Seen {
    spans: Vec<CollectedSpan>,
    batches: usize,
}

/// A running collector. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Collector {
    /// The address that it listens on.
    pub address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    taking: Arc<Mutex<Taking>>,
}

impl Collector {
    /// Starts one that answers so.
    #[must_use]
    pub fn start(taking: Taking) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), taking)
    }

    /// The same on a given listener.
    #[must_use]
    pub fn on(listener: TcpListener, taking: Taking) -> Self {
        let collector = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            taking: Arc::new(Mutex::new(taking)),
        };
        let of_thread = collector.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let collector = of_thread.clone();
                thread::spawn(move || collector.serve(stream));
            }
        });
        collector
    }

    /// Its URL, as `tracing.otlp` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it answers so.
    pub fn set(&self, taking: Taking) {
        *self.taking.lock().unwrap() = taking;
    }

    /// The spans that it has taken, once `is_enough` of them have come.
    #[must_use]
    pub fn spans(&self, is_enough: impl Fn(&[CollectedSpan]) -> bool) -> Vec<CollectedSpan> {
        let until = Instant::now() + PATIENCE;
        let (seen, news) = &*self.seen;
        let mut seen = seen.lock().unwrap();
        while !is_enough(&seen.spans) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "too few spans: {:?}", seen.spans);
            seen = news.wait_timeout(seen, left).unwrap().0;
        }
        seen.spans.clone()
    }

    /// The spans that it has taken so far.
    #[must_use]
    pub fn taken(&self) -> Vec<CollectedSpan> {
        self.spans(|_| true)
    }

    /// Waits until so many batches have come, taken or not.
    pub fn has_batches(&self, batches: usize) {
        let (seen, news) = &*self.seen;
        let seen = seen.lock().unwrap();
        let (seen, _) = news
            .wait_timeout_while(seen, PATIENCE, |seen| seen.batches < batches)
            .unwrap();
        assert!(seen.batches >= batches, "only {} batches", seen.batches);
    }

    fn serve(&self, mut stream: TcpStream) {
        while let Some(batch) = read(&mut stream) {
            let taking = *self.taking.lock().unwrap();
            let (seen, news) = &*self.seen;
            let mut seen = seen.lock().unwrap();
            seen.batches += 1;
            if matches!(taking, Taking::All | Taking::AllBut(_)) {
                seen.spans.extend(spans_of(batch));
            }
            drop(seen);
            news.notify_all();
            let (status, refused) = match taking {
                Taking::All => (200, 0),
                Taking::AllBut(refused) => (200, refused),
                Taking::Status(status) => (status, 0),
                Taking::Hanging => {
                    let _ = stream.read(&mut [0]);
                    return;
                }
            };
            let said = (refused > 0).then(|| ExportTracePartialSuccess {
                rejected_spans: refused,
                error_message: "too many".to_owned(),
            });
            let body = ExportTraceServiceResponse {
                partial_success: said,
            };
            let body = body.encode_to_vec();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let answer = [head.as_bytes(), &body].concat();
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    }
}

/// The next batch. It must be as OTLP wants it.
fn read(stream: &mut TcpStream) -> Option<ExportTraceServiceRequest> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        (stream.read(&mut byte).ok()? == 1).then_some(())?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert_eq!(
        header(&head, "content-type"),
        Some("application/x-protobuf")
    );
    let length = header(&head, "content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(ExportTraceServiceRequest::decode(&body[..]).unwrap())
}

fn spans_of(batch: ExportTraceServiceRequest) -> Vec<CollectedSpan> {
    let mut all = Vec::new();
    for of_process in batch.resource_spans {
        let resource = attributes(of_process.resource.unwrap_or_default().attributes);
        let spans = of_process.scope_spans.into_iter();
        let spans = spans.flat_map(|of_scope| of_scope.spans);
        all.extend(spans.map(|span| shown(span, &resource)));
    }
    all
}

fn shown(span: Span, resource: &HashMap<String, String>) -> CollectedSpan {
    CollectedSpan {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: span.kind,
        status: span.status.map_or(0, |status| status.code),
        state: span.trace_state,
        time: (span.start_time_unix_nano, span.end_time_unix_nano),
        attributes: attributes(span.attributes),
        resource: resource.clone(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn attributes(all: Vec<KeyValue>) -> HashMap<String, String> {
    let texts = all.into_iter().map(|one| (one.key, text(one.value)));
    texts.collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::ArrayValue(all)) => {
            let all: Vec<_> = all.values.into_iter().map(|one| text(Some(one))).collect();
            all.join(" ")
        }
        _ => String::new(),
    }
}
