//! Addresses: an IP address or a host name, and always a port.

use super::{Read, text};
use crate::config::tree::Node;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// Where a substation listens: reachable, so not port 0 and not "all interfaces".
pub(in crate::config) fn upstream(node: &Node) -> Read<SocketAddr> {
    match address(node)? {
        address if address.port() == 0 => {
            Err("needs the port that it listens on, not 0".to_owned())
        }
        address if address.ip().is_unspecified() => {
            Err("is an address to listen on, not to connect to, as 127.0.0.1 is".to_owned())
        }
        address => Ok(address),
    }
}

/// An address with its port; a host name is looked up.
pub(in crate::config) fn address(node: &Node) -> Read<SocketAddr> {
    const EXAMPLE: &str = "as in 127.0.0.1:5001";
    let text = match node {
        Node::Number(port) => return Err(format!("needs a host, as in 127.0.0.1:{port}")),
        other => text(other)?,
    };
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if text.contains('/') {
        return Err(format!(
            "must be host and port alone, without a scheme or a path, {EXAMPLE}"
        ));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Err(format!("needs a port, as in {}", SocketAddr::new(ip, 5001)));
    }
    match text.rsplit_once(':') {
        None | Some((_, "")) => Err(format!("needs a port, {EXAMPLE}")),
        Some(("", _)) => Err(format!("needs a host before the port, {EXAMPLE}")),
        Some((host, port)) => match port.parse() {
            Ok(port) => resolve(host, port),
            Err(_) => Err(format!(
                "has no port from 0 to 65535 after the ':', {EXAMPLE}"
            )),
        },
    }
}

/// The lowest address of `host`, IPv4 before IPv6: resolvers shuffle their answers, and a reload must not move a
/// substation for that.
fn resolve(host: &str, port: u16) -> Read<SocketAddr> {
    match (host, port).to_socket_addrs() {
        Ok(found) => found
            .min()
            .ok_or_else(|| "is a host name without an address".to_owned()),
        Err(error) => Err(format!("is a host name that cannot be looked up: {error}")),
    }
}
