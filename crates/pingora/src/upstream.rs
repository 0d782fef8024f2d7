//! What travels with a backend: its ledger, and the connection that its gauge is read over.

use std::{net::SocketAddr, sync::Arc};

use pingora_load_balancing::{Backend, Extensions};
use switchyard_balance::{Ledger, Load};
use switchyard_scrape::{Gauges, Probe};
use tokio::sync::Mutex;

/// One backend, as the choice knows it.
#[derive(Debug)]
pub struct Upstream {
    name: String,
    capacity: Option<Load>,
    ledger: Ledger,
    /// Held while a scrape is under way: two of one ledger must not overlap.
    pub(crate) probe: Mutex<Probe>,
}

impl AsRef<Ledger> for Upstream {
    fn as_ref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Upstream {
    /// A backend that nothing is known of yet. `capacity` goes before what its gauge says.
    #[must_use]
    pub fn new(name: String, address: SocketAddr, capacity: Option<Load>, gauges: &Gauges) -> Self {
        Self {
            name,
            capacity,
            ledger: Ledger::new(capacity),
            probe: Mutex::new(Probe::new(address, gauges)),
        }
    }

    /// The one that travels with `backend`, if it came from a discovery that put it there.
    #[must_use]
    pub fn of(backend: &Backend) -> Option<&Arc<Self>> {
        backend.ext.get()
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its account.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is said of its capacity, which goes before its gauge.
    #[must_use]
    pub fn configured_capacity(&self) -> Option<Load> {
        self.capacity
    }

    /// A backend that this one travels with.
    #[must_use]
    pub fn backend(self: &Arc<Self>, address: SocketAddr) -> Backend {
        let mut ext = Extensions::new();
        ext.insert(Arc::clone(self));
        // The choice has its own weights, the capacities. A weight is part of a backend's identity to Pingora.
        Backend {
            addr: pingora_core::protocols::l4::socket::SocketAddr::Inet(address),
            weight: 1,
            ext,
        }
    }
}
