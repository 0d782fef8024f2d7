//! A trail as spans, named as OpenTelemetry's conventions for HTTP want them
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>), with what only this proxy knows under `switchyard.`.

use std::time::{Duration, SystemTime};

use switchyard_balance::Load;
use switchyard_traces::{Context, Kind, Span, SpanId, Trace, Value};
use switchyard_upstream::Progress;
use switchyard_wire::names::{ASSIGN_SUBSTATION, REQUEST_CHARGE};
use tokio::time::Instant;

use crate::dispatch::{
    decisions::Decision,
    trail::{Ended, Trail, TrailAttempt, TrailWait},
};

/// A request that has ended, and its trail.
pub(super) struct Traced {
    pub(super) trail: Box<Trail>,
    pub(super) ended: Ended,
    /// One moment by both clocks.
    pub(super) at: (Instant, SystemTime),
}

impl Trace for Traced {
    fn count(&self) -> usize {
        let decisions = self.trail.attempts.iter();
        let decisions = decisions
            .filter(|attempt| attempt.decision.is_some())
            .count();
        1 + self.trail.waits.len() + self.trail.attempts.len() + decisions
    }

    fn spans(self: Box<Self>) -> Vec<Span> {
        let Some(trace) = &self.trail.trace else {
            return Vec::new();
        };
        let context = &trace.context;
        let mut spans = vec![self.request(context)];
        for wait in &self.trail.waits {
            spans.push(self.wait(context, wait));
        }
        for (at, attempt) in self.trail.attempts.iter().enumerate() {
            if let Some(decision) = &attempt.decision {
                spans.push(self.choice(context, decision, attempt));
            }
            spans.push(self.attempt(context, attempt, at));
        }
        spans
    }
}

impl Traced {
    /// The span of the request.
    fn request(&self, context: &Context) -> Span {
        let (trail, ended) = (&*self.trail, self.ended);
        let method = known_method(&trail.method);
        let route = trail.route.as_deref().or_else(|| route(&trail.path));
        let name = match route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        let ids = (context.span_id, context.parent);
        let waited: Duration = trail.waits.iter().map(|wait| wait.took).sum();
        let span = Span::new(
            context,
            ids,
            Kind::Server,
            name,
            self.from(trail.started, ended.took),
        )
        .with("http.request.method", method)
        .with_some("http.route", route)
        .with("url.path", &*trail.path)
        .with("url.scheme", if trail.is_tls { "https" } else { "http" })
        .with("http.response.status_code", i64::from(ended.status))
        .with("network.protocol.version", version(trail.protocol))
        .with("client.address", trail.remote.to_string())
        .with("http.request.body.size", whole(trail.bytes_in))
        .with("http.response.body.size", whole(ended.bytes_out))
        .with("switchyard.request_id", text(trail.request_id.as_bytes()))
        .with("switchyard.outcome", <&str>::from(ended.outcome))
        .with_some("switchyard.client", trail.client.as_deref())
        .with_some("switchyard.load", trail.load.map(Load::units))
        .with_some("switchyard.idempotency_key", trail.has_key)
        .with_some("switchyard.limit", trail.limit.as_deref())
        .with("switchyard.attempts", whole(trail.attempts.len()))
        .with("switchyard.queue_seconds", waited.as_secs_f64());
        let span = match method {
            "_OTHER" => span.with("http.request.method_original", &*trail.method),
            _ => span,
        };
        // What the client did wrong is no error of a server, says the convention.
        let span = match trail.code {
            Some(code) => span.with("switchyard.code", code).with("error.type", code),
            None if ended.status >= 500 => span.with("error.type", ended.status.to_string()),
            None => span,
        };
        if ended.status >= 500 {
            span.failed(trail.code.unwrap_or_default())
        } else {
            span
        }
    }

    /// The span of a wait for room.
    fn wait(&self, context: &Context, wait: &TrailWait) -> Span {
        let times = self.from(wait.began, wait.took);
        let ids = (random(), Some(context.span_id));
        Span::new(context, ids, Kind::Internal, "wait for room", times)
            .with("switchyard.wait.result", wait.ended)
    }

    /// The span of a choice, right before the attempt that it led to.
    fn choice(&self, context: &Context, decision: &Decision, attempt: &TrailAttempt) -> Span {
        let at = self.wall(attempt.sent);
        let ids = (random(), Some(context.span_id));
        let candidates: Vec<_> = decision.candidates().collect();
        // One value for each, in the same order. As text: what is not known is no number, and not every backend takes one
        // that is none.
        let each = |value: &dyn Fn(usize) -> Option<f64>| -> Vec<String> {
            let all = (0..candidates.len()).map(|at| value(at).filter(|value| value.is_finite()));
            let shown =
                |value: Option<f64>| value.map_or("unknown".to_owned(), |it| it.to_string());
            all.map(shown).collect()
        };
        let sample_ages = each(&|at| {
            let (_, _, sampled_at) = candidates.get(at)?;
            Some(decision.at.since((*sampled_at)?).as_secs_f64())
        });
        let estimates = each(&|at| Some(candidates.get(at)?.0.estimate.units()));
        let unseen = each(&|at| Some(candidates.get(at)?.0.unseen.units()));
        let capacities = each(&|at| candidates.get(at)?.0.capacity.map(Load::units));
        let scores = each(&|at| Some(candidates.get(at)?.0.score));
        let names: Vec<_> = candidates.iter().map(|(_, name, _)| *name).collect();
        let bindings: Vec<_> = decision.bindings().take(names.len()).collect();
        let bindings = bindings.iter().any(Option::is_some).then(|| {
            let bindings = bindings.iter().map(|name| name.unwrap_or_default());
            bindings.collect::<Vec<_>>()
        });
        let chosen = names.iter().position(|name| *name == &*decision.chosen);
        let binding = bindings.as_ref().zip(chosen);
        let binding = binding.and_then(|(all, at)| all.get(at).copied());
        let selection = decision.selection();
        let selection: Vec<_> = selection
            .map(|(label, value)| format!("{label}={value}"))
            .collect();
        Span::new(context, ids, Kind::Internal, "choose", (at, at))
            .with("switchyard.substation", &*decision.chosen)
            .with("switchyard.reason", decision.reason.name(decision.policy))
            .with("switchyard.policy", decision.policy.name())
            .with("switchyard.load", decision.load.units())
            .with("switchyard.share", decision.share)
            .with_some("switchyard.margin", decision.margin)
            .with_some("switchyard.binding", binding)
            .with_some(
                "switchyard.selection",
                (!selection.is_empty()).then_some(selection),
            )
            .with("switchyard.candidates", names)
            .with("switchyard.candidates.sample_age_seconds", sample_ages)
            .with("switchyard.candidates.estimated_load", estimates)
            .with("switchyard.candidates.unseen_load", unseen)
            .with("switchyard.candidates.capacity", capacities)
            .with("switchyard.candidates.score", scores)
            .with_some("switchyard.candidates.binding", bindings)
    }

    /// The span of an attempt at a substation.
    fn attempt(&self, context: &Context, attempt: &TrailAttempt, at: usize) -> Span {
        let method = known_method(&self.trail.method);
        let address = attempt.substation.address();
        let ids = (attempt.span.unwrap_or_else(random), Some(context.span_id));
        let times = self.from(attempt.sent, attempt.took);
        let has_failed = attempt.status.is_none_or(|status| status >= 400);
        let span = Span::new(context, ids, Kind::Client, method, times)
            .with("http.request.method", method)
            .with("server.address", address.ip().to_string())
            .with("server.port", i64::from(address.port()))
            .with("network.protocol.version", "1.1")
            .with_some("http.response.status_code", attempt.status.map(i64::from))
            .with_some("http.request.resend_count", (at > 0).then(|| whole(at)))
            .with("switchyard.substation", attempt.substation.name())
            .with("switchyard.attempt.result", attempt.ended)
            .with_some("switchyard.retry_reason", attempt.safe_to_retry)
            .with("switchyard.sent", attempt.progress != Progress::Unsent);
        if !has_failed {
            return span;
        }
        let status = attempt.status.map(|status| status.to_string());
        span.with("error.type", status.as_deref().unwrap_or(attempt.ended))
            .failed(attempt.error.as_deref().unwrap_or_default())
    }

    /// When something began and ended, by the wall clock.
    fn from(&self, began: Instant, took: Duration) -> (SystemTime, SystemTime) {
        let began = self.wall(began);
        (began, began + took)
    }

    fn wall(&self, moment: Instant) -> SystemTime {
        let (at, wall) = self.at;
        let ago = at.saturating_duration_since(moment);
        wall.checked_sub(ago).unwrap_or(wall)
    }
}

/// The route of a path: one of a few, however many paths clients ask for.
fn route(path: &str) -> Option<&'static str> {
    match path {
        REQUEST_CHARGE => Some(REQUEST_CHARGE),
        ASSIGN_SUBSTATION => Some(ASSIGN_SUBSTATION),
        _ => path.starts_with("/sessions/").then_some("/sessions/{id}"),
    }
}

/// The method, or what the convention says for one that HTTP does not define.
fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 9] = [
        "POST", "GET", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT",
    ];
    let mut known = KNOWN.into_iter();
    known.find(|known| *known == method).unwrap_or("_OTHER")
}

/// The version of HTTP without its name, `2` and not `2.0`.
fn version(protocol: &str) -> &str {
    let version = protocol.strip_prefix("HTTP/").unwrap_or(protocol);
    version
        .strip_suffix(".0")
        .filter(|version| *version == "2")
        .unwrap_or(version)
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn random() -> SpanId {
    SpanId::of(fastrand::u64(..))
}
