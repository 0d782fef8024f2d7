//! How load is learned: the keys below `load`, and their defaults.

use super::{Aggregate, Authorization, Prometheus, Series, json_schema, show};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use switchyard_wire::names;

/// How load is learned.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Load {
    /// The path of a substation's metrics.
    #[schemars(with = "json_schema::Path")]
    pub path: String,
    /// The gauge of a substation's current load.
    #[serde(serialize_with = "show::series")]
    #[schemars(with = "json_schema::Series")]
    pub metric: Series,
    /// The gauge of its capacity; it may be missing.
    #[serde(serialize_with = "show::series")]
    #[schemars(with = "json_schema::Series")]
    pub capacity_metric: Series,
    /// How several matching series of a gauge are combined.
    pub aggregate: Aggregate,
    /// The time from one round of scrapes to the next; none where Prometheus is asked in their place. See
    /// [`Load::interval`].
    #[serde(
        serialize_with = "show::optional_duration",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "json_schema::Duration")]
    pub interval: Option<Duration>,
    /// The limit of one scrape, from connecting to its last byte.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// The longest delay from the answer to a booking until the gauge shows it; zero if it shows it at once.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub visibility_lag: Duration,
    /// The age at which a sample is reported as stale; without it, by what is learned of Prometheus' own scrapes.
    #[serde(
        serialize_with = "show::optional_duration",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "json_schema::Duration")]
    pub stale_after: Option<Duration>,
    /// What scrapes carry, to be let in; without it, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Prometheus, which is asked in place of the substations; without it, they are scraped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
}

impl Load {
    /// The default of [`Load::interval`].
    const INTERVAL: Duration = Duration::from_millis(500);
    /// The default of [`Load::stale_after`].
    const STALE_AFTER: Duration = Duration::from_secs(2);

    /// The time from one round of samples to the next: of scrapes, or of queries to Prometheus.
    #[must_use]
    pub fn interval(&self) -> Duration {
        match &self.prometheus {
            Some(prometheus) => prometheus.interval,
            None => self.scrape_interval(),
        }
    }

    /// The key of that time.
    pub(super) fn interval_key(&self) -> &'static str {
        match self.prometheus {
            Some(_) => "load.prometheus.interval",
            None => "load.interval",
        }
    }

    /// The time from one scrape to the next: of the substations, and of the meters of feeders that name none of their
    /// own.
    #[must_use]
    pub fn scrape_interval(&self) -> Duration {
        self.interval.unwrap_or(Self::INTERVAL)
    }

    /// The age at which the sample of a scrape is stale.
    #[must_use]
    pub fn scrape_stale_after(&self) -> Duration {
        self.stale_after.unwrap_or(Self::STALE_AFTER)
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            path: "/metrics".to_owned(),
            metric: Series::named(names::LOAD_GAUGE),
            capacity_metric: Series::named(names::CAPACITY_GAUGE),
            aggregate: Aggregate::None,
            interval: Some(Self::INTERVAL),
            timeout: Duration::from_millis(200),
            visibility_lag: Duration::ZERO,
            stale_after: Some(Self::STALE_AFTER),
            authorization: None,
            prometheus: None,
        }
    }
}
