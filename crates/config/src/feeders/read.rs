//! Reads the feeders of the file.

use super::{Feeder, FeederLoad, MOST_FEEDERS, tree};
use crate::{
    Aggregate, Authorization, Load, Series, SubstationTls,
    names::Names,
    substation::{References, elsewhere},
    tree::Node,
    upstream_tls::{authorization, substation_tls},
    values,
    walk::Section,
};
use humantime::format_duration as shown;
use std::{net::SocketAddr, time::Duration};

/// The feeders as they are written: what their meters leave out is not known yet.
pub(crate) struct Written(Vec<(Feeder, Option<Meter>)>);

/// A meter as it is written.
struct Meter {
    /// Its path in the file.
    path_here: String,
    address: SocketAddr,
    host: Option<String>,
    path: Option<String>,
    metric: Option<Series>,
    capacity_metric: Option<Series>,
    aggregate: Option<Aggregate>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    authorization: Option<Authorization>,
    tls: SubstationTls,
}

impl Written {
    /// The feeders, with what their meters leave out as in `load`. A meter must be read before its sample is stale.
    pub(crate) fn complete(self, file: &mut Section<'_>, load: &Load) -> Vec<Feeder> {
        let is_known = !file.has_fault("load.stale_after");
        for meter in self.0.iter().filter_map(|(_, meter)| meter.as_ref()) {
            let Some(interval) = meter.interval else {
                continue;
            };
            if is_known && interval > load.scrape_stale_after() {
                file.refuse(&format!("{}.interval", meter.path_here), || {
                    let rule = format!(
                        "must be load.stale_after ({}) or less, or every sample of this meter would be stale",
                        shown(load.scrape_stale_after())
                    );
                    (format!("{:?}", shown(interval).to_string()), rule)
                });
            }
        }
        let complete = |(feeder, meter): (Feeder, Option<Meter>)| Feeder {
            load: meter.map(|meter| meter.complete(load)),
            ..feeder
        };
        self.0.into_iter().map(complete).collect()
    }
}

impl Meter {
    fn complete(self, load: &Load) -> FeederLoad {
        FeederLoad {
            address: self.address,
            host: self.host,
            path: self.path.unwrap_or_else(|| load.path.clone()),
            metric: self.metric.unwrap_or_else(|| load.metric.clone()),
            capacity_metric: self
                .capacity_metric
                .unwrap_or_else(|| load.capacity_metric.clone()),
            aggregate: self.aggregate.unwrap_or(load.aggregate),
            interval: self.interval.unwrap_or(load.scrape_interval()),
            timeout: self.timeout.unwrap_or(load.timeout),
            authorization: self.authorization.or_else(|| load.authorization.clone()),
            tls: self.tls,
        }
    }
}

/// The feeders: names are unique, also among substations, and every feeder that is named exists.
pub(crate) fn feeders(
    file: &mut Section<'_>,
    own: &[(&str, SocketAddr)],
    names: &mut Names,
    references: &References,
) -> Written {
    const EXAMPLE: &str = "feeders: [{name: feeder7, capacity: 304}]";
    let nodes = file.optional("feeders", |node| match node {
        Node::List(items) if items.is_empty() => Ok(Vec::new()),
        other => values::list(other, EXAMPLE, MOST_FEEDERS),
    });
    if nodes.is_none() && file.has("feeders") {
        // Which feeders there should be is not known.
        return Written(Vec::new());
    }
    let mut entries = Vec::new();
    let feeders = file.each("feeders", &nodes.unwrap_or_default(), |s, path| {
        let mut written = None;
        let name = s.required("name", "name: feeder7", |node| {
            let name = values::name(node)?;
            written = Some(name.clone());
            names.claim(name, &format!("{path}.name"))
        });
        let parent = s.optional("parent", values::name);
        entries.push(tree::Entry {
            path: path.to_owned(),
            name: written,
            parent: parent.clone(),
        });
        let capacity = s.optional("capacity", capacity);
        let meter = s.optional_section("load", |s| meter(s, format!("{path}.load"), own));
        let feeder = Feeder {
            name: name?,
            parent,
            capacity,
            load: None,
        };
        Some((feeder, meter))
    });
    tree::check(file, &entries, names, references);
    Written(feeders)
}

/// A capacity, which zero is not.
fn capacity(node: &Node) -> Result<f64, String> {
    match node {
        Node::Number(number, _) if number.as_f64() == 0.0 => {
            Err("must be above 0: to switch a feeder off, drain its substations".to_owned())
        }
        other => values::load(other),
    }
}

fn meter(s: &mut Section<'_>, path_here: String, own: &[(&str, SocketAddr)]) -> Option<Meter> {
    let mut host = None;
    let address = s.required("address", "address: 10.0.0.9:9100", |node| {
        host = values::named_host(node);
        elsewhere(values::upstream(node)?, own)
    });
    let path = s.optional("path", values::path);
    let metric = s.optional("metric", values::parsed);
    let capacity_metric = s.optional("capacity_metric", values::parsed);
    let aggregate = s.optional("aggregate", values::parsed);
    let interval = s.optional("interval", values::interval);
    let timeout = s.optional("timeout", values::duration);
    let authorization = authorization(s);
    let tls = substation_tls(s);
    Some(Meter {
        path_here,
        address: address?,
        host,
        path,
        metric,
        capacity_metric,
        aggregate,
        interval,
        timeout,
        authorization,
        tls,
    })
}
