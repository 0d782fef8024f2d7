//! The series to look for on a page, and what they say.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use switchyard_balance::{Load, Reading};
use switchyard_config as config;
use switchyard_gauge::exposition::{Aggregate, Found, Info, Verdict, Wanted, scan};
use switchyard_wire::names;

use crate::failure::PollFailure;

/// Scrapes that are farther apart make a connection each: until the next one, a connection that the substation closes
/// would stay half-closed.
const LONGEST_IDLE: Duration = Duration::from_secs(4);

/// The series to look for, and where, prepared once for each configuration.
#[derive(Debug)]
pub struct Gauges {
    pub(crate) load: Wanted,
    load_name: Arc<str>,
    pub(crate) capacity: Wanted,
    capacity_name: Arc<str>,
    pub(crate) info: Info,
    pub(crate) path: String,
    pub(crate) timeout: Duration,
    pub(crate) keeps_connections: bool,
    pub(crate) credentials_file: Option<PathBuf>,
}

impl Gauges {
    /// The gauges that a configuration names, with the path and the timeout of a scrape.
    #[must_use]
    pub fn new(load: &config::Load) -> Self {
        Self::of(
            [&load.metric, &load.capacity_metric],
            load.aggregate,
            &load.path,
            (load.timeout, load.scrape_interval()),
        )
        .authorized(load.authorization.as_ref())
    }

    /// The gauges of a feeder's meter.
    #[must_use]
    pub fn of_feeder(load: &config::FeederLoad) -> Self {
        Self::of(
            [&load.metric, &load.capacity_metric],
            load.aggregate,
            &load.path,
            (load.timeout, load.interval),
        )
        .authorized(load.authorization.as_ref())
    }

    fn authorized(self, authorization: Option<&config::Authorization>) -> Self {
        let file = authorization.map(|it| it.credentials_file.clone());
        Self {
            credentials_file: file,
            ..self
        }
    }

    /// The file with the token that scrapes carry, if they carry one.
    #[must_use]
    pub fn credentials_file(&self) -> Option<&Path> {
        self.credentials_file.as_deref()
    }

    fn of(
        [metric, capacity_metric]: [&config::Series; 2],
        aggregate: config::Aggregate,
        path: &str,
        (timeout, interval): (Duration, Duration),
    ) -> Self {
        Self {
            load: wanted(metric, aggregate),
            load_name: metric.names().into(),
            capacity: wanted(capacity_metric, aggregate),
            capacity_name: capacity_metric.names().into(),
            info: Info::new(names::INFO_GAUGE, names::INFO_NAME),
            path: path.to_owned(),
            timeout,
            keeps_connections: interval <= LONGEST_IDLE,
            credentials_file: None,
        }
    }

    /// The reading of what was found: the load, and the capacity.
    pub(crate) fn reading(
        &self,
        [load, capacity]: [Found; 2],
        configured_capacity: Option<Load>,
    ) -> Result<(Reading, Option<PollFailure>), PollFailure> {
        let usable = |found: Found, name| match found {
            Found::One(units) => Load::new(units).ok_or_else(|| PollFailure::of(found, name)),
            _ => Err(PollFailure::of(found, name)),
        };
        let load = usable(load, &self.load_name)?;
        let exported = usable(capacity, &self.capacity_name);
        let (capacity, fault) = match (configured_capacity, exported) {
            (Some(configured), _) => (Some(configured), None),
            (None, Ok(exported)) => (Some(exported), None),
            // Many gauges come without a capacity.
            (None, Err(PollFailure::Missing(_))) => (None, None),
            // The load is in the same unit, and without the capacity there would be no bound.
            (None, Err(too_large @ PollFailure::TooLarge(..))) => return Err(too_large),
            (None, Err(fault)) => (None, Some(fault)),
        };
        Ok((Reading { load, capacity }, fault))
    }

    /// What a scrape would read of this page, which is there as a whole: the load and the capacity, and the fault of the
    /// capacity if that is no absence.
    pub fn of_page(
        &self,
        page: &[u8],
        configured_capacity: Option<Load>,
    ) -> Result<(Reading, Option<PollFailure>), PollFailure> {
        let found = scan(page, true, [&self.load, &self.capacity]);
        self.reading(found, configured_capacity)
    }

    /// What a scrape makes of `line` as a load.
    #[must_use]
    pub fn judge_load(&self, line: &[u8]) -> Verdict<'_> {
        self.load.judge(line)
    }

    /// What a scrape makes of `line` as a capacity.
    #[must_use]
    pub fn judge_capacity(&self, line: &[u8]) -> Verdict<'_> {
        self.capacity.judge(line)
    }
}

/// What to look for, for series as they are configured.
#[must_use]
pub fn wanted(series: &config::Series, aggregate: config::Aggregate) -> Wanted {
    let aggregate = match aggregate {
        config::Aggregate::None => Aggregate::Nothing,
        config::Aggregate::Sum => Aggregate::Sum,
        config::Aggregate::Max => Aggregate::Max,
    };
    let term = |series: &config::Series| {
        let matchers = series.matchers.iter().map(|matcher| {
            let is_equal = matcher.op == config::MatchOp::Equal;
            (matcher.label.clone(), is_equal, matcher.value.clone())
        });
        Wanted::new(&series.name, matchers).aggregated(aggregate)
    };
    let others = series.terms().skip(1).map(term);
    others.fold(term(series), Wanted::plus)
}
