//! The listening sockets, bound before anything starts or inherited from the old process.
//!
//! Sockets are matched by address: an inherited socket whose address is configured is used, a configured address without
//! one is bound, and an inherited socket that is no longer configured is closed.
//!
//! A socket at `[::]` takes IPv4 clients too, which is what a configuration with that address alone means. Beside an IPv4
//! address with the same port it is bound for IPv6 only, because the system gives a port of IPv4 to one of them. That
//! can't be changed later, so a socket that was bound otherwise is not the one that is configured.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use switchyard_config::Config;

use super::Error;

/// How many connections the system keeps until they are accepted: as many as it allows, as for other listeners.
const BACKLOG: i32 = -1;

/// The bound sockets: from here on nothing can fail on them.
#[derive(Debug)]
pub struct Listeners {
    /// In the order of the configuration; there is at least one.
    pub(super) charge: Vec<TcpListener>,
    pub(super) admin: TcpListener,
}

impl Listeners {
    /// Binds the configured addresses.
    pub fn bind(config: &Config) -> Result<Self, Error> {
        Self::inherit(config, Vec::new())
    }

    /// Takes the configured addresses from `inherited`, and binds those that are missing. Port 0 is always bound anew.
    pub fn inherit(config: &Config, mut inherited: Vec<TcpListener>) -> Result<Self, Error> {
        let mut listen = |address: SocketAddr, is_ipv6_only: bool, key| {
            let is_it = |listener: &TcpListener| is_bound(listener, address, is_ipv6_only);
            let listener = match inherited.iter().position(is_it) {
                Some(at) => inherited.swap_remove(at),
                None => bind_at(address, is_ipv6_only).map_err(|reason| Error::Bind {
                    address,
                    key,
                    reason,
                })?,
            };
            listener.set_nonblocking(true)?;
            Ok::<_, Error>(listener)
        };
        let addresses = &config.listen;
        let charge = addresses
            .iter()
            .map(|address| listen(*address, is_ipv6_only(*address, addresses), "listen"));
        Ok(Self {
            charge: charge.collect::<Result<_, _>>()?,
            admin: listen(config.admin.listen, false, "admin.listen")?,
        })
    }

    /// The first address for charge requests.
    pub fn charge_address(&self) -> io::Result<SocketAddr> {
        match self.charge.first() {
            Some(listener) => listener.local_addr(),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The addresses for charge requests.
    pub fn charge_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.charge.iter().map(TcpListener::local_addr).collect()
    }

    /// The address of the admin port.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }

    /// Duplicates of all sockets, for a process that may take over.
    pub fn duplicates(&self) -> io::Result<Vec<TcpListener>> {
        let all = self.charge.iter().chain([&self.admin]);
        all.map(TcpListener::try_clone).collect()
    }
}

/// Whether IPv4 clients of this address come to another one of the list.
fn is_ipv6_only(address: SocketAddr, list: &[SocketAddr]) -> bool {
    let mut others = list.iter();
    is_every_ipv6(address)
        && others.any(|other| other.port() == address.port() && other.ip().to_canonical().is_ipv4())
}

fn is_every_ipv6(address: SocketAddr) -> bool {
    matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified())
}

/// Whether this socket listens at this address, for these clients.
fn is_bound(listener: &TcpListener, address: SocketAddr, is_ipv6_only: bool) -> bool {
    let socket = SockRef::from(listener);
    listener.local_addr().is_ok_and(|bound| bound == address)
        && (!is_every_ipv6(address) || socket.only_v6().is_ok_and(|only| only == is_ipv6_only))
}

fn bind_at(address: SocketAddr, is_ipv6_only: bool) -> io::Result<TcpListener> {
    if !is_ipv6_only {
        return TcpListener::bind(address);
    }
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_only_v6(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
