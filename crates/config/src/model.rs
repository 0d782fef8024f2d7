//! The parts of a configuration and their defaults. `docs/configuration.md` explains each key at length.

use super::{KeyRoom, Lasts, MaxRequests, Pipeline, UpstreamTls, bounds, json_schema, show};
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
    /// The address for status, metrics and commands. Loopback, unless there is a token.
    #[schemars(with = "json_schema::Address")]
    pub listen: SocketAddr,
    /// The certificate of that address; without it, plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<AdminTls>,
    /// The file with the token that operators must send; without it, no token is required.
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
    /// The authorities whose certificates clients may show; without it, none is asked for.
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
    /// TLS to substations and meters; without it, plain HTTP.
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
