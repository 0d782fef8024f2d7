//! All addresses or services of a DNS name: they change with Compose's `--scale` and a headless Kubernetes service.
//!
//! The queries use a resolver of our own, since the system's neither asks for SRV nor says why there is no address.
//! A name that does not exist is an answer; a failing server is none.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType, rdata::SRV},
    },
};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::timeout;

use super::targets::Found;
use switchyard_config::{DnsSource, MOST_SUBSTATIONS, Records};

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
    #[error("has {0} addresses; the most is {MOST_SUBSTATIONS}")]
    TooMany(usize),
    #[error("no complete answer within {}", humantime::format_duration(*.0))]
    Slow(Duration),
}

/// A name and its resolver.
#[derive(Debug)]
pub(super) struct DnsClient {
    source: DnsSource,
    /// Made when first needed, and again after a failure: the system's servers may have changed by then.
    resolver: Mutex<Option<TokioResolver>>,
}

impl DnsClient {
    pub(super) fn new(source: &DnsSource) -> Self {
        Self {
            source: source.clone(),
            resolver: Mutex::new(None),
        }
    }

    pub(super) const fn refresh(&self) -> Duration {
        self.source.refresh
    }

    /// Asks once. The addresses are sorted, because servers shuffle their answers.
    pub(super) async fn fetch(&self) -> Result<Vec<Found>, DnsSourceError> {
        let asking = async {
            let resolver = self.resolver()?;
            let mut addresses = if self.source.records == Records::Srv {
                self.services(&resolver).await?
            } else {
                let port = self.source.port.unwrap_or_default();
                let ips = addresses(&resolver, &self.source.name, self.source.records).await?;
                ips.into_iter().map(|ip| (ip, port).into()).collect()
            };
            addresses.retain(|address| address.port() != 0 && !address.ip().is_unspecified());
            addresses.sort();
            addresses.dedup();
            if addresses.len() > MOST_SUBSTATIONS {
                return Err(DnsSourceError::TooMany(addresses.len()));
            }
            Ok(addresses.into_iter().map(found).collect())
        };
        let answer = timeout(self.source.timeout, asking)
            .await
            .unwrap_or(Err(DnsSourceError::Slow(self.source.timeout)));
        if answer.is_err() {
            *self.resolver.lock() = None;
        }
        answer
    }

    fn resolver(&self) -> Result<TokioResolver, DnsSourceError> {
        let mut made = self.resolver.lock();
        if let Some(resolver) = &*made {
            return Ok(resolver.clone());
        }
        let mut builder = match self.source.resolver {
            Some(server) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                let connections = connections.map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                let server = NameServerConfig::new(server.ip(), true, connections.into());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().map_err(DnsSourceError::Resolver)?,
        };
        let options = builder.options_mut();
        // `refresh` limits the age of an answer.
        options.cache_size = 0;
        // Leaves time for a second query, if the first or its answer is lost.
        options.timeout = self.source.timeout / 2;
        options.attempts = 2;
        let resolver = builder.build().map_err(DnsSourceError::Resolver)?;
        Ok(made.insert(resolver).clone())
    }

    async fn services(&self, resolver: &TokioResolver) -> Result<Vec<SocketAddr>, DnsSourceError> {
        let records = records(resolver, &self.source.name, RecordType::SRV).await?;
        let services = records.into_iter().filter_map(|record| match record {
            // A lone root states that there is no such service (RFC 2782).
            RData::SRV(service) if !service.target.is_root() => Some(service),
            _ => None,
        });
        let addresses: Vec<Vec<SocketAddr>> = stream::iter(services)
            .map(|SRV { target, port, .. }| async move {
                let ips = addresses(resolver, &target.to_ascii(), Records::Both).await?;
                Ok(ips.into_iter().map(|ip| (ip, port).into()).collect())
            })
            .buffer_unordered(LOOKUPS)
            .try_collect()
            .await?;
        Ok(addresses.concat())
    }
}

fn found(address: SocketAddr) -> Found {
    Found {
        name: address.to_string(),
        is_named: false,
        address,
        capacity: None,
    }
}

/// The addresses of the wanted kinds. If both kinds are wanted and one query fails, there is no answer.
async fn addresses(
    resolver: &TokioResolver,
    name: &str,
    wanted: Records,
) -> Result<Vec<IpAddr>, DnsSourceError> {
    let asked = async |kind, is_wanted| {
        if is_wanted {
            records(resolver, name, kind).await
        } else {
            Ok(Vec::new())
        }
    };
    let (a, aaaa) = tokio::try_join!(
        asked(RecordType::A, wanted != Records::Aaaa),
        asked(RecordType::AAAA, wanted != Records::A),
    )?;
    let ips = a.into_iter().chain(aaaa).filter_map(|record| match record {
        RData::A(ip) => Some(IpAddr::V4(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
        _ => None,
    });
    Ok(ips.collect())
}

/// The records of a name; none if it does not exist.
async fn records(
    resolver: &TokioResolver,
    name: &str,
    kind: RecordType,
) -> Result<Vec<RData>, DnsSourceError> {
    match resolver.lookup(name, kind).await {
        Ok(answer) => Ok(answer
            .answers()
            .iter()
            .map(|record| record.data.clone())
            .collect()),
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if matches!(
                none.response_code,
                ResponseCode::NXDomain | ResponseCode::NoError
            ) =>
        {
            Ok(Vec::new())
        }
        Err(source) => Err(DnsSourceError::Lookup {
            name: name.to_owned(),
            records: kind,
            source,
        }),
    }
}
