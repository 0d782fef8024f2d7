//! The metrics for Prometheus.
//!
//! Each substation has a registry of its own: a thousand share a process, and none may appear in the page
//! of another. Counters move with the events. Gauges are read from the book at each scrape, so they can't
//! drift away from it. All label values exist from the start, at 0, so that a rate has a first value.

use prometheus::{
    Counter, Error, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder,
};
use switchyard_wire::names;

use crate::book::Book;
use crate::process_metrics;
use crate::session::{EndReason, SessionEnd};
use crate::units::Power;

/// The gauge of the power drawn, in kW: the contract.
pub(crate) const CURRENT_LOAD: &str = names::LOAD_GAUGE;
/// The gauge of the most that may be drawn, in kW.
pub(crate) const CAPACITY: &str = names::CAPACITY_GAUGE;

/// From a top-up of a minute to a car left for a day, in simulated seconds. Most sessions last an hour or
/// two, so the buckets are finest there.
const SESSION_BUCKETS: [f64; 10] = [
    60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 57_600.0, 86_400.0,
];

/// The handles of one substation's metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    load: Gauge,
    power: Gauge,
    active: IntGauge,
    energy: Counter,
    pub(crate) started: IntCounter,
    completed: IntCounter,
    cancelled: IntCounter,
    duration: Histogram,
    pub(crate) accepted: IntCounter,
    pub(crate) repeated: IntCounter,
    pub(crate) no_capacity: IntCounter,
    pub(crate) invalid: IntCounter,
    pub(crate) draining: IntCounter,
}

impl Metrics {
    /// For the substation `name`, which may draw `capacity` at most.
    pub(crate) fn new(name: &str, capacity: Power) -> Result<Self, Error> {
        let registry = Registry::new();
        let gauge = |name, help| {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, Error>(gauge)
        };
        let labelled = |name, help, label, values: &[&str]| {
            let family = IntCounterVec::new(Opts::new(name, help), &[label])?;
            for value in values {
                family.get_metric_with_label_values(&[value])?;
            }
            registry.register(Box::new(family.clone()))?;
            Ok::<_, Error>(family)
        };

        let load = gauge(CURRENT_LOAD, "Power drawn by running sessions, in kW.")?;
        gauge(
            CAPACITY,
            "Most power that running sessions may draw together, in kW.",
        )?
        .set(capacity.kw());
        let power = gauge(
            "substation_power_watts",
            "Power drawn by running sessions, in watts.",
        )?;
        gauge(
            "substation_power_limit_watts",
            "Most power that sessions may draw, in watts.",
        )?
        .set(capacity.watts());

        let active = IntGauge::new("substation_active_sessions", "Sessions running now.")?;
        registry.register(Box::new(active.clone()))?;
        let started = IntCounter::new("substation_sessions_started_total", "Sessions booked.")?;
        registry.register(Box::new(started.clone()))?;
        let energy = Counter::new(
            "substation_energy_delivered_joules_total",
            "Energy drawn by sessions while they run, in simulated joules.",
        )?;
        registry.register(Box::new(energy.clone()))?;

        let ended = labelled(
            "substation_sessions_ended_total",
            "Sessions over: completed (full), cancelled (unplugged) or fault (broken off).",
            "reason",
            &["completed", "cancelled", "fault"],
        )?;
        let requests = labelled(
            "substation_charge_requests_total",
            "Charge requests by result. Repeated: a key returned its session again. Invalid: malformed, out of bounds, too large or too slow.",
            "result",
            &["accepted", "repeated", "no_capacity", "invalid", "draining"],
        )?;
        let duration = Histogram::with_opts(
            HistogramOpts::new(
                "substation_session_duration_seconds",
                "How long sessions were plugged in, in simulated seconds.",
            )
            .buckets(SESSION_BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(duration.clone()))?;

        // The proxies learn from it where the sessions are whose ids begin with this name.
        let info = Opts::new(
            names::INFO_GAUGE,
            "Always 1; the label is the name that session ids begin with.",
        )
        .const_label(names::INFO_NAME, name);
        let info = IntGauge::with_opts(info)?;
        info.set(1);
        registry.register(Box::new(info))?;

        let build = Opts::new(
            "substation_build_info",
            "Always 1; the labels say what was built.",
        )
        .const_label("version", env!("CARGO_PKG_VERSION"))
        .const_label("revision", switchyard_process::revision());
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        registry.register(Box::new(build))?;

        Ok(Self {
            load,
            power,
            active,
            energy,
            started,
            completed: ended.get_metric_with_label_values(&["completed"])?,
            cancelled: ended.get_metric_with_label_values(&["cancelled"])?,
            duration,
            accepted: requests.get_metric_with_label_values(&["accepted"])?,
            repeated: requests.get_metric_with_label_values(&["repeated"])?,
            no_capacity: requests.get_metric_with_label_values(&["no_capacity"])?,
            invalid: requests.get_metric_with_label_values(&["invalid"])?,
            draining: requests.get_metric_with_label_values(&["draining"])?,
            registry,
        })
    }

    pub(crate) fn count_end(&self, end: SessionEnd) {
        match end.reason {
            EndReason::Completed => self.completed.inc(),
            EndReason::Cancelled => self.cancelled.inc(),
        }
        self.duration.observe(end.seconds);
    }

    /// Sets the gauges to the state of the book.
    pub(crate) fn observe(&self, book: &Book) {
        self.load.set(book.load().kw());
        self.power.set(book.load().watts());
        self.active
            .set(i64::try_from(book.active()).unwrap_or(i64::MAX));
        self.energy
            .inc_by((book.joules() - self.energy.get()).max(0.0));
    }

    /// The page, with the metrics of the process at its end.
    pub(crate) fn encode(&self) -> Result<String, Error> {
        let mut page = String::with_capacity(8 * 1024);
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut page)?;
        page.push_str(&process_metrics::exposition());
        Ok(page)
    }

    /// The media type of [`encode`](Self::encode).
    pub(crate) fn content_type() -> &'static str {
        prometheus::TEXT_FORMAT
    }
}
