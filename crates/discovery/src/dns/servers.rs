//! The name servers, asked in their order: the second only where the first fails.
//!
//! A resolver that is given several servers asks two at once and prefers the fastest, so that a server for the Internet
//! answers "no such name" for a name that only the first one knows. Here each server has a resolver of its own.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
    system_conf::read_system_conf,
};

/// The name servers of a source, in their order.
#[derive(Debug)]
pub(crate) struct NameServers {
    servers: Vec<TokioResolver>,
    /// The first that has not failed.
    first: AtomicUsize,
}

impl NameServers {
    /// The servers of `/etc/resolv.conf` as it is now. All of them get their turn within `within`.
    pub(super) fn of_system(within: Duration) -> Result<Self, NetError> {
        let (config, options) = read_system_conf()?;
        Self::of(config, options, within)
    }

    /// These servers, in this order.
    pub(crate) fn at(servers: &[SocketAddr], within: Duration) -> Result<Self, NetError> {
        let servers = servers.iter().copied().map(config_of).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        Self::of(config, ResolverOpts::default(), within)
    }

    fn of(
        config: ResolverConfig,
        mut options: ResolverOpts,
        within: Duration,
    ) -> Result<Self, NetError> {
        let (domain, search, servers) = config.into_parts();
        // `refresh` limits the age of an answer.
        options.cache_size = 0;
        // One part for each server, and one for a query that is sent again because it or its answer was lost.
        let parts = u32::try_from(servers.len() + 1).unwrap_or(u32::MAX);
        options.timeout = within / parts;
        options.attempts = if servers.len() > 1 { 0 } else { 2 };
        let servers = servers.into_iter().map(|mut server| {
            // "No such name" is an answer.
            server.trust_negative_responses = true;
            let config = ResolverConfig::from_parts(domain.clone(), search.clone(), vec![server]);
            let mut builder =
                Resolver::builder_with_config(config, TokioRuntimeProvider::default());
            *builder.options_mut() = options.clone();
            builder.build()
        });
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
            first: AtomicUsize::new(0),
        })
    }

    /// Begins with the first server again.
    pub(crate) fn start_over(&self) {
        self.first.store(0, Relaxed);
    }

    /// The records of a name, from the first server that answers; none if the name does not exist. A server that
    /// failed is not asked again before [`NameServers::start_over`].
    pub(crate) async fn records(
        &self,
        name: &str,
        kind: RecordType,
    ) -> Result<Vec<RData>, NetError> {
        let first = self.first.load(Relaxed);
        let mut last = NetError::NoConnections;
        for (at, server) in self.servers.iter().enumerate().skip(first) {
            match server.lookup(name, kind).await {
                Ok(answer) => {
                    let records = answer.answers().iter();
                    return Ok(records.map(|record| record.data.clone()).collect());
                }
                Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                    if matches!(
                        none.response_code,
                        ResponseCode::NXDomain | ResponseCode::NoError
                    ) =>
                {
                    return Ok(Vec::new());
                }
                Err(error) => {
                    last = error;
                    if at + 1 < self.servers.len() {
                        self.first.fetch_max(at + 1, Relaxed);
                    }
                }
            }
        }
        Err(last)
    }
}

fn config_of(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}
