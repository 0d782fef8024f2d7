//! Addresses: an IP address or a host name, always with a port.

use super::{Read, source::check_host, text};
use crate::{network::impossible, tree::Node};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use switchyard_address::{canonical, first};

/// An address as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// An IP address, in its canonical form.
    At(SocketAddr),
    /// A host name to be looked up, and a port.
    Host(&'a str, u16),
}

/// The address of a substation: not port 0 and not "all interfaces".
pub(crate) fn upstream(node: &Node) -> Read<SocketAddr> {
    check_connectable(address(node)?)
}

/// The address, if a client can connect to it; else the rule that it breaks.
pub fn check_connectable(address: SocketAddr) -> Read<SocketAddr> {
    if address.port() == 0 {
        Err("needs the port that it listens on, not 0".to_owned())
    } else if address.ip().is_unspecified() {
        Err("is an address to listen on, not to connect to, as 127.0.0.1 is".to_owned())
    } else if let Some(kind) = impossible(address.ip()) {
        Err(format!("is {kind}, at which there is nobody to connect to"))
    } else {
        Ok(address)
    }
}

/// A DNS server. Its own name could not be looked up, so it has to be an IP address.
pub(crate) fn resolver(node: &Node) -> Read<SocketAddr> {
    match parse_endpoint(text(node)?)? {
        Endpoint::At(address) => check_connectable(address),
        Endpoint::Host(..) => {
            Err("must be an IP address and a port, as in 127.0.0.1:53".to_owned())
        }
    }
}

/// An address with its port; a host name is looked up.
pub(crate) fn address(node: &Node) -> Read<SocketAddr> {
    let text = match node {
        Node::Number(port, _) => return Err(format!("needs a host, as in 127.0.0.1:{port}")),
        other => text(other)?,
    };
    match parse_endpoint(text)? {
        Endpoint::At(address) => Ok(address),
        Endpoint::Host(host, port) => resolve(host, port),
    }
}

/// Host and port of an address as written, if the host is a name.
pub(crate) fn named_host(node: &Node) -> Option<String> {
    match parse_endpoint(text(node).ok()?).ok()? {
        Endpoint::At(_) => None,
        Endpoint::Host(host, port) => Some(format!("{host}:{port}")),
    }
}

/// Splits an address into host and port; looks nothing up. Refuses a host that programs read differently.
pub fn parse_endpoint(text: &str) -> Read<Endpoint<'_>> {
    const EXAMPLE: &str = "as in 127.0.0.1:5001";
    if let Ok(address) = text.parse() {
        return Ok(Endpoint::At(canonical(address)));
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
        Some((host, port)) => {
            // Parsing would accept a sign.
            let digits = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
            let Some(port) = digits.and_then(|port| port.parse().ok()) else {
                return Err(format!(
                    "has no port from 0 to 65535 after the ':', {EXAMPLE}"
                ));
            };
            check_host(host)?;
            Ok(Endpoint::Host(host, port))
        }
    }
}

/// The lowest address of `host`, IPv4 before IPv6: resolvers shuffle their answers, and that must not move a
/// substation on a reload.
fn resolve(host: &str, port: u16) -> Read<SocketAddr> {
    match (host, port).to_socket_addrs() {
        Ok(found) => first(found).ok_or_else(|| "is a host name without an address".to_owned()),
        Err(error) => Err(format!("is a host name that cannot be looked up: {error}")),
    }
}
