//! What a backend carries: its ledger, and the connection over which its gauge is read.

use std::{net::SocketAddr, sync::Arc};

use pingora_load_balancing::{Backend, Extensions};
use switchyard_balance::{Ledger, Load};
use switchyard_scrape::{Gauges, Probe};
use tokio::sync::Mutex;

/// The data of one backend that a choice needs.
#[derive(Debug)]
pub struct Upstream {
    name: String,
    capacity: Option<Load>,
    ledger: Ledger,
    /// Locked during a scrape: two scrapes into one ledger must not overlap.
    pub(crate) probe: Mutex<Probe>,
}

impl AsRef<Ledger> for Upstream {
    fn as_ref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Upstream {
    /// A backend without a sample. `capacity` takes precedence over its gauge.
    #[must_use]
    pub fn new(name: String, address: SocketAddr, capacity: Option<Load>, gauges: &Gauges) -> Self {
        Self {
            name,
            capacity,
            ledger: Ledger::new(capacity),
            probe: Mutex::new(Probe::new(address, gauges)),
        }
    }

    /// The upstream that `backend` carries, if a discovery of this crate made the backend.
    #[must_use]
    pub fn of(backend: &Backend) -> Option<&Arc<Self>> {
        backend.ext.get()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The configured capacity, which takes precedence over its gauge.
    #[must_use]
    pub fn configured_capacity(&self) -> Option<Load> {
        self.capacity
    }

    /// A backend that carries this upstream.
    #[must_use]
    pub fn backend(self: &Arc<Self>, address: SocketAddr) -> Backend {
        let mut ext = Extensions::new();
        ext.insert(Arc::clone(self));
        // The choice uses capacities instead of weights. To Pingora, the weight is part of a backend's identity.
        Backend {
            addr: pingora_core::protocols::l4::socket::SocketAddr::Inet(address),
            weight: 1,
            ext,
        }
    }
}
