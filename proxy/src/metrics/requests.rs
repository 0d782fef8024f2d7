//! What clients see: requests, their durations and outcomes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use enum_map::{Enum, EnumMap};
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    core::{Collector as _, Metric as _},
    proto,
};
use strum::{EnumCount, IntoStaticStr, VariantArray};
use switchyard_telemetry::{Error, Exemplars, Registrar, counter_by, request_buckets};
use switchyard_wire::{Code, Outcome};

use super::{NAMESPACE, exemplars::Kept, routed::WithRoutes};

/// The histogram of requests.
const SECONDS: &str = "request_duration_seconds";

/// How a wait for capacity ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum Waited {
    /// A substation had room.
    Admitted,
    /// The wait timed out.
    InVain,
    /// The request did not wait: the queue was full.
    Full,
    /// The client left meanwhile.
    Left,
}

/// What a client has its share of.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum Share {
    /// `limits.client.connections`.
    Connections,
    /// `limits.client.requests`.
    Requests,
    /// `limits.client.rate`.
    Rate,
}

/// How the wait for a PROXY header ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum ProxyHeaderRead {
    /// With a header.
    Done,
    /// With something else, or with less.
    Malformed,
    /// Not within `timeouts.client`.
    TooSlow,
}

/// Whose keys are forgotten for lack of room.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum Evicted {
    /// The oldest of all.
    All,
    /// The oldest of a client that has more than its share.
    Client,
}

/// The counters of requests at one moment. They only grow, so the difference of two gives rates.
#[derive(Clone, Debug, Default)]
pub struct RequestTotals {
    /// Requests that ended, by [`Outcome`].
    pub ended: [u64; Outcome::COUNT],
    /// Cumulative buckets of their durations: upper bound in seconds, and how many took no longer.
    pub durations: Vec<(f64, u64)>,
    /// The proxy's own errors by code, in the order of [`Code`].
    pub errors: Vec<(&'static str, u64)>,
}

/// Values for the gauges at one moment.
#[derive(Clone, Copy, Debug)]
pub struct RequestGauges {
    /// Requests whose first byte has arrived and whose last byte is not sent.
    pub in_flight: usize,
    /// Client connections that are open.
    pub connections: usize,
    /// `Idempotency-Key`s that are kept.
    pub keys: usize,
    /// Requests that wait for capacity.
    pub waiting: usize,
    /// Refused requests that were promised room.
    pub promises: usize,
}

/// The metric families of the client's side.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    /// Requests whose first byte has arrived and whose last byte is not sent.
    in_flight: IntGauge,
    /// Client connections that are open.
    connections: IntGauge,
    /// Idempotency keys that are kept.
    keys: IntGauge,
    /// Requests that wait for capacity.
    waiting: IntGauge,
    /// Refused requests that were promised room.
    promises: IntGauge,
    waited: EnumMap<Waited, IntCounter>,
    /// Connections refused at the limit.
    pub connections_refused: IntCounter,
    /// Refused because the client has its share already, by what of.
    pub clients_limited: EnumMap<Share, IntCounter>,
    /// Connections from which a PROXY header was expected.
    pub proxy_headers: EnumMap<ProxyHeaderRead, IntCounter>,
    /// Keys that this proxy decided about alone, because the store could not be asked.
    pub local_keys: IntCounter,
    /// Keys that were forgotten before their time, by whose they were.
    pub keys_evicted: EnumMap<Evicted, IntCounter>,
    booked_200: IntCounter,
    requests: WithRoutes<IntCounterVec>,
    seconds: EnumMap<Outcome, Histogram>,
    routed_seconds: HistogramVec,
    exemplars: Arc<Kept>,
    rejected: WithRoutes<IntCounterVec>,
    failovers: IntCounterVec,
}

impl RequestMetrics {
    pub(super) fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let requests = WithRoutes::counters(
            make,
            "requests_total",
            "Requests, by status code and result, and by route where there are routes.",
            &["code", "result"],
        )?;
        let WithRoutes {
            others: seconds,
            routed: routed_seconds,
        } = WithRoutes::histograms(
            make,
            SECONDS,
            "Time from the first byte of a request to the last byte of its answer.",
            &["result"],
            &request_buckets(),
        )?;
        let rejected = WithRoutes::counters(
            make,
            "requests_rejected_total",
            "Requests that the proxy itself answered with an error, by error code.",
            &["reason"],
        )?;
        for code in Code::VARIANTS {
            rejected.others.with_label_values(&[code.name()]);
        }
        let waited = make.counters(
            "admission_waits_total",
            "Requests that found no capacity and queued, by result.",
            &["result"],
        )?;
        let limited = make.counters(
            "clients_limited_total",
            "Connections and requests refused because their client had its share already.",
            &["limit"],
        )?;
        let headers = make.counters(
            "proxy_headers_total",
            "Connections of the public port from which a PROXY header was expected, by result.",
            &["result"],
        )?;
        let evicted = make.counters(
            "idempotency_keys_evicted_total",
            "Idempotency keys forgotten before retry.keys_for was over, for lack of room, by whose they were.",
            &["of"],
        )?;
        Ok(Self {
            in_flight: make.gauge(
                "requests_in_flight",
                "Requests in flight that do not wait for their client.",
            )?,
            connections: make.gauge("connections", "Open client connections.")?,
            waiting: make.gauge(
                "admission_waiting",
                "Requests that wait in the admission queue.",
            )?,
            promises: make.gauge(
                "admission_promises",
                "Refused requests that were promised room and have not come back yet.",
            )?,
            waited: counter_by(&waited, &[]),
            keys: make.gauge(
                "idempotency_keys",
                "Idempotency keys that are kept, each with its substation.",
            )?,
            connections_refused: make.counter(
                "connections_refused_total",
                "Client connections refused because limits.connections were open.",
            )?,
            clients_limited: counter_by(&limited, &[]),
            proxy_headers: counter_by(&headers, &[]),
            local_keys: make.counter(
                "store_local_keys_total",
                "Keys that this proxy decided about alone, because the store could not be asked.",
            )?,
            keys_evicted: counter_by(&evicted, &[]),
            booked_200: requests
                .others
                .with_label_values(&["200", Outcome::Booked.into()]),
            seconds: EnumMap::from_fn(|outcome: Outcome| {
                seconds.with_label_values(&[<&str>::from(outcome)])
            }),
            routed_seconds,
            exemplars: Arc::default(),
            requests,
            rejected,
            failovers: failovers(make)?,
        })
    }

    /// Counts a request that ended.
    pub fn ended(&self, status: u16, outcome: Outcome, took: Duration) {
        if status == 200 && outcome == Outcome::Booked {
            self.booked_200.inc();
        } else {
            let mut code = itoa::Buffer::new();
            let labels = [code.format(status), outcome.into()];
            self.requests.others.with_label_values(&labels).inc();
        }
        self.seconds[outcome].observe(took.as_secs_f64());
    }

    /// The same of a request of this route.
    pub fn ended_at(&self, route: &str, status: u16, outcome: Outcome, took: Duration) {
        let result = outcome.into();
        let mut code = itoa::Buffer::new();
        let labels = [code.format(status), result, route];
        self.requests.routed.with_label_values(&labels).inc();
        let seconds = self.routed_seconds.with_label_values(&[result, route]);
        seconds.observe(took.as_secs_f64());
    }

    /// Keeps the trace of a request that ended, of this route if it is one's, to be shown with its bucket.
    pub fn traced(
        &self,
        route: Option<&str>,
        (outcome, took): (Outcome, Duration),
        trace_id: String,
    ) {
        self.exemplars.keep(route, (outcome, took), trace_id);
    }

    /// The traces that show what the buckets have.
    #[must_use]
    pub fn exemplars(&self) -> Exemplars {
        self.exemplars.all(&format!("{NAMESPACE}_{SECONDS}"))
    }

    /// Reads the counters.
    #[must_use]
    pub fn totals(&self) -> RequestTotals {
        let mut totals = RequestTotals::default();
        for (outcome, seconds) in &self.seconds {
            totals.add(outcome.into(), seconds.metric().get_histogram());
        }
        for mut family in self.routed_seconds.collect() {
            for metric in family.take_metric() {
                totals.add(label_of(&metric, "result"), metric.get_histogram());
            }
        }
        let mut of_routes: HashMap<String, u64> = HashMap::new();
        for mut family in self.rejected.routed.collect() {
            for metric in family.take_metric() {
                let code = label_of(&metric, "reason").to_owned();
                *of_routes.entry(code).or_default() += whole(metric.get_counter().get_value());
            }
        }
        let count = |code: &Code| {
            let counter = self.rejected.others.with_label_values(&[code.name()]);
            let of_routes = of_routes.get(code.name()).copied().unwrap_or(0);
            (code.name(), counter.get() + of_routes)
        };
        totals.errors = Code::VARIANTS.iter().map(count).collect();
        totals
    }

    /// Sets the gauges to their values now.
    pub fn mirror(&self, now: RequestGauges) {
        let shown = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.in_flight.set(shown(now.in_flight));
        self.connections.set(shown(now.connections));
        self.keys.set(shown(now.keys));
        self.waiting.set(shown(now.waiting));
        self.promises.set(shown(now.promises));
    }

    /// Counts a wait for capacity.
    pub fn waited(&self, how: Waited) {
        self.waited[how].inc();
    }

    /// Counts an error answer of the proxy itself, by its code.
    pub fn rejected(&self, code: &str) {
        self.rejected.others.with_label_values(&[code]).inc();
    }

    /// The same to a request of this route.
    pub fn rejected_at(&self, route: &str, code: &str) {
        let counter = self.rejected.routed.with_label_values(&[code, route]);
        counter.inc();
    }

    /// Counts a request that is sent again.
    pub fn failover(&self, reason: &str) {
        self.failovers.with_label_values(&[reason]).inc();
    }
}

fn failovers(make: Registrar<'_>) -> Result<IntCounterVec, Error> {
    let failovers = make.counters(
        "failovers_total",
        "Requests sent again, by the reason that makes it safe.",
        &["reason"],
    )?;
    for reason in [
        "connect",
        "shortage",
        "unsent",
        "refused",
        "limited",
        "unavailable",
        "again",
    ] {
        failovers.with_label_values(&[reason]);
    }
    Ok(failovers)
}

impl RequestTotals {
    /// Adds the durations of requests with this outcome.
    fn add(&mut self, outcome: &str, histogram: &proto::Histogram) {
        let at = Outcome::VARIANTS
            .iter()
            .position(|one| <&str>::from(*one) == outcome);
        if let Some(ended) = at.and_then(|at| self.ended.get_mut(at)) {
            *ended += histogram.get_sample_count();
        }
        for (at, bucket) in histogram.get_bucket().iter().enumerate() {
            match self.durations.get_mut(at) {
                Some((_, count)) => *count += bucket.cumulative_count(),
                None => self
                    .durations
                    .push((bucket.upper_bound(), bucket.cumulative_count())),
            }
        }
    }
}

/// The value of a label.
fn label_of<'a>(metric: &'a proto::Metric, name: &str) -> &'a str {
    let mut labels = metric.get_label().iter();
    labels
        .find(|label| label.name() == name)
        .map_or("", |label| label.value())
}

/// A count, which the format has as a number with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter is whole and never falls"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
