//! One part of a trace, in the terms of OTLP.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value},
    trace::v1::{self as proto, Status, span::SpanKind, status::StatusCode},
};

use crate::{Context, SpanId};

/// The flag that says that the next one is known (OTLP, `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK`).
const HAS_IS_REMOTE: u32 = 0x100;
/// The flag of a span whose parent is in another process.
const IS_REMOTE: u32 = 0x200;

/// What a span is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A request of a client.
    Server,
    /// A request to a substation.
    Client,
    /// Work in the proxy.
    Internal,
}

/// A span. It is made when it has ended.
#[derive(Clone, Debug)]
pub struct Span(proto::Span);

impl Span {
    /// The span `id` of a trace, which lasted from the first to the second of these times. `parent` is the span that
    /// caused it.
    #[must_use]
    pub fn new(
        context: &Context,
        (id, parent): (SpanId, Option<SpanId>),
        kind: Kind,
        name: impl Into<String>,
        (began, ended): (SystemTime, SystemTime),
    ) -> Self {
        let is_remote = parent.is_some() && parent == context.parent;
        let kind = match kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        };
        Self(proto::Span {
            trace_id: context.trace_id.bytes().to_vec(),
            span_id: id.bytes().to_vec(),
            trace_state: context.state.clone(),
            parent_span_id: parent.map_or_else(Vec::new, |id| id.bytes().to_vec()),
            flags: context.flags() | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 },
            name: name.into(),
            kind: kind.into(),
            start_time_unix_nano: nanoseconds(began),
            // A clock that was set back must not make a span that ends before it begins.
            end_time_unix_nano: nanoseconds(ended.max(began)),
            ..proto::Span::default()
        })
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.attributes.push(attribute(key, value));
        self
    }

    /// Adds an attribute if there is a value.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Marks it as failed.
    #[must_use]
    pub fn failed(mut self, message: impl Into<String>) -> Self {
        self.0.status = Some(Status {
            message: message.into(),
            code: StatusCode::Error.into(),
        });
        self
    }

    pub(crate) fn into_proto(self) -> proto::Span {
        self.0
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn attribute(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value.into().0),
        ..KeyValue::default()
    }
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub struct Value(AnyValue);

impl Value {
    fn of(value: any_value::Value) -> Self {
        Self(AnyValue { value: Some(value) })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::of(any_value::Value::StringValue(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::of(any_value::Value::StringValue(text))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::of(any_value::Value::BoolValue(value))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::of(any_value::Value::IntValue(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::of(any_value::Value::DoubleValue(number))
    }
}

impl<V: Into<Self>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Self {
        let values = values.into_iter().map(|value| value.into().0).collect();
        Self::of(any_value::Value::ArrayValue(ArrayValue { values }))
    }
}
