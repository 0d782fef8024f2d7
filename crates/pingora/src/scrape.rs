//! A health check that reads the gauge.
//!
//! Pingora's own HTTP check throws the body away, and the body is the point. What it makes of a look is what
//! Switchyard makes of it: who answered is there, even if the page says no load (the ledger goes on counting without
//! a sample); who did not is not.

use async_trait::async_trait;
use pingora_core::{Error, ErrorType, Result};
use pingora_load_balancing::{Backend, health_check::HealthCheck};
use switchyard_config as config;
use switchyard_scrape::{Gauges, PollOutcome, ScrapeTicket};

use crate::Upstream;

/// Scrapes a backend's gauge into the ledger that travels with it.
///
/// How often is `LoadBalancer::health_check_frequency`. Set `parallel_health_check`, so that one that hangs
/// delays nobody else's; `load.visibility_lag` is not looked at.
#[derive(Debug)]
pub struct Scrape {
    gauges: Gauges,
    /// Looks in a row after which a backend that was gone is there.
    pub consecutive_success: usize,
    /// Looks in a row after which one that was there is gone.
    pub consecutive_failure: usize,
}

impl Scrape {
    /// Gauges as `load` names them; back with the first look, gone with the third that fails.
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
            let reason = "the backend has no ledger: it has to come from a discovery of this crate";
            return Error::e_explain(ErrorType::InternalError, reason);
        };
        let mut probe = upstream.probe.lock().await;
        let ticket = ScrapeTicket::new(upstream.ledger());
        let capacity = upstream.configured_capacity();
        match probe.sample(&self.gauges, ticket, capacity).await {
            Err(PollOutcome::Connect) => {
                Error::e_explain(ErrorType::ConnectError, "its gauge can't be reached")
            }
            Err(PollOutcome::Timeout) => {
                Error::e_explain(ErrorType::ReadTimedout, "its gauge did not come in time")
            }
            _ => Ok(()),
        }
    }

    fn backend_summary(&self, target: &Backend) -> String {
        Upstream::of(target).map_or_else(|| target.to_string(), |it| it.name().to_owned())
    }

    fn health_threshold(&self, success: bool) -> usize {
        if success {
            self.consecutive_success
        } else {
            self.consecutive_failure
        }
    }
}
