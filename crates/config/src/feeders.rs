//! Feeders: limits that several substations share, each below a parent or a root of its own.

mod outline;
mod read;
mod tree;

pub use outline::Outline;
pub(super) use read::feeders;

use super::{Aggregate, Authorization, Series, SubstationTls, json_schema, show};
use schemars::JsonSchema;
use serde::Serialize;
use std::{net::SocketAddr, time::Duration};

/// The most feeders of one proxy: as many as substations.
pub const MOST_FEEDERS: usize = 10_000;
/// The most levels of feeders above a substation, the nearest feeder and the root included.
pub const MOST_LEVELS: usize = 8;

/// A limit that the substations below it share: a feeder, a transformer, a contract.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
pub struct Feeder {
    /// Its name in logs, metrics and errors; no substation has the same.
    #[schemars(with = "json_schema::Name")]
    pub name: String,
    /// The feeder that supplies it; without one it is a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Name")]
    pub parent: Option<String>,
    /// Its capacity, in the unit of the substations' load; it goes before that of its meter. Without either it sets no
    /// limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Positive")]
    pub capacity: Option<f64>,
    /// Its meter; without one its load is the sum of its substations' loads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<FeederLoad>,
}

/// The meter of a feeder. What the file leaves out is as in the `load` of the substations.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["address"]))]
pub struct FeederLoad {
    /// The address of its metrics; a host name is looked up once, when the file is read.
    #[schemars(with = "json_schema::Address")]
    pub address: SocketAddr,
    /// Host and port as written, if the host is a name. It does not count when two are compared, as a substation's.
    #[serde(skip)]
    #[schemars(skip)]
    pub host: Option<String>,
    /// The path of its metrics.
    #[schemars(with = "json_schema::Path")]
    pub path: String,
    /// The gauge of its load, which counts all that it supplies.
    #[serde(serialize_with = "show::series")]
    #[schemars(with = "json_schema::Series")]
    pub metric: Series,
    /// The gauge of its capacity; it may be missing.
    #[serde(serialize_with = "show::series")]
    #[schemars(with = "json_schema::Series")]
    pub capacity_metric: Series,
    /// How several matching series of a gauge are combined.
    pub aggregate: Aggregate,
    /// The time from one scrape to the next.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub interval: Duration,
    /// The limit of one scrape, from connecting to its last byte.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// What scrapes carry, to be let in; without it, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// Whether TLS is spoken there, if not as `upstream.tls` says.
    #[serde(skip_serializing_if = "SubstationTls::is_default")]
    #[schemars(with = "json_schema::SubstationTls")]
    pub tls: SubstationTls,
}

impl PartialEq for FeederLoad {
    fn eq(&self, other: &Self) -> bool {
        // Named one by one, so that a new field is not forgotten.
        let Self {
            address,
            host: _,
            path,
            metric,
            capacity_metric,
            aggregate,
            interval,
            timeout,
            authorization,
            tls,
        } = self;
        (*address, path, metric, capacity_metric)
            == (
                other.address,
                &other.path,
                &other.metric,
                &other.capacity_metric,
            )
            && (*aggregate, *interval, *timeout) == (other.aggregate, other.interval, other.timeout)
            && (authorization, tls) == (&other.authorization, &other.tls)
    }
}

impl FeederLoad {
    /// What scrapes carry as `host`: the name where it is configured by name, the address otherwise.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.host.clone();
        host.unwrap_or_else(|| self.address.to_string())
    }
}
