//! The sources of substations that the file does not list.

mod allow;
mod read;

pub use allow::LeftOut;
pub(super) use read::discovery;

use super::{Authorization, Network, UpstreamTls, json_schema, show};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt, net::SocketAddr, time::Duration};
use strum::EnumString;
use thiserror::Error;

/// The most sources of one kind: each costs a task and a few series, and a longer list is a mistake.
const MOST_SOURCES: usize = 100;

/// The sources. If two find the same substation, the first wins.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Discovery {
    /// The addresses that a source may give. A link-local address must be in a range of link-local addresses; what no
    /// substation can have is never allowed.
    #[schemars(with = "Vec<json_schema::Network>", length(min = 1))]
    pub allow: Vec<Network>,
    /// Files of targets, in the format of Prometheus' `file_sd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<json_schema::ShortForm<FileSource>>", length(max = MOST_SOURCES))]
    pub file_sd: Vec<FileSource>,
    /// URLs of targets, in the format of Prometheus' `http_sd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<json_schema::ShortForm<HttpSource>>", length(max = MOST_SOURCES))]
    pub http_sd: Vec<HttpSource>,
    /// DNS names; each of their addresses is a substation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<json_schema::ShortForm<DnsSource>>", length(max = MOST_SOURCES))]
    pub dns: Vec<DnsSource>,
}

/// Files of targets, each re-read when it changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["files"]))]
pub struct FileSource {
    /// A file or, with `*` in its last segment, all matching files; relative to the configuration's folder.
    #[schemars(with = "json_schema::Text")]
    pub files: String,
    /// How often they are read even without a change; host names in them are looked up again then.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub refresh: Duration,
    /// Whether an answer without targets is accepted.
    pub allow_empty: bool,
}

/// A URL of targets.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct HttpSource {
    /// The URL, requested with GET.
    #[schemars(with = "json_schema::Text")]
    pub url: String,
    /// The time from one answer to the next request.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub refresh: Duration,
    /// The limit of one request, from connecting to the answer's last byte.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// Whether an answer without targets is accepted.
    pub allow_empty: bool,
    /// What requests carry, to be let in; without it, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Authorization>,
    /// TLS for a URL that begins with `https://`; without it, the system's authorities are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
}

/// A DNS name; each of its addresses is a substation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
pub struct DnsSource {
    /// The name to look up.
    #[schemars(with = "json_schema::Text")]
    pub name: String,
    /// The port of each address; SRV records bring their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The records to look up.
    #[serde(rename = "type")]
    pub records: Records,
    /// Which addresses of a host count if it has both kinds: one host is one substation.
    pub family: Family,
    /// The time from one answer to the next query, whatever the records' time to live.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub refresh: Duration,
    /// The limit of one refresh, from the first query to the last answer.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// Whether an answer without records is accepted.
    pub allow_empty: bool,
    /// The name server; by default those of `/etc/resolv.conf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Address")]
    pub resolver: Option<SocketAddr>,
}

/// Which records of a name are substations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "UPPERCASE")]
#[strum(
    serialize_all = "UPPERCASE",
    parse_err_ty = UnknownRecords,
    parse_err_fn = unknown_records
)]
pub enum Records {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Both are looked up; [`Family`] says which count.
    #[serde(rename = "A+AAAA")]
    #[strum(serialize = "A+AAAA")]
    Both,
    /// Services, each with a host and a port.
    Srv,
}

/// Which addresses of a host count if it has both IPv4 and IPv6 addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(
    serialize_all = "lowercase",
    parse_err_ty = UnknownFamily,
    parse_err_fn = unknown_family
)]
pub enum Family {
    /// The IPv4 addresses; the IPv6 addresses only where there are no others.
    #[default]
    Ipv4,
    /// The IPv6 addresses; the IPv4 addresses only where there are no others.
    Ipv6,
    /// All of them: each is a substation.
    Both,
}

/// The word is not a family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a family of addresses: write ipv4, ipv6 or both")]
pub struct UnknownFamily;

fn unknown_family(_: &str) -> UnknownFamily {
    UnknownFamily
}

/// The word is not a record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is not a record type: write A, AAAA, A+AAAA or SRV")]
pub struct UnknownRecords;

fn unknown_records(_: &str) -> UnknownRecords {
    UnknownRecords
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            allow: allow::EVERYTHING.to_vec(),
            file_sd: Vec::new(),
            http_sd: Vec::new(),
            dns: Vec::new(),
        }
    }
}

impl Discovery {
    /// Whether there is no source.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file_sd.is_empty() && self.http_sd.is_empty() && self.dns.is_empty()
    }
}

/// The source's name in logs and metrics.
impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file_sd:{}", self.files)
    }
}

/// The source's name in logs and metrics.
impl fmt::Display for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http_sd:{}", self.url)
    }
}

/// The source's name in logs and metrics.
impl fmt::Display for DnsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dns:{}", self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}
