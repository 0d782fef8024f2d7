//! Host names, looked up by the system.
//!
//! The system's resolver can't be interrupted: a look-up whose answer is not waited for any more goes on, and holds its
//! thread. So each source has a few places for look-ups, and a place is free again when its look-up has returned, not
//! when its source has given up. A name server that hangs costs these threads and never more.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use thiserror::Error;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// The most host names of one source that are looked up at once.
const AT_ONCE: usize = 16;

/// A host name without an address.
#[derive(Debug, Error)]
#[error("{host}: is a host name that cannot be looked up: {reason}")]
pub struct UnknownHost {
    host: String,
    reason: String,
}

/// The look-ups of one source.
#[derive(Clone, Debug)]
pub struct Lookups(Arc<Semaphore>);

impl Default for Lookups {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Lookups {
    /// The most look-ups that run at once.
    pub const AT_ONCE: usize = AT_ONCE;

    /// All addresses of a host. Fails as the system does, if it has none.
    pub async fn all(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let place = Arc::clone(&self.0).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        let host = host.to_owned();
        let looked_up = spawn_blocking(move || {
            let _place = place;
            (host.as_str(), port)
                .to_socket_addrs()
                .map(Iterator::collect)
        });
        looked_up.await.map_err(io::Error::other)?
    }

    /// The lowest address of a host, IPv4 first.
    pub async fn first(&self, host: &str) -> Result<IpAddr, UnknownHost> {
        let unknown = |reason: String| UnknownHost {
            host: host.to_owned(),
            reason,
        };
        // The call needs a port, which has no effect.
        let addresses = self.all(host, 1).await;
        let addresses = addresses.map_err(|error| unknown(error.to_string()))?;
        let first = switchyard_address::first(addresses).map(|address| address.ip());
        first.ok_or_else(|| unknown("it has no address".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_up_waits_for_a_place() {
        let lookups = Lookups::default();
        let places = Arc::clone(&lookups.0)
            .acquire_many_owned(u32::try_from(AT_ONCE).unwrap())
            .await
            .unwrap();
        let mut waiting = std::pin::pin!(lookups.all("localhost", 1));
        tokio::select! {
            biased;
            found = &mut waiting => panic!("{found:?}"),
            () = tokio::task::yield_now() => {}
        }
        drop(places);
        assert!(!waiting.await.unwrap().is_empty());
        assert_eq!(lookups.0.available_permits(), AT_ONCE);
    }
}
