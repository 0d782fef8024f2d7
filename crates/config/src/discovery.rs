//! Where substations are found that the file does not list.
//!
//! An entry may be written short, as the one text that it needs; it is read as the map that it stands for, so that
//! both are checked by the same rules.

use super::{json_schema, show, tree::Node, values, walk::Section};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};
use thiserror::Error;

/// The most sources of one kind: each is a task and a few series, and more is a list gone wrong.
const MOST_SOURCES: usize = 100;

/// The sources, in the order in which they win where two find the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(default, deny_unknown_fields)]
pub struct Discovery {
    /// Files of targets, as Prometheus' `file_sd` reads them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<json_schema::ShortForm<FileSource>>", length(max = MOST_SOURCES))]
    pub file_sd: Vec<FileSource>,
    /// Addresses that answer with targets, as Prometheus' `http_sd` asks them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<json_schema::ShortForm<HttpSource>>", length(max = MOST_SOURCES))]
    pub http_sd: Vec<HttpSource>,
    /// Names whose every address is a substation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<json_schema::ShortForm<DnsSource>>", length(max = MOST_SOURCES))]
    pub dns: Vec<DnsSource>,
}

/// Files of targets, each re-read when it changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["files"]))]
pub struct FileSource {
    /// A file or, with `*` in its last segment, all that match; relative to the configuration's folder.
    #[schemars(with = "json_schema::Text")]
    pub files: String,
    /// How often they are read besides; host names in them are looked up anew then.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub refresh: Duration,
    /// Whether an answer without any target is taken.
    pub allow_empty: bool,
}

/// A URL that answers with targets.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["url"]))]
pub struct HttpSource {
    /// What is asked with GET.
    #[schemars(with = "json_schema::Text")]
    pub url: String,
    /// From one answer to the next question.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub refresh: Duration,
    /// For one question, from connecting to the answer's last byte.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// Whether an answer without any target is taken.
    pub allow_empty: bool,
}

/// A name whose every address is a substation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["name"]))]
pub struct DnsSource {
    /// The name that is asked for.
    #[schemars(with = "json_schema::Text")]
    pub name: String,
    /// The port of each address; SRV records bring their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The records that are asked for.
    #[serde(rename = "type")]
    pub records: Records,
    /// From one answer to the next question, whatever the records' time to live.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub refresh: Duration,
    /// For one look, from the first question to the last answer.
    #[serde(serialize_with = "show::duration")]
    #[schemars(with = "json_schema::Duration")]
    pub timeout: Duration,
    /// Whether an answer without any record is taken.
    pub allow_empty: bool,
    /// The server that is asked; by default those of `/etc/resolv.conf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Address")]
    pub resolver: Option<SocketAddr>,
}

/// Which records of a name are substations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Records {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    #[serde(rename = "AAAA")]
    Aaaa,
    /// Both.
    #[serde(rename = "A+AAAA")]
    Both,
    /// Services, each with its host and port.
    #[serde(rename = "SRV")]
    Srv,
}

/// The word is no kind of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is no kind of records: write A, AAAA, A+AAAA or SRV")]
pub struct UnknownRecords;

impl FromStr for Records {
    type Err = UnknownRecords;

    fn from_str(text: &str) -> Result<Self, UnknownRecords> {
        match text {
            "A" => Ok(Self::A),
            "AAAA" => Ok(Self::Aaaa),
            "A+AAAA" => Ok(Self::Both),
            "SRV" => Ok(Self::Srv),
            _ => Err(UnknownRecords),
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

/// What logs and metrics call the source.
impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file_sd:{}", self.files)
    }
}

/// What logs and metrics call the source.
impl fmt::Display for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http_sd:{}", self.url)
    }
}

/// What logs and metrics call the source.
impl fmt::Display for DnsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dns:{}", self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

pub(super) fn discovery(s: &mut Section<'_>) -> Discovery {
    Discovery {
        file_sd: sources(
            s,
            "file_sd",
            "file_sd: [targets.json]",
            |text| vec![("files", Node::Text(text.to_owned()))],
            |s, taken| {
                let files = s.required("files", "files: targets.json", |node| {
                    claim_source(taken, values::targets(node)?)
                });
                let refresh = s.value("refresh", Duration::from_mins(5), values::refresh);
                let allow_empty = s.value("allow_empty", false, values::boolean);
                Some(FileSource {
                    files: files?,
                    refresh,
                    allow_empty,
                })
            },
        ),
        http_sd: sources(
            s,
            "http_sd",
            "http_sd: [{url: \"http://127.0.0.1:8000/targets\"}]",
            |text| vec![("url", Node::Text(text.to_owned()))],
            |s, taken| {
                let url = s.required("url", "url: http://127.0.0.1:8000/targets", |node| {
                    claim_source(taken, values::url(node)?)
                });
                let refresh = s.value("refresh", Duration::from_secs(30), values::refresh);
                let timeout = s.value("timeout", Duration::from_secs(10), values::duration);
                let allow_empty = s.value("allow_empty", false, values::boolean);
                Some(HttpSource {
                    url: url?,
                    refresh,
                    timeout,
                    allow_empty,
                })
            },
        ),
        dns: sources(
            s,
            "dns",
            "dns: [{name: substation, port: 5001}]",
            short_dns,
            dns,
        ),
    }
}

fn dns(s: &mut Section<'_>, taken: &mut Vec<String>) -> Option<DnsSource> {
    let name = s.required("name", "name: substation", values::host);
    // Records are read first, since they say whether there is a port; in messages its key stands first.
    let is_srv = name.as_ref().is_some_and(|name| name.starts_with('_'));
    let default = if is_srv { Records::Srv } else { Records::Both };
    let port = s.optional("port", values::whole(1..=u16::MAX));
    let records = s.value("type", default, values::parsed);
    let refresh = s.value("refresh", Duration::from_secs(5), values::refresh);
    let timeout = s.value("timeout", Duration::from_secs(2), values::duration);
    let allow_empty = s.value("allow_empty", false, values::boolean);
    let resolver = s.optional("resolver", values::resolver);
    if s.is_sound() {
        match (records, port) {
            (Records::Srv, Some(port)) => s.fault(
                "port",
                port.to_string(),
                "SRV records bring their ports: remove it, or write the `type` of an address",
            ),
            (Records::Srv, None) | (_, Some(_)) => {}
            (_, None) => s.fault(
                "port",
                String::new(),
                "is missing: write it as in `port: 5001`, or `type: SRV`",
            ),
        }
    }
    let source = DnsSource {
        name: name?,
        port,
        records,
        refresh,
        timeout,
        allow_empty,
        resolver,
    };
    if !s.is_sound() {
        return None;
    }
    match claim_source(taken, source.to_string()) {
        Ok(_) => Some(source),
        Err(rule) => {
            s.fault("name", format!("{:?}", source.name), &rule);
            None
        }
    }
}

/// `substation:5001`, or `_charge._tcp.substation` for SRV.
fn short_dns(text: &str) -> Vec<(&'static str, Node)> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, port.parse::<u64>().ok()),
        None => (text, None),
    };
    match port {
        Some(port) => vec![
            ("name", Node::Text(name.to_owned())),
            ("port", Node::Number(port.into())),
        ],
        None => vec![("name", Node::Text(text.to_owned()))],
    }
}

/// The sources of one kind, short or as a map; `read` also gets the names that are taken.
fn sources<T>(
    s: &mut Section<'_>,
    key: &'static str,
    example: &str,
    long: impl Fn(&str) -> Vec<(&'static str, Node)>,
    mut read: impl FnMut(&mut Section<'_>, &mut Vec<String>) -> Option<T>,
) -> Vec<T> {
    let nodes = s.optional(key, |node| values::list(node, example, MOST_SOURCES));
    let mut nodes = nodes.unwrap_or_default();
    for node in &mut nodes {
        if let Node::Text(text) = node {
            let entries = long(text).into_iter();
            *node = Node::Map(entries.map(|(key, node)| (key.to_owned(), node)).collect());
        }
    }
    let mut taken = Vec::new();
    s.each(key, &nodes, |s, _| read(s, &mut taken))
}

/// `name`, unless it is there already: a source is known by its name.
fn claim_source(taken: &mut Vec<String>, name: String) -> Result<String, String> {
    if taken.contains(&name) {
        return Err("is a source already: remove one".to_owned());
    }
    taken.push(name.clone());
    Ok(name)
}
