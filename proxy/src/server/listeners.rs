//! The listening sockets, bound before anything starts or inherited from the old process.
//!
//! Sockets are matched by address alone: an inherited socket whose address is configured is used, a configured address
//! without one is bound, and an inherited socket that is no longer configured is closed.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use super::Error;
use switchyard_config::Config;

/// The bound sockets: from here on nothing can fail on them.
#[derive(Debug)]
pub struct Listeners {
    pub(super) charge: TcpListener,
    pub(super) admin: TcpListener,
}

impl Listeners {
    /// Binds the configured addresses.
    pub fn bind(config: &Config) -> Result<Self, Error> {
        Self::inherit(config, Vec::new())
    }

    /// Takes the configured addresses from `inherited`, and binds those that are missing. Port 0 is always bound anew.
    pub fn inherit(config: &Config, mut inherited: Vec<TcpListener>) -> Result<Self, Error> {
        let mut listen = |address: SocketAddr, key| {
            let same = |listener: &TcpListener| listener.local_addr().is_ok_and(|a| a == address);
            let listener = match inherited.iter().position(same) {
                Some(at) => inherited.swap_remove(at),
                None => TcpListener::bind(address).map_err(|reason| Error::Bind {
                    address,
                    key,
                    reason,
                })?,
            };
            listener.set_nonblocking(true)?;
            Ok::<_, Error>(listener)
        };
        Ok(Self {
            charge: listen(first(config), "listen")?,
            admin: listen(config.admin.listen, "admin.listen")?,
        })
    }

    /// The address for charge requests.
    pub fn charge_address(&self) -> io::Result<SocketAddr> {
        self.charge.local_addr()
    }

    /// The address of the admin port.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Duplicates of all sockets, for a process that may take over.
    pub fn duplicates(&self) -> io::Result<Vec<TcpListener>> {
        [&self.charge, &self.admin]
            .map(TcpListener::try_clone)
            .into_iter()
            .collect()
    }
}

/// The first address for charge requests.
fn first(config: &Config) -> SocketAddr {
    let mut all = config.listen.iter();
    all.next()
        .copied()
        .unwrap_or((Ipv4Addr::LOCALHOST, 8080).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(charge: SocketAddr, admin: &str) -> Config {
        let yaml = format!(
            "listen: {charge}\nadmin: {{listen: {admin}}}\nsubstations: [{{name: a, address: 127.0.0.1:1}}]"
        );
        Config::from_yaml(&yaml, "test").unwrap()
    }

    #[test]
    fn configured_sockets_are_used_and_the_rest_are_closed() {
        let [kept, dropped] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let (kept_at, dropped_at) = (kept.local_addr().unwrap(), dropped.local_addr().unwrap());
        let config = config(kept_at, "127.0.0.1:0");
        let listeners = Listeners::inherit(&config, vec![dropped, kept]).unwrap();
        assert_eq!(listeners.charge_address().unwrap(), kept_at);
        assert_ne!(listeners.admin_address().unwrap(), dropped_at);
        assert!(TcpListener::bind(dropped_at).is_ok(), "it is closed");
        assert!(
            Listeners::bind(&config).is_err(),
            "a port in use can only be inherited"
        );
    }
}
