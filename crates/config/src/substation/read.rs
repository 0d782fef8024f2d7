//! Reads the substations of the file.

use super::Substation;
use crate::{
    bounds::MOST_SUBSTATIONS,
    labels::labels,
    names::{Names, taken},
    tree::Node,
    upstream_tls::substation_tls,
    values,
    walk::Section,
};
use std::{collections::HashMap, net::SocketAddr};
use switchyard_address::reaches;

/// Which feeders are named, and where: each with the path of the key.
pub(crate) type References = Vec<(String, String)>;

/// The substations: names and addresses are unique, and no address is one of the proxy's `own`. The list may be
/// empty where there is a discovery.
pub(crate) fn substations(
    file: &mut Section<'_>,
    own: &[(&str, SocketAddr)],
    names: &mut Names,
    feeders: &mut References,
) -> Vec<Substation> {
    const EXAMPLE: &str = "substations: [{name: substation1, address: 127.0.0.1:5001}]";
    let read = |node: &Node| values::list(node, EXAMPLE, MOST_SUBSTATIONS);
    let nodes = if file.has("discovery") {
        file.optional("substations", |node| match node {
            Node::List(items) if items.is_empty() => Ok(Vec::new()),
            other => read(other),
        })
    } else {
        file.required("substations", EXAMPLE, read)
    };
    let Some(nodes) = nodes else {
        return Vec::new();
    };

    let mut addresses: HashMap<SocketAddr, String> = HashMap::new();
    file.each("substations", &nodes, |s, path| {
        let name = s.required("name", "name: substation1", |node| {
            names.claim(values::name(node)?, &format!("{path}.name"))
        });
        let mut host = None;
        let address = s.required("address", "address: 127.0.0.1:5001", |node| {
            host = values::named_host(node);
            let address = elsewhere(values::upstream(node)?, own)?;
            if let Some(owner) = addresses.get(&address) {
                return Err(taken(&address, owner));
            }
            addresses.insert(address, format!("{path}.address"));
            Ok(address)
        });
        let capacity = s.optional("capacity", values::load);
        let feeder = s.optional("feeder", values::name);
        if let Some(feeder) = &feeder {
            feeders.push((format!("{path}.feeder"), feeder.clone()));
        }
        let labels = labels(s);
        let tls = substation_tls(s);
        let drain = s.value("drain", false, values::boolean);
        Some(Substation {
            name: name?,
            address: address?,
            host,
            capacity,
            feeder,
            labels,
            tls,
            drain,
            drain_label: false,
        })
    })
}

/// The address, unless one of the proxy's `own` listeners is reached there.
pub(crate) fn elsewhere(
    address: SocketAddr,
    own: &[(&str, SocketAddr)],
) -> Result<SocketAddr, String> {
    let mut own = own.iter();
    match own.find(|(_, listen)| reaches(address, *listen)) {
        Some((owner, _)) => Err(taken(&address, owner)),
        None => Ok(address),
    }
}
