//! TLS with one substation: under which name, and why it fails.

use std::sync::Arc;

use switchyard_transport::{Refusal, Transport, Trust};
use tracing::{info, warn};

use super::Substation;

impl Substation {
    /// From the next connection on it is reached with TLS under this name, or without TLS.
    pub(crate) fn set_tls(&self, trust: &Arc<Trust>, name: Option<&str>) {
        match name {
            Some(name) => {
                self.metrics.prepare_tls();
                self.transport.set_tls(trust, name);
            }
            None => self.transport.set_plain(),
        }
    }

    /// How it is reached.
    #[must_use]
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Counts a TLS connection that could not be made, and logs it if it is for another reason than the last.
    pub fn tls_failed(&self, refusal: &Refusal) {
        let reason = refusal.reason();
        self.metrics.tls_failed(reason);
        if self.tls_fault.lock().replace(reason) != Some(reason) {
            let (substation, address) = (&*self.name, self.address);
            let reason = reason.name();
            warn!(substation, %address, reason, why = %refusal, "No TLS connection to substation");
        }
    }

    /// A connection could be made.
    pub(crate) fn tls_works(&self) {
        if self.tls_fault.lock().take().is_some() {
            let substation = &*self.name;
            info!(substation, "TLS connections to substation work again");
        }
    }
}
