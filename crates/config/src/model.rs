//! The parts of a configuration and their defaults. `docs/configuration.md` explains each key at length.

use super::{Aggregate, Pipeline, Series, bounds, json_schema, show};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The operator's side, never on the public port.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Admin {
    /// Where status, metrics and commands are served. Loopback, unless there is a token.
    #[schemars(with = "json_schema::Address")]
    pub listen: SocketAddr,
    /// The file with the token that operators have to show; `None` asks for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub token_file: Option<PathBuf>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9901).into(),
            token_file: None,
        }
    }
}

/// What the proxy proves its name with; both files are PEM.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["certificate", "key"]))]
pub struct Tls {
    /// The certificate, and behind it those that lead to a root.
    #[schemars(with = "json_schema::Text")]
    pub certificate: PathBuf,
    /// The certificate's private key.
    #[schemars(with = "json_schema::Text")]
    pub key: PathBuf,
}

/// How clients may speak HTTP/2.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Http2 {
    /// Whether also without TLS, by prior knowledge.
    pub cleartext: bool,
    /// The most streams that are open at once on one connection.
    #[schemars(range(min = 1, max = bounds::MOST_STREAMS))]
    pub streams: u32,
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            cleartext: false,
            streams: 100,
        }
    }
}

/// One substation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name", "address"]))]
pub struct Substation {
    /// What people, metrics and the answer's `x-substation` call it.
    #[schemars(with = "json_schema::Name")]
    pub name: String,
    /// Where it listens; a host name is looked up once, when the file is read.
    #[schemars(with = "json_schema::Address")]
    pub address: SocketAddr,
    /// How much it can bear, in the unit of its load gauge; `None` leaves it to its capacity gauge.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Positive")]
    pub capacity: Option<f64>,
}

/// What a charge request looks like.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Charge {
    /// The path that a substation books under.
    #[schemars(with = "json_schema::Path")]
    pub upstream_path: String,
    /// The body's field that says how much load the request brings.
    #[schemars(with = "json_schema::Text")]
    pub load_field: String,
    /// The load of a request that does not say, in the unit of the load gauge.
    #[schemars(with = "json_schema::Positive")]
    pub default_load: f64,
}

impl Default for Charge {
    fn default() -> Self {
        Self {
            upstream_path: "/charge".to_owned(),
            load_field: "power_kw".to_owned(),
            default_load: 11.0,
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
    /// The gauge that says how much a substation bears now.
    #[serde(serialize_with = "show::series")]
    #[schemars(with = "json_schema::Series")]
    pub metric: Series,
    /// The gauge that says how much it can bear; it may be missing.
    #[serde(serialize_with = "show::series")]
    #[schemars(with = "json_schema::Series")]
    pub capacity_metric: Series,
    /// What is made of several series that match, of either gauge.
    pub aggregate: Aggregate,
    /// From one round of scrapes to the next.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub interval: Duration,
    /// For one scrape, from connecting to its last byte.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// The longest that the gauge takes to show a booking after its answer; zero if it shows it at once.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub visibility_lag: Duration,
    /// The age at which a sample is reported as stale.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub stale_after: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            path: "/metrics".to_owned(),
            metric: Series::named("substation_current_load"),
            capacity_metric: Series::named("substation_capacity"),
            aggregate: Aggregate::None,
            interval: Duration::from_millis(500),
            timeout: Duration::from_millis(200),
            visibility_lag: Duration::ZERO,
            stale_after: Duration::from_secs(2),
        }
    }
}

/// How long each step of a request may take.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Timeouts {
    /// To connect to a substation.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub connect: Duration,
    /// From having the client's whole request to having the answer, retries included.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub request: Duration,
    /// For the client to send its whole request.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub client: Duration,
    /// For which a connection is kept open with nothing to do.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(200),
            request: Duration::from_secs(5),
            client: Duration::from_secs(10),
            idle: Duration::from_mins(1),
        }
    }
}

/// How substations are spoken to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Upstream {
    /// How many requests may be under way on one connection.
    #[schemars(with = "json_schema::Pipeline")]
    pub pipeline: Pipeline,
}

/// How much the proxy takes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    #[serde(serialize_with = "show::size")]
    #[schemars(with = "json_schema::Size")]
    pub body: usize,
    /// The most client connections at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub connections: usize,
    /// The most requests in hand at once.
    #[schemars(range(min = 1, max = bounds::MOST_CONNECTIONS))]
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 10,
            connections: 10_000,
            requests: 10_000,
        }
    }
}

/// What becomes of requests for which no substation has room.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Admission {
    /// The most that wait for room; with 0 nobody does.
    #[schemars(range(min = 0, max = bounds::MOST_CONNECTIONS))]
    pub queue: usize,
    /// The longest that one waits.
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

/// When a substation is left out for its failures, and how it comes back.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Health {
    /// Failures in a row that eject it.
    #[schemars(range(min = 1, max = bounds::MOST_FAILURES))]
    pub failures: u32,
    /// The least share of exchanges that must go well; with 0 nobody is ejected for it.
    #[schemars(with = "json_schema::Share")]
    pub success_rate: f64,
    /// The time over which that share is taken.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub window: Duration,
    /// The fewest exchanges that it is taken of.
    #[schemars(range(min = 1, max = bounds::MOST_EXCHANGES))]
    pub requests: u64,
    /// How long the first ejection lasts; each further one twice as long.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub ejection: Duration,
    /// The longest ejection.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub longest_ejection: Duration,
    /// How long one that comes back takes to come into its whole share.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub slow_start: Duration,
    /// The most that may be ejected for failing, as a share of all; but always one.
    #[schemars(with = "json_schema::Share")]
    pub most_ejected: f64,
    /// If less than this share of all is in rotation, those ejected for failing are used as well.
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
            most_ejected: 0.5,
            panic: 0.3,
        }
    }
}

/// When a request is sent once more.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Retry {
    /// How often one request may be sent, the first time included.
    #[schemars(range(min = 1, max = bounds::MOST_ATTEMPTS))]
    pub attempts: u32,
    /// The most retries, as a share of all requests.
    #[schemars(with = "json_schema::Share")]
    pub budget: f64,
    /// The most `Idempotency-Key`s whose substation is remembered.
    #[schemars(range(min = 1, max = bounds::MOST_KEYS))]
    pub keys: usize,
    /// For which each is remembered.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub keys_for: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            budget: 0.2,
            keys: 100_000,
            keys_for: Duration::from_mins(10),
        }
    }
}
