//! What clients see: requests, how long they took, how they ended.

use std::time::Duration;

use enum_map::{Enum, EnumMap};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, core::Metric as _};
use strum::{EnumCount, IntoStaticStr, VariantArray};
use switchyard_telemetry::{Error, Registrar, counter_by, request_buckets};
use switchyard_wire::{Code, Outcome};

/// How a wait for room ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum Waited {
    /// With room.
    Admitted,
    /// When its time was over.
    InVain,
    /// At once: the line was full.
    Full,
}

/// Where the counters of requests stand. They only grow, so two of these make rates.
#[derive(Clone, Debug, Default)]
pub struct RequestTotals {
    /// Requests that ended, by [`Outcome`].
    pub ended: [u64; Outcome::COUNT],
    /// How long all of them took: bounds in seconds, and how many took no longer.
    pub durations: Vec<(f64, u64)>,
    /// The proxy's own errors by code, in the order of [`Code`].
    pub errors: Vec<(&'static str, u64)>,
}

/// What is under way at one moment, for the gauges.
#[derive(Clone, Copy, Debug)]
pub struct RequestGauges {
    /// Requests whose first byte has come and whose last byte has not left.
    pub in_flight: usize,
    /// Client connections that are open.
    pub connections: usize,
    /// `Idempotency-Key`s whose substation is remembered.
    pub keys: usize,
    /// Requests that wait for room.
    pub waiting: usize,
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
    waited: EnumMap<Waited, IntCounter>,
    /// Connections turned away at the limit.
    pub connections_refused: IntCounter,
    booked_200: IntCounter,
    requests: IntCounterVec,
    seconds: EnumMap<Outcome, Histogram>,
    rejected: IntCounterVec,
    failovers: IntCounterVec,
}

impl RequestMetrics {
    pub(super) fn register(make: Registrar<'_>) -> Result<Self, Error> {
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
        for code in Code::VARIANTS {
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
        Ok(Self {
            in_flight: make.gauge("requests_in_flight", "Requests in flight.")?,
            connections: make.gauge("connections", "Open client connections.")?,
            waiting: make.gauge("admission_waiting", "Requests that wait for room.")?,
            waited: counter_by(&waited, &[]),
            keys: make.gauge(
                "idempotency_keys",
                "Idempotency keys whose substation is remembered.",
            )?,
            connections_refused: make.counter(
                "connections_refused_total",
                "Client connections turned away because limits.connections were open.",
            )?,
            booked_200: requests.with_label_values(&["200", Outcome::Booked.into()]),
            seconds: EnumMap::from_fn(|outcome: Outcome| {
                seconds.with_label_values(&[<&str>::from(outcome)])
            }),
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
                .with_label_values(&[itoa::Buffer::new().format(status), outcome.into()])
                .inc();
        }
        self.seconds[outcome].observe(took.as_secs_f64());
    }

    /// Where the counters stand.
    #[must_use]
    pub fn totals(&self) -> RequestTotals {
        let mut totals = RequestTotals::default();
        for (ended, seconds) in totals.ended.iter_mut().zip(self.seconds.values()) {
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
        let count = |code: &Code| {
            let counter = self.rejected.with_label_values(&[code.name()]);
            (code.name(), counter.get())
        };
        totals.errors = Code::VARIANTS.iter().map(count).collect();
        totals
    }

    /// Sets the gauges to what is under way now.
    pub fn mirror(&self, now: RequestGauges) {
        let shown = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.in_flight.set(shown(now.in_flight));
        self.connections.set(shown(now.connections));
        self.keys.set(shown(now.keys));
        self.waiting.set(shown(now.waiting));
    }

    /// Counts one wait for room.
    pub fn waited(&self, how: Waited) {
        self.waited[how].inc();
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
