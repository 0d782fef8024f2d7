//! `tracing`: which requests are traced, and where their spans go.

use super::{json_schema, values, walk::Section};
use schemars::JsonSchema;
use serde::Serialize;

/// Traces, in the protocol of OpenTelemetry.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["otlp"]))]
pub struct Tracing {
    /// The URL of a collector that takes OTLP over HTTP.
    #[schemars(with = "json_schema::Text")]
    pub otlp: String,
    /// The part of the requests that are traced, of those whose client does not decide.
    #[schemars(with = "json_schema::Share", extend("default" = 0.0))]
    pub sample: f64,
}

pub(super) fn tracing(s: &mut Section<'_>) -> Option<Tracing> {
    let otlp = s.required("otlp", "otlp: http://127.0.0.1:4318", values::collector_url);
    let sample = s.value("sample", 0.0, values::share);
    Some(Tracing {
        otlp: otlp?,
        sample,
    })
}
