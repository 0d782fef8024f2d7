//! The parts of a configuration and their defaults. `docs/configuration.md` explains each key at length.

use super::{
    Aggregate, Authorization, KeyRoom, Lasts, MaxRequests, Pipeline, Prometheus, Rate, Series,
    UpstreamTls, bounds, json_schema, show,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use switchyard_wire::names;

/// The operator's side, never on the public port.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Admin {
    /// The address for status, metrics and commands. Loopback, unless there is a token.
    #[schemars(with = "json_schema::Address")]
    pub listen: SocketAddr,
    /// The certificate of that address; `None` is plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<AdminTls>,
    /// The file with the token that operators must send; `None` requires no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub token_file: Option<PathBuf>,
    /// The most connections at once; a further one takes the place of the one that has asked for nothing for longest.
    #[schemars(range(min = 1, max = bounds::MOST_ADMIN_CONNECTIONS))]
    pub connections: usize,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9901).into(),
            tls: None,
            token_file: None,
            connections: 64,
        }
    }
}

/// The proxy's certificate and key; both files are PEM.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["certificate", "key"]))]
pub struct Tls {
    /// The certificate, followed by the certificates that lead to a root.
    #[schemars(with = "json_schema::Text")]
    pub certificate: PathBuf,
    /// The certificate's private key.
    #[schemars(with = "json_schema::Text")]
    pub key: PathBuf,
    /// The authorities whose certificates clients may show; `None` asks for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub client_ca: Option<PathBuf>,
}

/// The certificate and key of the admin port; both files are PEM.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["certificate", "key"]))]
pub struct AdminTls {
    /// The certificate, followed by the certificates that lead to a root.
    #[schemars(with = "json_schema::Text")]
    pub certificate: PathBuf,
    /// The certificate's private key.
    #[schemars(with = "json_schema::Text")]
    pub key: PathBuf,
}

/// HTTP/2 with clients.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Http2 {
    /// Whether HTTP/2 is also accepted without TLS, by prior knowledge.
    pub cleartext: bool,
    /// The most streams open at once on one connection.
    #[schemars(range(min = 1, max = bounds::MOST_STREAMS))]
    pub streams: u32,
    /// The most connections that speak HTTP/2 at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub connections: usize,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            cleartext: false,
            streams: 100,
            connections: 1_000,
        }
    }
}

/// What a charge request looks like.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Charge {
    /// The substation's path for bookings.
    #[schemars(with = "json_schema::Path")]
    pub upstream_path: String,
    /// The field of the body that holds the load of the request.
    #[schemars(with = "json_schema::Text")]
    pub load_field: String,
    /// The load of a request without that field, in the unit of the load gauge.
    #[schemars(with = "json_schema::Positive")]
    pub default_load: f64,
    /// How long the load of a charge lasts.
    #[schemars(with = "json_schema::Lasts")]
    pub lasts: Lasts,
}

impl Default for Charge {
    fn default() -> Self {
        Self {
            upstream_path: "/charge".to_owned(),
            load_field: "power_kw".to_owned(),
            default_load: 11.0,
            lasts: Lasts::default(),
        }
    }
}

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
    /// The time from one round of scrapes to the next; `None` where Prometheus is asked in their place. See
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
    /// The age at which a sample is reported as stale; `None`: by what is learned of Prometheus' own scrapes.
    #[serde(
        serialize_with = "show::optional_duration",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "json_schema::Duration")]
    pub stale_after: Option<Duration>,
    /// What scrapes carry, to be let in; `None` is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Prometheus, which is asked in place of the substations; `None` scrapes them.
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

/// How long each step of a request may take.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Timeouts {
    /// The limit for connecting to a substation.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub connect: Duration,
    /// The limit from the end of the client's request to the answer, retries included.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub request: Duration,
    /// The limit for the client to send its whole request.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub client: Duration,
    /// How long an idle connection is kept open.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub idle: Duration,
    /// The longest pause between two parts of a streamed request or answer.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub stream_idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(200),
            request: Duration::from_secs(5),
            client: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            stream_idle: Duration::from_mins(1),
        }
    }
}

/// How exact the choice is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Balance {
    /// By how much of its capacity a substation may be fuller than the best, if requests are about to be written to it.
    #[schemars(with = "json_schema::Tolerance")]
    pub tolerance: f64,
}

/// How requests are sent to substations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Upstream {
    /// How many requests may be in flight on one connection.
    #[schemars(with = "json_schema::Pipeline")]
    pub pipeline: Pipeline,
    /// The most requests under way to one substation.
    #[schemars(with = "json_schema::MaxRequests")]
    pub max_requests: MaxRequests,
    /// TLS to substations and meters; `None` is plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
}

/// How the proxy stops.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Drain {
    /// How long it still takes requests after it has stopped being ready.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub delay: Duration,
}

/// How much the proxy takes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest head of a request, in bytes: its request line and headers, written as in HTTP/1.1.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub head: usize,
    /// The largest body of a request, in bytes.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub body: usize,
    /// The largest body of a substation's answer, in bytes.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub answer: usize,
    /// The most bytes that all requests together hold from their arrival to their answer, each beyond its first KiB.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Memory")]
    pub buffered: usize,
    /// The most client connections at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub connections: usize,
    /// The most requests at work at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub requests: usize,
    /// The share of one client in these limits.
    pub client: ClientLimits,
}

/// The share of one client address in the limits of the proxy.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct ClientLimits {
    /// The most connections at once of one address.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub connections: usize,
    /// The most requests at once of one address, and of one connection.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub requests: usize,
    /// The most requests of one address without a name, as a rate; `None` sets none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Rate")]
    pub rate: Option<Rate>,
}

impl ClientLimits {
    /// The share of a limit that one client gets by default: a quarter.
    #[must_use]
    pub const fn share(limit: usize) -> usize {
        if limit < 4 { 1 } else { limit / 4 }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        let share = Self::share(10_000);
        Self {
            connections: share,
            requests: share,
            rate: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            body: 64 << 10,
            answer: 1 << 20,
            buffered: 32 << 20,
            connections: 10_000,
            requests: 10_000,
            client: ClientLimits::default(),
        }
    }
}

/// What happens to requests for which no substation has room.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Admission {
    /// The most requests that wait for room; 0 turns waiting off.
    #[schemars(range(min = 0, max = bounds::MOST_CONNECTIONS))]
    pub queue: usize,
    /// The longest that a request waits.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            queue: 0,
            timeout: Duration::from_secs(1),
        }
    }
}

/// When a substation is ejected for its failures, and how it returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Health {
    /// Failures in a row that eject it.
    #[schemars(range(min = 1, max = bounds::MOST_FAILURES))]
    pub failures: u32,
    /// The least share of exchanges that must succeed; with 0 no substation is ejected for it.
    #[schemars(with = "json_schema::Share")]
    pub success_rate: f64,
    /// The window of that share.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub window: Duration,
    /// The fewest exchanges for which that share counts.
    #[schemars(range(min = 1, max = bounds::MOST_EXCHANGES))]
    pub requests: u64,
    /// The first ejection's length; each further ejection lasts twice as long.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub ejection: Duration,
    /// The longest ejection.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub longest_ejection: Duration,
    /// How long a returning substation takes to reach its full share.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub slow_start: Duration,
    /// The time from one connect to a substation to the next, where its gauge is not scraped.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub probe: Duration,
    /// The most substations ejected for failing, as a share of all; at least one is always allowed.
    #[schemars(with = "json_schema::Share")]
    pub most_ejected: f64,
    /// If less than this share of all is in rotation, those ejected for failing are used as well (panic threshold).
    #[schemars(with = "json_schema::Share")]
    pub panic: f64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            failures: 3,
            success_rate: 0.5,
            window: Duration::from_secs(10),
            requests: 20,
            ejection: Duration::from_secs(1),
            longest_ejection: Duration::from_secs(32),
            slow_start: Duration::from_secs(10),
            probe: Duration::from_secs(5),
            most_ejected: 0.5,
            panic: 0.3,
        }
    }
}

/// When a request is sent again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Retry {
    /// How often one request may be sent, including the first time.
    #[schemars(range(min = 1, max = bounds::MOST_ATTEMPTS))]
    pub attempts: u32,
    /// The most retries, as a share of all requests.
    #[schemars(with = "json_schema::Share")]
    pub budget: f64,
    /// How many `Idempotency-Key`s are remembered with their substation, as a number or by the memory that they take.
    #[schemars(with = "json_schema::KeyRoom")]
    pub keys: KeyRoom,
    /// How long each is remembered.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub keys_for: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            budget: 0.2,
            keys: KeyRoom::default(),
            keys_for: Duration::from_mins(10),
        }
    }
}

/// What survives the end of the process.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["file"]))]
pub struct State {
    /// The file that it is kept in. Only one process uses it at a time.
    #[schemars(with = "json_schema::Text")]
    pub file: PathBuf,
    /// The least time from one writing to the next.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration", extend("default" = "5s"))]
    pub interval: Duration,
}

impl State {
    /// The default of [`State::interval`].
    pub(super) const INTERVAL: Duration = Duration::from_secs(5);
}
