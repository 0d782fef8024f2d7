//! A health check that reads the gauge.
//!
//! Pingora's own HTTP check discards the body, which contains the gauge. This check judges a scrape as Switchyard does:
//! a backend that answers is healthy, even if its page has no load (the ledger continues without a sample); a backend
//! that cannot be reached or does not answer in time is not.

use std::{
    fmt::{self, Debug, Formatter},
    time::Duration,
};

use async_trait::async_trait;
use bytes::BytesMut;
use pingora_core::{
    Error, ErrorType, OrErr, Result,
    connectors::http::Connector,
    protocols::http::client::HttpSession,
    upstreams::peer::{HttpPeer, Peer},
};
use pingora_http::RequestHeader;
use pingora_load_balancing::{Backend, health_check::HealthCheck};
use tokio::time::timeout;

use crate::{
    Upstream,
    gauges::{Fault, Gauges},
};

/// The largest page that is read, in bytes. A larger one is no sample.
const LARGEST_PAGE: usize = 4 * 1024 * 1024;

/// Scrapes a backend's gauge into the backend's ledger, over connections that are kept.
///
/// `LoadBalancer::health_check_frequency` is the interval: half a second is a good one. Set `parallel_health_check`, so
/// that a backend that hangs does not delay the scrapes of others. A backend that answers without a load is healthy, and
/// the log says why it has no sample.
pub struct Scrape {
    gauges: Gauges,
    connector: Connector,
    /// The path of the metrics, at first `/metrics`.
    pub path: String,
    /// The limit of one scrape, from connecting to its last byte, at first 200 ms.
    pub timeout: Duration,
    /// How to connect. Its address is replaced by the backend's; at first without TLS.
    pub peer_template: HttpPeer,
    /// Scrapes that were answered, in a row, after which an unhealthy backend is healthy: at first 1.
    pub consecutive_success: usize,
    /// Scrapes that were not answered, in a row, after which a healthy backend is unhealthy: at first 3.
    pub consecutive_failure: usize,
}

impl Debug for Scrape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape")
            .field("gauges", &self.gauges)
            .field("path", &self.path)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Scrape {
    /// Scrapes these gauges.
    #[must_use]
    pub fn new(gauges: Gauges) -> Self {
        Self {
            gauges,
            connector: Connector::new(None),
            path: "/metrics".to_owned(),
            timeout: Duration::from_millis(200),
            peer_template: HttpPeer::new("0.0.0.0:1", false, String::new()),
            consecutive_success: 1,
            consecutive_failure: 3,
        }
    }

    /// Takes one sample, over a kept connection or over a new one if the kept one fails: a scrape can safely be repeated.
    async fn sample(&self, upstream: &Upstream) -> Result<Option<Fault>> {
        let mut peer = self.peer_template.clone();
        peer._address = upstream.address().into();
        loop {
            let (mut session, is_reused) = self.connector.get_http_session(&peer).await?;
            match self.sample_over(&mut session, upstream).await {
                Ok(fault) => {
                    if !matches!(fault, Some(Fault::TooLarge(_))) {
                        let idle = peer.idle_timeout();
                        self.connector
                            .release_http_session(session, &peer, idle)
                            .await;
                    }
                    return Ok(fault);
                }
                Err(_) if is_reused => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn sample_over(
        &self,
        session: &mut HttpSession,
        upstream: &Upstream,
    ) -> Result<Option<Fault>> {
        let ledger = upstream.ledger();
        let request = Box::new(self.request(upstream)?);
        let sent = ledger.scrape_sent();
        session.write_request_header(request).await?;
        session.finish_request_body().await?;
        session.read_response_header().await?;
        let head = session.response_header();
        let status = head.map_or(0, |head| head.status.as_u16());
        let has_framing = ["content-length", "transfer-encoding"]
            .iter()
            .any(|name| head.is_some_and(|head| head.headers.contains_key(*name)));
        // A page without framing ends when the connection closes, so it may have been cut.
        let is_whole = has_framing || session.as_http2().is_some();

        let mut scan = self.gauges.scan();
        let (mut unread, mut size) = (BytesMut::new(), 0);
        while let Some(part) = session.read_response_body().await? {
            size += part.len();
            if size > LARGEST_PAGE {
                return Ok(Some(Fault::TooLarge(LARGEST_PAGE)));
            }
            unread.extend_from_slice(&part);
            let (_, read) = scan.read(&unread);
            let _ = unread.split_to(read);
        }
        if status != 200 {
            return Ok(Some(Fault::Status(status)));
        }
        let found = scan.end(&unread, is_whole);
        Ok(match Fault::read(found, upstream.capacity()) {
            Ok((reading, fault)) => {
                ledger.sample(sent, reading);
                fault
            }
            Err(fault) => Some(fault),
        })
    }

    fn request(&self, upstream: &Upstream) -> Result<RequestHeader> {
        let mut request = RequestHeader::build("GET", self.path.as_bytes(), None)?;
        let server_name = self.peer_template.sni();
        if server_name.is_empty() {
            request.insert_header("host", upstream.address().to_string())?;
        } else {
            request.insert_header("host", server_name)?;
        }
        request.insert_header("accept", "text/plain;version=0.0.4")?;
        request.insert_header("user-agent", "switchyard-pingora")?;
        Ok(request)
    }
}

#[async_trait]
impl HealthCheck for Scrape {
    async fn check(&self, target: &Backend) -> Result<()> {
        let Some(upstream) = Upstream::of(target) else {
            let reason = "the backend has no ledger: make it with `Upstream::backend`";
            return Error::e_explain(ErrorType::InternalError, reason);
        };
        let mut last_fault = upstream.scraping.lock().await;
        let sampled = timeout(self.timeout, self.sample(upstream))
            .await
            .or_err_with(ErrorType::ReadTimedout, || {
                format!("its metrics took longer than {:?}", self.timeout)
            })?;
        let fault = sampled?;
        if *last_fault != fault {
            if let Some(fault) = fault {
                log::warn!("{}: {fault}", upstream.name());
            }
            *last_fault = fault;
        }
        Ok(())
    }

    fn backend_summary(&self, target: &Backend) -> String {
        Upstream::of(target)
            .map_or_else(|| target.to_string(), |upstream| upstream.name().to_owned())
    }

    fn health_threshold(&self, success: bool) -> usize {
        if success {
            self.consecutive_success
        } else {
            self.consecutive_failure
        }
    }
}
