//! All addresses or services of a DNS name: they change with Compose's `--scale` and a headless Kubernetes service.
//!
//! The queries use a resolver of our own, since the system's neither asks for SRV nor says why there is no address.
//! A name that does not exist is an answer; a failing server is none.

pub(crate) mod servers;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use hickory_resolver::{
    net::NetError,
    proto::rr::{RData, RecordType, rdata::SRV},
};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::timeout;

use servers::NameServers;
use switchyard_address::canonical;
use switchyard_config::{DnsSource, Family, MOST_SUBSTATIONS, Records, SubstationTls};
use switchyard_target_groups::Found;

/// The most hosts of services that are looked up at once.
const LOOKUPS: usize = 16;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum DnsSourceError {
    #[error("no resolver: {0}")]
    Resolver(NetError),
    #[error("{records} of {name}: {source}")]
    Lookup {
        name: String,
        records: RecordType,
        source: NetError,
    },
    #[error("has {0} addresses or more; the most is {MOST_SUBSTATIONS}")]
    TooMany(usize),
    #[error("no complete answer within {}", humantime::format_duration(*.0))]
    Slow(Duration),
}

/// A name and the servers that are asked for it.
#[derive(Debug)]
pub(super) struct DnsClient {
    source: DnsSource,
    /// Made when first needed, and again after a failure: the system's servers may have changed by then.
    servers: Mutex<Option<Arc<NameServers>>>,
}

impl DnsClient {
    pub(super) fn new(source: &DnsSource) -> Self {
        Self {
            source: source.clone(),
            servers: Mutex::new(None),
        }
    }

    pub(super) const fn refresh(&self) -> Duration {
        self.source.refresh
    }

    /// Asks once. The addresses are sorted, because servers shuffle their answers.
    pub(super) async fn fetch(&self) -> Result<Vec<Found>, DnsSourceError> {
        let asking = async {
            let servers = self.servers()?;
            servers.start_over();
            let addresses = look_up(&servers, &self.source).await?;
            if addresses.len() > MOST_SUBSTATIONS {
                return Err(DnsSourceError::TooMany(addresses.len()));
            }
            Ok(addresses.into_iter().map(found).collect())
        };
        let answer = timeout(self.source.timeout, asking)
            .await
            .unwrap_or(Err(DnsSourceError::Slow(self.source.timeout)));
        if answer.is_err() {
            *self.servers.lock() = None;
        }
        answer
    }

    fn servers(&self) -> Result<Arc<NameServers>, DnsSourceError> {
        let mut made = self.servers.lock();
        if let Some(servers) = &*made {
            return Ok(Arc::clone(servers));
        }
        let within = self.source.timeout;
        let servers = match self.source.resolver {
            Some(server) => NameServers::at(&[server], within),
            None => NameServers::of_system(within),
        };
        let servers = servers.map_err(DnsSourceError::Resolver)?;
        Ok(Arc::clone(made.insert(Arc::new(servers))))
    }
}

/// The addresses of a source, sorted, each once.
async fn look_up(
    servers: &NameServers,
    source: &DnsSource,
) -> Result<Vec<Service>, DnsSourceError> {
    let mut all = if source.records == Records::Srv {
        services(servers, source).await?
    } else {
        let port = source.port.unwrap_or_default();
        let ips = addresses(servers, &source.name, source.records, source.family).await?;
        services_at(&ips, &source.name, port)
    };
    for (address, _) in &mut all {
        *address = canonical(*address);
    }
    all.retain(|(address, _)| address.port() != 0);
    all.sort();
    all.dedup_by_key(|(address, _)| *address);
    Ok(all)
}

async fn services(
    servers: &NameServers,
    source: &DnsSource,
) -> Result<Vec<Service>, DnsSourceError> {
    let records = records(servers, &source.name, RecordType::SRV).await?;
    let services = records.into_iter().filter_map(|record| match record {
        // A lone root states that there is no such service (RFC 2782).
        RData::SRV(service) if !service.target.is_root() => Some(service),
        _ => None,
    });
    let mut found = stream::iter(services)
        .map(|SRV { target, port, .. }| async move {
            let host = target.to_ascii();
            let ips = addresses(servers, &host, Records::Both, source.family).await?;
            Ok(services_at(&ips, &host, port))
        })
        .buffer_unordered(LOOKUPS);
    // Three thousand services fit into an answer, and each may have as many addresses.
    let mut all = Vec::new();
    while let Some(services) = found.try_next().await? {
        all.extend(services);
        if all.len() > MOST_SUBSTATIONS {
            return Err(DnsSourceError::TooMany(all.len()));
        }
    }
    Ok(all)
}

/// An address, with the host and the port that it was found by.
type Service = (SocketAddr, String);

fn services_at(ips: &[IpAddr], host: &str, port: u16) -> Vec<Service> {
    let host = host.trim_end_matches('.');
    let service = |ip: &IpAddr| ((*ip, port).into(), format!("{host}:{port}"));
    ips.iter().map(service).collect()
}

fn found((address, host): Service) -> Found {
    Found {
        name: address.to_string(),
        is_named: false,
        address,
        host: Some(host),
        capacity: None,
        feeder: None,
        labels: BTreeMap::new(),
        tls: SubstationTls::AsUpstream,
        drain: false,
    }
}

/// The addresses of a host: of one family where both are looked up, unless all are wanted. The other family is asked
/// for only where the first has none: its failure would take away what is known.
async fn addresses(
    servers: &NameServers,
    name: &str,
    wanted: Records,
    family: Family,
) -> Result<Vec<IpAddr>, DnsSourceError> {
    let [first, second] = match (wanted, family) {
        (Records::A, _) => [Some(RecordType::A), None],
        (Records::Aaaa, _) => [Some(RecordType::AAAA), None],
        (_, Family::Ipv6) => [Some(RecordType::AAAA), Some(RecordType::A)],
        (_, Family::Ipv4 | Family::Both) => [Some(RecordType::A), Some(RecordType::AAAA)],
    };
    let mut ips = Vec::new();
    for kind in [first, second].into_iter().flatten() {
        if family == Family::Both || ips.is_empty() {
            let records = records(servers, name, kind).await?;
            ips.extend(records.into_iter().filter_map(|record| match record {
                RData::A(ip) => Some(IpAddr::V4(ip.0)),
                RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
                _ => None,
            }));
        }
    }
    Ok(ips)
}

async fn records(
    servers: &NameServers,
    name: &str,
    kind: RecordType,
) -> Result<Vec<RData>, DnsSourceError> {
    let records = servers.records(name, kind).await;
    records.map_err(|source| DnsSourceError::Lookup {
        name: name.to_owned(),
        records: kind,
        source,
    })
}
