//! The listening sockets, bound before anything starts, or taken from the process that runs already.
//!
//! A socket is known by its address alone: what was inherited and is still asked for is used, what is newly
//! asked for is bound, and what nobody asks for any more is closed.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use super::Error;
use switchyard_config::Config;

/// Sockets that are bound, so that nothing can fail on them any more.
#[derive(Debug)]
pub struct Listeners {
    pub(super) charge: TcpListener,
    pub(super) admin: TcpListener,
}

impl Listeners {
    /// Binds what the configuration asks for.
    pub fn bind(config: &Config) -> Result<Self, Error> {
        Self::inherit(config, Vec::new())
    }

    /// Takes what the configuration asks for from `inherited`, and binds the rest. A port 0 is always bound.
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
            charge: listen(config.listen, "listen")?,
            admin: listen(config.admin.listen, "admin.listen")?,
        })
    }

    /// Where charge requests are taken.
    pub fn charge_address(&self) -> io::Result<SocketAddr> {
        self.charge.local_addr()
    }

    /// Where the admin port is.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// All of them once more, for a process that may take over.
    pub fn duplicates(&self) -> io::Result<Vec<TcpListener>> {
        [&self.charge, &self.admin]
            .map(TcpListener::try_clone)
            .into_iter()
            .collect()
    }
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
        assert!(
            TcpListener::bind(dropped_at).is_ok(),
            "nobody has it any more"
        );
        assert!(
            Listeners::bind(&config).is_err(),
            "without inheriting it is taken"
        );
    }
}
