//! The header that a balancer in front sends before all bytes of its client: the PROXY protocol, versions 1 and 2.
//!
//! A balancer that forwards connections and not requests can't write `X-Forwarded-For`, least of all where its clients
//! speak TLS. It says in this header whose connection it forwards. [`header`] reads it from bytes.
//!
//! A connection that breaks the rule is closed without an answer: the sender is a misconfigured balancer, or a client that
//! goes around it, and it is not known yet whether either speaks HTTP or TLS.

mod header;

use std::{net::IpAddr, pin::pin};

use tokio::time::Instant;
use tracing::debug;

use super::Ingress;
use crate::{
    client_connection::ClientConnection, deadline_timer::DeadlineTimer, metrics::ProxyHeaderRead,
};
use header::{Found, Malformed, find};

impl Ingress {
    /// Reads the header of a connection, and returns whose connection it is: of the client that the header names, or of the
    /// balancer, which is at `peer`. `None` if the connection ends instead.
    pub(super) async fn proxy_header(
        &self,
        connection: &mut ClientConnection,
        peer: IpAddr,
        deadline: Instant,
        timer: &mut DeadlineTimer,
    ) -> Option<IpAddr> {
        let read = {
            let header = pin!(async {
                loop {
                    match find(connection.received()) {
                        Ok(Some(found)) => break Ok(found),
                        Ok(None) if connection.more().await => {}
                        Ok(None) | Err(Malformed) => break Err(ProxyHeaderRead::Malformed),
                    }
                }
            });
            timer.guard(deadline, header).await
        };
        let counted = &self.runtime().metrics.requests.proxy_headers;
        match read.unwrap_or(Err(ProxyHeaderRead::TooSlow)) {
            Ok(Found { client, length }) => {
                counted[ProxyHeaderRead::Done].inc();
                connection.advance(length);
                Some(client.unwrap_or(peer))
            }
            Err(how) => {
                counted[how].inc();
                let how: &str = how.into();
                debug!(%peer, how, "No PROXY header: connection closed");
                None
            }
        }
    }
}
