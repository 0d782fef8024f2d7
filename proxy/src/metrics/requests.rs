//! What clients see: requests, how long they took, how they ended.

use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, core::Metric as _};

use super::{Register, request_buckets};
use crate::dispatch::{Code, Shared};

/// How a request ended, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The substation booked it.
    Booked,
    /// The substation answered with anything else but success.
    Answered,
    /// It was the client's fault.
    Invalid,
    /// No substation has room, or none is usable.
    Refused,
    /// A substation failed, or time ran out.
    Failed,
}

impl Outcome {
    /// All outcomes, in the order of their values.
    pub const ALL: [Self; 5] = [
        Self::Booked,
        Self::Answered,
        Self::Invalid,
        Self::Refused,
        Self::Failed,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Answered => "answered",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// How a wait for room ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// With room.
    Admitted,
    /// When its time was over.
    InVain,
    /// At once: the line was full.
    Full,
}

impl Waited {
    const ALL: [Self; 3] = [Self::Admitted, Self::InVain, Self::Full];

    const fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::InVain => "in_vain",
            Self::Full => "full",
        }
    }
}

/// Where the counters of requests stand. They only grow, so two of these make rates.
#[derive(Clone, Debug, Default)]
pub struct RequestTotals {
    /// Requests that ended, by [`Outcome`].
    pub ended: [u64; Outcome::ALL.len()],
    /// How long all of them took: bounds in seconds, and how many took no longer.
    pub durations: Vec<(f64, u64)>,
    /// The proxy's own errors by code, in the order of [`Code::ALL`].
    pub errors: Vec<(&'static str, u64)>,
}

/// The families of the client's side.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    /// Requests whose first byte has come and whose last byte has not left.
    in_flight: IntGauge,
    /// Client connections that are open.
    connections: IntGauge,
    /// Idempotency keys whose substation is remembered.
    keys: IntGauge,
    /// Requests that wait for room.
    waiting: IntGauge,
    waited: IntCounterVec,
    /// Connections turned away at the limit.
    pub connections_refused: IntCounter,
    booked_200: IntCounter,
    requests: IntCounterVec,
    seconds: [Histogram; Outcome::ALL.len()],
    rejected: IntCounterVec,
    failovers: IntCounterVec,
}

impl RequestMetrics {
    pub(super) fn register(make: &Register<'_>) -> Result<Self, prometheus::Error> {
        let requests = make.counters(
            "requests_total",
            "Requests, by status code and result.",
            &["code", "result"],
        )?;
        let seconds: HistogramVec = make.histograms(
            "request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            &["result"],
            request_buckets(),
        )?;
        let rejected = make.counters(
            "requests_rejected_total",
            "Requests the proxy itself answered with an error, by the error's code.",
            &["reason"],
        )?;
        for code in Code::ALL {
            rejected.with_label_values(&[code.name()]);
        }
        let failovers = make.counters(
            "failovers_total",
            "Requests sent once more, by why that can't book twice.",
            &["reason"],
        )?;
        for reason in ["connect", "unsent", "refused", "again"] {
            failovers.with_label_values(&[reason]);
        }
        let waited = make.counters(
            "admission_waits_total",
            "Requests that found no room and might wait for it, by how that ended.",
            &["result"],
        )?;
        for how in Waited::ALL {
            waited.with_label_values(&[how.name()]);
        }
        Ok(Self {
            in_flight: make.gauge("requests_in_flight", "Requests in hand.")?,
            connections: make.gauge("connections", "Open client connections.")?,
            waiting: make.gauge("admission_waiting", "Requests that wait for room.")?,
            waited,
            keys: make.gauge(
                "idempotency_keys",
                "Idempotency keys whose substation is remembered.",
            )?,
            connections_refused: make.counter(
                "connections_refused_total",
                "Client connections turned away because limits.connections were open.",
            )?,
            booked_200: requests.with_label_values(&["200", Outcome::Booked.name()]),
            seconds: Outcome::ALL.map(|outcome| seconds.with_label_values(&[outcome.name()])),
            requests,
            rejected,
            failovers,
        })
    }

    /// Counts one request that ended.
    pub fn ended(&self, status: u16, outcome: Outcome, took: Duration) {
        if status == 200 && outcome == Outcome::Booked {
            self.booked_200.inc();
        } else {
            self.requests
                .with_label_values(&[itoa::Buffer::new().format(status), outcome.name()])
                .inc();
        }
        if let Some(histogram) = self.seconds.get(outcome as usize) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// Where the counters stand.
    #[must_use]
    pub fn totals(&self) -> RequestTotals {
        let mut totals = RequestTotals::default();
        for (ended, seconds) in totals.ended.iter_mut().zip(&self.seconds) {
            let histogram = seconds.metric();
            let histogram = histogram.get_histogram();
            *ended = histogram.get_sample_count();
            for (at, bucket) in histogram.get_bucket().iter().enumerate() {
                match totals.durations.get_mut(at) {
                    Some((_, count)) => *count += bucket.cumulative_count(),
                    None => totals
                        .durations
                        .push((bucket.upper_bound(), bucket.cumulative_count())),
                }
            }
        }
        totals.errors = Code::ALL
            .map(|code| {
                let counter = self.rejected.with_label_values(&[code.name()]);
                (code.name(), counter.get())
            })
            .to_vec();
        totals
    }

    /// Sets the gauges to what is in hand now.
    pub(super) fn mirror(&self, shared: &Shared) {
        let shown = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.in_flight.set(shown(shared.in_hand.requests()));
        self.connections.set(shown(shared.in_hand.connections()));
        self.keys.set(shown(shared.keys()));
        self.waiting.set(shown(shared.waiting()));
    }

    /// Counts one wait for room.
    pub fn waited(&self, how: Waited) {
        self.waited.with_label_values(&[how.name()]).inc();
    }

    /// Counts one error of the proxy's own, by its code.
    pub fn rejected(&self, code: &str) {
        self.rejected.with_label_values(&[code]).inc();
    }

    /// Counts one request that is sent once more.
    pub fn failover(&self, reason: &str) {
        self.failovers.with_label_values(&[reason]).inc();
    }
}
