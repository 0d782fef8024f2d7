//! What a backend carries: its name, its ledger, and the turn of its scrapes.

use std::{net::SocketAddr, sync::Arc};

use pingora_load_balancing::{Backend, Extensions};
use switchyard_balance::{Ledger, Load};
use tokio::sync::Mutex;

use crate::gauges::Fault;

/// A backend with its ledger: the load that it has, as far as this proxy can know.
#[derive(Debug)]
pub struct Upstream {
    name: String,
    address: SocketAddr,
    capacity: Option<Load>,
    ledger: Ledger,
    /// Why the last scrape brought no sample, so that the log says it once. Locked during a scrape: two scrapes into one
    /// ledger must not overlap.
    pub(crate) scraping: Mutex<Option<Fault>>,
}

impl AsRef<Ledger> for Upstream {
    fn as_ref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Upstream {
    /// A backend without a sample. A `capacity` goes before that of its gauge.
    #[must_use]
    pub fn new(name: impl Into<String>, address: SocketAddr, capacity: Option<Load>) -> Self {
        Self {
            name: name.into(),
            address,
            capacity,
            ledger: Ledger::new(capacity),
            scraping: Mutex::default(),
        }
    }

    /// The upstream that `backend` carries, if [`Upstream::backend`] made it.
    #[must_use]
    pub fn of(backend: &Backend) -> Option<&Arc<Self>> {
        backend.ext.get()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The capacity that goes before that of its gauge.
    pub(crate) fn capacity(&self) -> Option<Load> {
        self.capacity
    }

    /// A backend that carries this upstream, for a discovery.
    #[must_use]
    pub fn backend(self: &Arc<Self>) -> Backend {
        let mut ext = Extensions::new();
        ext.insert(Arc::clone(self));
        // The choice uses capacities instead of weights. To Pingora, the weight is part of a backend's identity.
        Backend {
            addr: self.address.into(),
            weight: 1,
            ext,
        }
    }
}
