//! One substation, as the file lists it or a discovery finds it.

mod read;

pub(super) use read::{References, elsewhere, substations};

use super::{SubstationTls, json_schema, labels};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, net::SocketAddr};

/// One substation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name", "address"]))]
pub struct Substation {
    /// Its name in logs, metrics and the answer's `x-substation`.
    #[schemars(with = "json_schema::Name")]
    pub name: String,
    /// The address where it listens; a host name is looked up once, when the file is read.
    #[schemars(with = "json_schema::Address")]
    pub address: SocketAddr,
    /// Host and port as written, if the host is a name: what requests to it carry as `host`. It does not count when
    /// two substations are compared, because a configuration that is shown has the address in its place.
    #[serde(skip)]
    #[schemars(skip)]
    pub host: Option<String>,
    /// Its capacity, in the unit of its load gauge; without it, its capacity gauge says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Positive")]
    pub capacity: Option<f64>,
    /// The feeder that supplies it, whose limit it shares with others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Name")]
    pub feeder: Option<String>,
    /// What a request can ask for by `select`. A value may be a list with commas.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(
        with = "BTreeMap<json_schema::LabelName, json_schema::LabelValue>",
        default,
        extend("maxProperties" = labels::MOST_LABELS)
    )]
    pub labels: BTreeMap<String, String>,
    /// Whether TLS is spoken there, if not as `upstream.tls` says.
    #[serde(skip_serializing_if = "SubstationTls::is_default")]
    #[schemars(with = "json_schema::SubstationTls")]
    pub tls: SubstationTls,
    /// Whether it gets no new sessions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub drain: bool,
    /// Whether a label of a discovery source says the same. No file says it, so it is not shown as if one did.
    #[serde(skip)]
    #[schemars(skip)]
    pub drain_label: bool,
}

impl PartialEq for Substation {
    fn eq(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.address, one.capacity, one.drain, one.drain_label);
        self.name == other.name
            && key(self) == key(other)
            && self.feeder == other.feeder
            && self.labels == other.labels
            && self.tls == other.tls
    }
}

impl Substation {
    /// One of which only this is known.
    #[must_use]
    pub const fn new(name: String, address: SocketAddr) -> Self {
        Self {
            name,
            address,
            host: None,
            capacity: None,
            feeder: None,
            labels: BTreeMap::new(),
            tls: SubstationTls::AsUpstream,
            drain: false,
            drain_label: false,
        }
    }

    /// What requests to it carry as `host`: its name where it is configured by name (RFC 9110 §7.2), its address
    /// otherwise.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.host.clone();
        host.unwrap_or_else(|| self.address.to_string())
    }
}
