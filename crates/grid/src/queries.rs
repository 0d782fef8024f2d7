//! Load that Prometheus is asked for, in place of scrapes (`load.prometheus`): what a configuration says of it, and what
//! came of the last round.
//!
//! The rounds themselves are the scraper's: see `scraper/queries.rs`.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use enum_map::EnumMap;
use parking_lot::Mutex;
use switchyard_config::{self as config, Config};
use switchyard_promql::{Client, QueryOutcome};
use switchyard_telemetry::{Count, Label, Page, Times};

use crate::{clock::Moment, metrics::by_variant};

/// Prometheus' own default: what is assumed until its samples show how often it scrapes.
const USUAL_INTERVAL: Duration = Duration::from_mins(1);
/// A sample is stale after so many of Prometheus' intervals.
const INTERVALS_TO_STALE: u32 = 3;
/// The moment that means: not yet.
const NEVER: u64 = u64::MAX;

/// What a configuration says of it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) client: Client,
    pub(crate) settings: config::Prometheus,
    pub(crate) aggregate: config::Aggregate,
    /// How late the gauges themselves may show a booking.
    pub(crate) visibility_lag: Duration,
    /// The time from one connect to a substation to the next.
    pub(crate) probe: Duration,
    /// The limit of such a connect.
    pub(crate) connect: Duration,
}

impl Source {
    /// What `config` says of it; `None` if it says nothing.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let settings = config.load.prometheus.clone()?;
        Some(Self {
            client: Client::new(&settings),
            settings,
            aggregate: config.load.aggregate,
            visibility_lag: config.load.visibility_lag,
            probe: config.health.probe,
            connect: config.timeouts.connect,
        })
    }
}

/// What has come of the rounds of a process.
#[derive(Debug)]
pub(crate) struct QueryState {
    rounds: EnumMap<QueryOutcome, Count>,
    took: Times,
    /// When a round brought series last.
    answered: AtomicU64,
    series: AtomicUsize,
    unmatched: AtomicUsize,
    missing: AtomicUsize,
    /// How often Prometheus scrapes, in milliseconds; 0 while that is not known.
    interval: AtomicU64,
    /// How old the freshest samples are, in milliseconds.
    delay: AtomicU64,
    /// By how much its clock is ahead, as far as it is proved, in milliseconds.
    offset: AtomicI64,
    fault: Mutex<Option<String>>,
    is_beyond_skew: AtomicBool,
}

impl Default for QueryState {
    fn default() -> Self {
        Self {
            rounds: EnumMap::default(),
            took: Times::default(),
            answered: AtomicU64::new(NEVER),
            series: AtomicUsize::new(0),
            unmatched: AtomicUsize::new(0),
            missing: AtomicUsize::new(0),
            interval: AtomicU64::new(0),
            delay: AtomicU64::new(0),
            offset: AtomicI64::new(0),
            fault: Mutex::default(),
            is_beyond_skew: AtomicBool::new(false),
        }
    }
}

/// The last round of queries, to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryView {
    /// The URL of Prometheus.
    pub url: String,
    /// Why the last round brought no series; `None` if it did.
    pub fault: Option<String>,
    /// When a round brought series last.
    pub answered_at: Option<Moment>,
    /// How many series that had.
    pub series: usize,
    /// How many of them match no substation.
    pub unmatched: usize,
    /// How many substations had no series in it that can be used.
    pub missing: usize,
    /// How often Prometheus scrapes, as its samples show it.
    pub scrape_interval: Option<Duration>,
    /// By how much its clock is ahead of this machine's, as far as answers prove it, in seconds; negative if it is
    /// behind.
    pub clock_offset: f64,
}

/// What a round that brought series has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) series: usize,
    pub(crate) unmatched: usize,
    pub(crate) missing: usize,
}

impl QueryState {
    /// Counts a round.
    pub(crate) fn ended(&self, outcome: QueryOutcome, took: Duration) {
        self.rounds[outcome].inc();
        self.took.observe(took);
    }

    /// Notes that the last round has failed, or `None` that it has not.
    pub(crate) fn set_fault(&self, fault: Option<String>) {
        *self.fault.lock() = fault;
    }

    /// Notes what a round has brought.
    pub(crate) fn show(&self, shown: Shown, now: Moment) {
        self.answered.store(now.millis(), Relaxed);
        self.series.store(shown.series, Relaxed);
        self.unmatched.store(shown.unmatched, Relaxed);
        self.missing.store(shown.missing, Relaxed);
    }

    /// How often Prometheus scrapes, once its samples have shown it.
    pub(crate) fn interval(&self) -> Option<Duration> {
        let millis = self.interval.load(Relaxed);
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    /// Sets how often Prometheus scrapes.
    pub(crate) fn set_interval(&self, interval: Duration) {
        let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.interval.store(millis.max(1), Relaxed);
    }

    /// How old the freshest samples are when they are told of.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay.load(Relaxed))
    }

    /// Sets how old the freshest samples are.
    pub(crate) fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay.store(millis, Relaxed);
    }

    /// Sets by how much its clock is ahead, in milliseconds. True if that is beyond the skew that is allowed for, and was
    /// not before.
    pub(crate) fn set_offset(&self, offset: i64, max_skew: Duration) -> bool {
        self.offset.store(offset, Relaxed);
        let is_beyond = u128::from(offset.unsigned_abs()) > max_skew.as_millis();
        let was_beyond = self.is_beyond_skew.swap(is_beyond, Relaxed);
        is_beyond && !was_beyond
    }

    /// The time within which a substation that is scraped has a new sample here.
    pub(crate) fn sample_interval(&self, interval: Duration) -> Duration {
        self.interval().unwrap_or(USUAL_INTERVAL) + self.delay() + interval
    }

    /// The age from which a sample is stale, where rounds are `interval` apart: three of Prometheus' intervals,
    /// never so short that a lost round makes it stale, and the time that samples travel.
    pub(crate) fn stale_after(&self, interval: Duration) -> Duration {
        let scrapes = self.interval().unwrap_or(USUAL_INTERVAL);
        self.delay() + (scrapes * INTERVALS_TO_STALE).max(scrapes + interval * 2)
    }

    /// The last round, of Prometheus at `url`.
    pub(crate) fn view(&self, url: &str) -> QueryView {
        let answered = self.answered.load(Relaxed);
        QueryView {
            url: url.to_owned(),
            fault: self.fault.lock().clone(),
            answered_at: (answered != NEVER).then(|| Moment::from_millis(answered)),
            series: self.series.load(Relaxed),
            unmatched: self.unmatched.load(Relaxed),
            missing: self.missing.load(Relaxed),
            scrape_interval: self.interval(),
            clock_offset: seconds(self.offset.load(Relaxed)),
        }
    }

    /// Writes it on the metrics page.
    pub(crate) fn write(&self, page: &mut Page) {
        let prometheus = [(Label::new("prometheus"), self)];
        let mut family = page.counters(
            "load_queries_total",
            "Rounds of queries for the load of all substations, by outcome.",
        );
        by_variant(&mut family, ("source", "outcome"), &prometheus, |it| {
            &it.rounds
        });
        page.histograms(
            "load_query_duration_seconds",
            "How long a round of queries takes, from connecting to its last byte.",
        )
        .times(
            "source",
            prometheus.iter().map(|(label, it)| (label, &it.took)),
        );
        page.gauge(
            "load_query_series",
            "Series in the last answer.",
            self.series.load(Relaxed) as u64,
        );
        page.gauge(
            "load_query_unmatched_series",
            "Series in the last answer that match no substation.",
            self.unmatched.load(Relaxed) as u64,
        );
        page.gauge(
            "load_query_missing_substations",
            "Substations without a series in the last answer that can be used.",
            self.missing.load(Relaxed) as u64,
        );
        page.gauge(
            "load_query_scrape_interval_seconds",
            "How often Prometheus scrapes, as its samples show it. 0 while that is not known.",
            self.interval().unwrap_or_default().as_secs_f64(),
        );
        page.gauge(
            "load_query_clock_offset_seconds",
            "By how much the clock of Prometheus is ahead of this machine's, as far as answers prove it.",
            seconds(self.offset.load(Relaxed)),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "16 digits are enough")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_stale_after_three_scrapes_and_never_after_one_lost_round() {
        let state = QueryState::default();
        let (second, five) = (Duration::from_secs(1), Duration::from_secs(5));
        assert_eq!(state.stale_after(five), Duration::from_mins(3));
        state.set_interval(Duration::from_secs(15));
        assert_eq!(state.stale_after(five), Duration::from_secs(45));
        state.set_interval(second);
        assert_eq!(state.stale_after(five), Duration::from_secs(11));
        assert_eq!(state.stale_after(second), Duration::from_secs(3));
    }

    #[test]
    fn clocks_that_differ_too_much_are_told_of_once() {
        let state = QueryState::default();
        let second = Duration::from_secs(1);
        let told = [0, 900, 1_500, 2_000, -3_000, 100, -1_001]
            .map(|offset| state.set_offset(offset, second));
        assert_eq!(told, [false, false, true, false, false, false, true]);
    }
}
