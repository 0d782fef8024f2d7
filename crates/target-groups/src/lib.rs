//! Prometheus' target groups, read as substations.
//!
//! `[{targets: ["host:port", …], labels: {name: …, capacity: …, feeder: …, drain: …, zone: …}}]`, in JSON or YAML:
//! Prometheus reads the same text. The labels `name`, `capacity`, `feeder` and `drain` are keys of a substation, `scheme`
//! says whether TLS is spoken there, and the others are its labels, but for those that begin with `__`. One invalid target invalidates the whole
//! answer, because a partial answer would take the other substations out of service.
//!
//! The crate opens nothing and looks nothing up: a [`Target`] whose host is a name becomes a substation with the address
//! that the caller has found.

mod groups;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use thiserror::Error;

use groups::Group;
use switchyard_bounded::{Shown, yaml};
use switchyard_config::{
    Endpoint, Fault, MOST_LABELS, MOST_SUBSTATIONS, SubstationTls, check_connectable, check_host,
    check_label_length, check_load, check_name, parse_endpoint,
};

/// The most faults of one answer that a message names.
const MOST_FAULTS: usize = 5;
/// The most faults of one answer that are noted.
const MOST_NOTED: usize = 1_000;
/// The most memory for the labels of one answer, in bytes. A group with a few can have ten thousand targets, and each
/// gets its own.
const MOST_LABEL_MEMORY: usize = 64 << 20;
/// About what a label takes besides its text.
const LABEL_OVERHEAD: usize = 128;

/// A substation that a source found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its name: the label `name`, else the target as written, like Prometheus' `instance`.
    pub name: String,
    /// Whether the name comes from a label.
    pub is_named: bool,
    /// Its address.
    pub address: SocketAddr,
    /// Host and port, if the source names the host.
    pub host: Option<String>,
    /// Its capacity, in the unit of its load gauge, if a label gives one.
    pub capacity: Option<f64>,
    /// The feeder that supplies it, if a label names one.
    pub feeder: Option<String>,
    /// Its other labels.
    pub labels: BTreeMap<String, String>,
    /// Whether TLS is spoken there, if a label says so.
    pub tls: SubstationTls,
    /// Whether a label says that it gets no new sessions.
    pub drain: bool,
}

/// How target groups are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As JSON.
    Json,
    /// As YAML.
    Yaml,
}

/// Why a text can't be read as target groups.
#[derive(Debug, Error)]
pub enum Malformed {
    /// It is not JSON, or not of this shape.
    #[error("is not a JSON list of target groups: {}", Shown::value(.0))]
    Json(#[from] serde_json::Error),
    /// It is not YAML.
    #[error("is not a YAML list of target groups: {}", Shown::value(.0))]
    Yaml(#[from] yaml::Error),
    /// It is YAML, but not of this shape.
    #[error("is not a YAML list of target groups: {}", Shown::value(.0))]
    Shape(String),
    /// More targets than the limit.
    #[error("has {0} targets; the most is {MOST_SUBSTATIONS}")]
    TooMany(usize),
    /// More labels than the limit.
    #[error("has too many labels for its targets: all of them take more than {} MiB", MOST_LABEL_MEMORY >> 20)]
    TooManyLabels,
    /// Some of it breaks a rule.
    #[error("{}", shown(.0))]
    Faults(Vec<Fault>),
}

fn shown(faults: &[Fault]) -> String {
    let mut named: Vec<_> = faults
        .iter()
        .take(MOST_FAULTS)
        .map(Fault::to_string)
        .collect();
    if faults.len() > MOST_FAULTS {
        named.push(format!("and {} more", faults.len() - MOST_FAULTS));
    }
    named.join("; ")
}

/// A target; its host may not be looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    host: Host,
    port: u16,
    name: String,
    is_named: bool,
    capacity: Option<f64>,
    feeder: Option<String>,
    labels: BTreeMap<String, String>,
    tls: SubstationTls,
    drain: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Host {
    /// The whole address: a link-local one has a scope.
    At(SocketAddr),
    Name(String),
}

impl Target {
    /// The host, if it is a name that must be looked up.
    #[must_use]
    pub fn name_to_look_up(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::At(_) => None,
        }
    }

    /// The substation. `known` says which address a name has; `None` if it does not say.
    pub fn found(self, known: impl Fn(&str) -> Option<IpAddr>) -> Option<Found> {
        let (address, host) = match self.host {
            Host::At(address) => (address, None),
            Host::Name(name) => {
                let host = format!("{name}:{}", self.port);
                (SocketAddr::new(known(&name)?, self.port), Some(host))
            }
        };
        Some(Found {
            name: self.name,
            is_named: self.is_named,
            address,
            host,
            capacity: self.capacity,
            feeder: self.feeder,
            labels: self.labels,
            tls: self.tls,
            drain: self.drain,
        })
    }
}

/// Parses target groups; reports every fault.
pub fn parse(content: &[u8], format: Format) -> Result<Vec<Target>, Malformed> {
    let (groups, count) = groups::read(content, format)?;
    if count > MOST_SUBSTATIONS {
        return Err(Malformed::TooMany(count));
    }

    let mut targets = Vec::with_capacity(count);
    let mut faults = Vec::new();
    let memory = |group: &Group| {
        let labels = group.labels.iter();
        let one = labels.map(|(name, value)| LABEL_OVERHEAD + name.len() + value.len());
        group.targets.len().saturating_mul(one.sum())
    };
    let memory = groups.iter().map(memory).fold(0, usize::saturating_add);
    if memory > MOST_LABEL_MEMORY {
        return Err(Malformed::TooManyLabels);
    }
    for (index, group) in groups.into_iter().enumerate() {
        read(index, group, &mut targets, &mut faults);
    }
    if faults.is_empty() {
        Ok(targets)
    } else {
        Err(Malformed::Faults(faults))
    }
}

fn read(index: usize, group: Group, targets: &mut Vec<Target>, faults: &mut Vec<Fault>) {
    let Group {
        targets: addresses,
        mut labels,
    } = group;
    let [name, capacity, feeder, drain, scheme] =
        ["name", "capacity", "feeder", "drain", "scheme"].map(|key| labels.remove(key));
    let prometheus = labels.remove(groups::SCHEME);
    let scheme = scheme.or(prometheus);
    let mut note = |place: String, value: &str, rule: String| {
        if faults.len() == MOST_NOTED {
            return;
        }
        let shown = || Shown::value(format_args!("{value:?}")).to_string();
        faults.push(Fault {
            path: format!("[{index}].{place}"),
            value: if value.is_empty() {
                String::new()
            } else {
                shown()
            },
            rule,
            line: None,
        });
    };

    if let Some(name) = &name {
        if let Err(rule) = check_name(name) {
            note("labels.name".to_owned(), name, rule);
        } else if addresses.len() > 1 {
            let rule = format!(
                "stands for {} targets: give each its own group, or leave the label out",
                addresses.len()
            );
            note("labels.name".to_owned(), name, rule);
        }
    }
    let capacity = capacity.and_then(|text| {
        let capacity = check_load(text.parse().ok());
        capacity
            .map_err(|rule| note("labels.capacity".to_owned(), &text, rule))
            .ok()
    });
    if let Some(feeder) = &feeder
        && let Err(rule) = check_name(feeder)
    {
        note("labels.feeder".to_owned(), feeder, rule);
    }
    if labels.len() > MOST_LABELS {
        let rule = format!(
            "has {} labels besides its keys; the most is {MOST_LABELS}",
            labels.len()
        );
        note("labels".to_owned(), "", rule);
    }
    for (name, value) in &labels {
        if let Err(rule) = check_label_length(name, value) {
            note(format!("labels.{}", Shown::value(name)), value, rule);
        }
    }
    let drain = match drain.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let rule = "must be true or false".to_owned();
            note("labels.drain".to_owned(), other, rule);
            false
        }
    };
    let tls = match scheme.as_deref() {
        None => SubstationTls::AsUpstream,
        Some("http") => SubstationTls::Off,
        Some("https") => SubstationTls::On { server_name: None },
        Some(other) => {
            note(
                "labels.scheme".to_owned(),
                other,
                "must be http or https".to_owned(),
            );
            SubstationTls::AsUpstream
        }
    };
    for (position, address) in addresses.iter().enumerate() {
        match parts(address) {
            Ok((host, port)) => targets.push(Target {
                host,
                port,
                is_named: name.is_some(),
                name: name.clone().unwrap_or_else(|| address.clone()),
                capacity,
                feeder: feeder.clone(),
                labels: labels.clone(),
                tls: tls.clone(),
                drain,
            }),
            Err(rule) => note(format!("targets[{position}]"), address, rule),
        }
    }
}

fn parts(target: &str) -> Result<(Host, u16), String> {
    match parse_endpoint(target)? {
        Endpoint::At(address) => check_connectable(address).map(|at| (Host::At(at), at.port())),
        Endpoint::Host(_, 0) => Err("needs the port that it listens on, not 0".to_owned()),
        Endpoint::Host(host, port) => {
            check_host(host)?;
            Ok((Host::Name(host.to_owned()), port))
        }
    }
}

#[cfg(test)]
mod tests;
