//! The configuration: from the file as written to a [`Config`] that is checked and complete.
//!
//! An operator who mistypes three keys learns of all three. A derived reader stops at the first fault, so the file is
//! parsed into a plain [`tree`](mod@tree) instead, and walked: each value that does not fit is noted as a [`Fault`] (its path,
//! its text, the rule that it breaks), its default takes its place, and the walk goes on. Only a walk without a fault
//! yields a [`Config`].
//!
//! [`walk`] does the walking, [`read`] lists the keys, [`values`] parses single values, and [`rules`] checks pairs of
//! them. A new key is one field in [`model`], one line in [`read`] and one row in `docs/configuration.md`.
//! [`json_schema`] generates the JSON Schema that is kept in `config/switchyard.schema.json`; [`advice`] reports what
//! is legal but unwise.
//!
//! Nothing is opened or bound here: the crates that use a named file read it. The only access to the outside is the
//! look-up of host names, once for each load. It takes as long as the system's resolver does, so keep it off the
//! threads that serve requests.

mod advice;
mod aggregate;
mod bounds;
mod clients;
mod discovery;
mod error;
mod error_shape;
mod feeders;
mod files;
mod fleet;
mod forwarded;
mod json_schema;
mod key_room;
mod labels;
mod lasts;
mod limits;
mod listen;
mod load;
mod logs;
mod max_requests;
mod model;
mod names;
mod nearest;
mod network;
mod pipeline;
mod policy;
mod prometheus;
mod read;
mod routes;
mod rules;
mod select;
mod series;
mod show;
mod substation;
#[cfg(test)]
mod tests;
mod tracing;
mod tree;
mod upstream_tls;
mod values;
mod walk;

pub use advice::Advice;
pub use aggregate::{Aggregate, UnknownAggregate};
pub use clients::{Client, MOST_CLIENTS, NoHash, NoRate, Rate, TokenHash};
pub use discovery::{
    Discovery, DnsSource, Family, FileSource, HttpSource, LeftOut, Records, UnknownFamily,
    UnknownRecords,
};
pub use error::{Error, Fault, Faults};
pub use error_shape::{ErrorShape, UnknownErrorShape};
pub use feeders::{Feeder, FeederLoad, MOST_FEEDERS, MOST_LEVELS, Outline};
pub use fleet::{Fleet, NoStore, StoreAddress, UnknownConduct, WhenUnreachable};
pub use forwarded::{Forwarded, ForwardedHeaders};
pub use key_room::KeyRoom;
pub use labels::{MOST_LABELS, check_label_length, is_key_label, is_label_name};
pub use lasts::{Lasts, RouteLasts, UnknownLasts, UnknownRouteLasts};
pub use limits::{ClientLimits, Limits};
pub use load::Load;
pub use logs::{
    AccessLog, AccessLogFormat, AccessLogPath, Log, LogFormat, LogLevel, UnknownAccessLogFormat,
    UnknownLevel, UnknownLogFormat,
};
pub use max_requests::MaxRequests;
pub use model::{
    Admin, AdminTls, Admission, Balance, Charge, Drain, Health, Http2, Retry, State, Timeouts, Tls,
    Upstream,
};
pub use network::Network;
pub use pipeline::Pipeline;
pub use policy::{Policy, UnknownPolicy};
pub use prometheus::{Matching, Prometheus};
pub use routes::{Affinity, AffinityFrom, MOST_ROUTES, Route, RouteErrors, RouteLoad};
pub use select::{MOST_SELECTS, Select, SelectFrom};
pub use series::{MatchOp, Matcher, Series, SeriesError};

pub use substation::Substation;
pub use tracing::Tracing;
pub use upstream_tls::{Authorization, Ca, SubstationTls, UpstreamTls};

use schemars::JsonSchema;
use serde::Serialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use switchyard_bounded::{file, yaml};

use bounds::LARGEST_NOUN;
pub use bounds::MOST_SUBSTATIONS;
pub use read::connect_address;
pub use values::{Endpoint, check_connectable, check_host, check_load, check_name, parse_endpoint};

/// The most times that one request may be sent, so that the substations tried fit a fixed array.
pub const MOST_ATTEMPTS: usize = bounds::MOST_ATTEMPTS as usize;

/// What the proxy runs with: checked and complete. It is written out in the shape of the file.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(
    title = "Switchyard's configuration",
    deny_unknown_fields,
    extend("required" = [], "anyOf" = [
        {"required": ["substations"], "properties": {"substations": {"minItems": 1}}},
        {"required": ["discovery"]}
    ])
)]
pub struct Config {
    /// The addresses for charge requests, one or a list. Port 0 takes any free port.
    #[serde(serialize_with = "listen::show")]
    #[schemars(with = "json_schema::Listen", extend("default" = "127.0.0.1:8080"))]
    pub listen: Vec<SocketAddr>,
    /// Whether each connection to them begins with a header of the PROXY protocol.
    #[schemars(extend("default" = false))]
    pub listen_proxy_protocol: bool,
    /// The certificate of those addresses; without it, plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// HTTP/2 on those addresses.
    pub http2: Http2,
    /// The operator's side.
    pub admin: Admin,
    /// The substations to choose from, names and addresses unique; at least one, unless there is a discovery.
    #[schemars(length(max = bounds::MOST_SUBSTATIONS))]
    pub substations: Vec<Substation>,
    /// Limits that several substations share, as a tree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, length(max = MOST_FEEDERS))]
    pub feeders: Vec<Feeder>,
    /// By which labels requests select substations, in the order of the file.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "select::as_map"
    )]
    #[schemars(
        with = "std::collections::BTreeMap<json_schema::LabelName, Select>",
        default,
        extend("maxProperties" = MOST_SELECTS)
    )]
    pub select: Vec<Select>,
    /// Where further substations are found.
    #[serde(skip_serializing_if = "Discovery::is_empty")]
    #[schemars(default)]
    pub discovery: Discovery,
    /// The clients that may ask; with neither these nor a file of them every client may.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, length(max = MOST_CLIENTS))]
    pub clients: Vec<Client>,
    /// A file with such a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "json_schema::Text")]
    pub clients_file: Option<PathBuf>,
    /// All clients that may ask: those of [`Config::clients`], or of the file once [`Config::read_clients`] has read it.
    #[serde(skip)]
    #[schemars(skip)]
    pub listed_clients: Vec<Client>,
    /// Further paths that clients may ask for, in the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, length(max = MOST_ROUTES))]
    pub routes: Vec<Route>,
    /// What a charge request looks like.
    pub charge: Charge,
    /// How load is learned.
    pub load: Load,
    /// How a substation is chosen.
    #[schemars(with = "json_schema::Policy", extend("default" = Policy::default()))]
    pub policy: Policy,
    /// How exact the choice is.
    pub balance: Balance,
    /// How long each step of a request may take.
    pub timeouts: Timeouts,
    /// How requests are sent to substations.
    pub upstream: Upstream,
    /// How much the proxy takes on.
    pub limits: Limits,
    /// What a substation is told of the client.
    pub forwarded: Forwarded,
    /// What happens to requests for which no substation has room.
    pub admission: Admission,
    /// When a request is sent again.
    pub retry: Retry,
    /// What several proxies share; without it, each proxy is for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
    /// What survives the end of the process; without it, nothing is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// When a substation is ejected for its failures, and how it returns.
    pub health: Health,
    /// How the proxy stops.
    pub drain: Drain,
    /// A line for each request; without it, none is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
    /// The proxy's own log, on standard error.
    pub log: Log,
    /// Which requests are traced; without it, none is traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Tracing>,
    /// Threads that serve requests; by default one for each core.
    #[schemars(range(min = 1, max = bounds::MOST_THREADS))]
    pub threads: usize,
}

impl Config {
    /// Reads and checks the file at `path`.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let (text, source) = (text(path)?, path.display().to_string());
        let config = Self::from_yaml(&text, &source)?;
        let mut faults = Vec::new();
        files::check_own(&config, path, &mut faults);
        if faults.is_empty() {
            return Ok(config);
        }
        Err(Error::Faults(Faults::within(source, faults, &text)))
    }

    /// By what requests select, those of routes too.
    pub fn selects(&self) -> impl Iterator<Item = &Select> {
        let of_routes = self.routes.iter().filter_map(|route| route.select.as_ref());
        self.select.iter().chain(of_routes.flatten())
    }

    /// Whether requests choose among some of the substations.
    #[must_use]
    pub fn has_choices_among_some(&self) -> bool {
        let has_affinity = self.routes.iter().any(|route| route.affinity.is_some());
        has_affinity || self.selects().next().is_some()
    }

    /// Whether clients may show certificates.
    pub(crate) fn has_client_ca(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some())
    }

    /// Reads and checks the file at `path`, and the file of clients that it may name.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut config = Self::from_file(path)?;
        config.read_clients()?;
        Ok(config)
    }

    /// Reads the file of clients, if there is one, and checks that its clients fit the rest. Not part of reading the
    /// configuration, so that what has none opens nothing.
    pub fn read_clients(&mut self) -> Result<(), Error> {
        let Some(file) = &self.clients_file else {
            return Ok(());
        };
        let (text, source) = (text(file)?, file.display().to_string());
        let clients = Client::list(&text, &source)?;
        let mut faults = Vec::new();
        if clients.is_empty() {
            faults.push(clients::none());
        }
        clients::check_certificates(&clients, self.has_client_ca(), &mut faults);
        clients::check_unlike(&self.clients, &clients, &mut faults);
        if faults.is_empty() {
            self.listed_clients = [self.clients.as_slice(), &clients].concat();
            return Ok(());
        }
        Err(Error::Faults(clients::faulty(&text, &source, faults)))
    }

    /// The admin port that the file at `path` sets, or the default one. Nothing else of the file is checked or looked
    /// up.
    pub fn admin_of(path: &Path) -> Result<Admin, Error> {
        let source_name = path.display().to_string();
        let text = text(path)?;
        let tree = tree(&text, &source_name)?;
        let mut faults = Vec::new();
        let admin = tree
            .get("admin")
            .map(|node| walk::walk("admin", node, &mut faults, read::admin));
        match admin {
            None => Ok(Admin::default()),
            Some(Some(admin)) if faults.is_empty() => Ok(admin),
            Some(_) => Err(Error::Faults(Faults::within(source_name, faults, &text))),
        }
    }

    /// The files of tokens that requests of the proxy itself carry, each with its key.
    pub fn credentials_files(&self) -> impl Iterator<Item = (String, &Path)> {
        let of = credentials_file;
        let load = of("load", self.load.authorization.as_ref());
        let prometheus = self.load.prometheus.as_ref();
        let prometheus = prometheus.and_then(|it| it.authorization.as_ref());
        let prometheus = of("load.prometheus", prometheus);
        let meters = self
            .feeders
            .iter()
            .enumerate()
            .filter_map(move |(at, feeder)| {
                let own = feeder.load.as_ref()?.authorization.as_ref();
                // What is as in `load` has its fault there.
                let own = own.filter(|own| Some(*own) != self.load.authorization.as_ref());
                of(&format!("feeders[{at}].load"), own)
            });
        let sources = self.discovery.http_sd.iter().enumerate();
        let sources = sources.filter_map(move |(at, source)| {
            of(
                &format!("discovery.http_sd[{at}]"),
                source.authorization.as_ref(),
            )
        });
        load.into_iter()
            .chain(prometheus)
            .chain(meters)
            .chain(sources)
    }

    /// Reads and checks `text`; `source` is its name in messages.
    pub fn from_yaml(text: &str, source: &str) -> Result<Self, Error> {
        let tree = tree(text, source)?;
        let mut faults = Vec::new();
        let config = walk::walk("", &tree, &mut faults, read::config);
        if let Some(config) = &config {
            rules::check(config, &mut faults);
        }
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(Error::Faults(Faults::within(
                source.to_owned(),
                faults,
                text,
            ))),
        }
    }
}

fn credentials_file<'a>(
    section: &str,
    authorization: Option<&'a Authorization>,
) -> Option<(String, &'a Path)> {
    let file = authorization?.credentials_file.as_path();
    Some((format!("{section}.authorization.credentials_file"), file))
}

/// The text of the file.
fn text(path: &Path) -> Result<String, Error> {
    file::read_text(path, bounds::LARGEST_FILE).map_err(|source| Error::Read {
        path: path.to_path_buf(),
        source,
    })
}

/// The tree that `text` is, whatever is in it.
fn tree(text: &str, source_name: &str) -> Result<tree::Node, Error> {
    let node = yaml::read(text).map_err(|source| Error::Syntax {
        source_name: source_name.to_owned(),
        source,
    })?;
    Ok(node.into())
}
