//! A health check that reads the gauge.
//!
//! Pingora's own HTTP check discards the body, which contains the gauge. This check judges a scrape as Switchyard does:
//! a backend that answers is healthy, even if its page has no load (the ledger continues without a sample); a backend
//! that cannot be reached or does not answer in time is not.

use async_trait::async_trait;
use pingora_core::{Error, ErrorType, Result};
use pingora_load_balancing::{Backend, health_check::HealthCheck};
use switchyard_config as config;
use switchyard_scrape::{Gauges, PageBuffer, PollFailure, ScrapeTicket};

use crate::Upstream;

/// Scrapes a backend's gauge into the backend's ledger.
///
/// `LoadBalancer::health_check_frequency` is the interval. Set `parallel_health_check`, so that a backend that hangs
/// does not delay the scrapes of others. `load.visibility_lag` is ignored.
#[derive(Debug)]
pub struct Scrape {
    gauges: Gauges,
    /// Successful scrapes in a row after which an unhealthy backend is healthy.
    pub consecutive_success: usize,
    /// Failed scrapes in a row after which a healthy backend is unhealthy.
    pub consecutive_failure: usize,
}

impl Scrape {
    /// Scrapes the gauges that `load` names. One success makes a backend healthy, three failures make it unhealthy.
    #[must_use]
    pub fn new(load: &config::Load) -> Self {
        Self {
            gauges: Gauges::new(load),
            consecutive_success: 1,
            consecutive_failure: 3,
        }
    }
}

#[async_trait]
impl HealthCheck for Scrape {
    async fn check(&self, target: &Backend) -> Result<()> {
        let Some(upstream) = Upstream::of(target) else {
            let reason = "the backend has no ledger: it must come from a discovery of this crate";
            return Error::e_explain(ErrorType::InternalError, reason);
        };
        let mut probe = upstream.probe.lock().await;
        let ticket = ScrapeTicket::new(upstream.ledger());
        let capacity = upstream.configured_capacity();
        // Not kept: checks are seconds apart, and a buffer for each backend would stay as long as that.
        let mut buffer = PageBuffer::default();
        let sampled = probe.sample(&self.gauges, ticket, capacity, &mut buffer);
        match sampled.await {
            Err(failure @ PollFailure::Connect(_)) => {
                Error::e_explain(ErrorType::ConnectError, format!("its gauge: {failure}"))
            }
            Err(failure @ PollFailure::Timeout(_)) => {
                Error::e_explain(ErrorType::ReadTimedout, format!("its gauge: {failure}"))
            }
            _ => Ok(()),
        }
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
