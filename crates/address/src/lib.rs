//! One reading of an address, for everything that reads or compares one.
//!
//! An address can be written in several ways, and a name can lead to several addresses. Two rules follow. Whatever is
//! compared is [`canonical`] first, so that one listener is one address. And a host that programs read differently is
//! refused ([`check_host`]): `010.0.0.1` is 8.0.0.1 to the system's resolver and 10.0.0.1 to people.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

/// The canonical form of `address`: an IPv4 address that is mapped into IPv6 (`::ffff:10.0.0.1`) is that IPv4 address.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        // As it is: a link-local address has a scope.
        IpAddr::V6(_) => address,
    }
}

/// The address to use of several of one host, in its canonical form: the lowest, IPv4 before IPv6. Resolvers shuffle
/// their answers, and that must not move anything.
#[must_use]
pub fn first(addresses: impl IntoIterator<Item = SocketAddr>) -> Option<SocketAddr> {
    addresses.into_iter().map(canonical).min()
}

/// Whether a connection to `address` reaches the listener at `listen` of the same machine; both canonical.
#[must_use]
pub fn reaches(address: SocketAddr, listen: SocketAddr) -> bool {
    // A listener on `[::]` takes IPv4 connections too.
    let is_covered = || {
        let is_family_covered = listen.is_ipv6() || address.is_ipv4();
        listen.ip().is_unspecified() && is_family_covered && address.ip().is_loopback()
    };
    address.port() == listen.port() && (address.ip() == listen.ip() || is_covered())
}

/// A host that ends in a number and is no IPv4 address as everything reads it. Its text follows the host in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousHost {
    /// What the system's resolver takes it for; `None` if that refuses it too.
    read_as: Option<Ipv4Addr>,
    /// What people may have meant, if all numbers are decimal.
    meant: Option<Ipv4Addr>,
}

impl std::error::Error for AmbiguousHost {}

impl fmt::Display for AmbiguousHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const RULE: &str =
            "an IPv4 address is four decimal numbers from 0 to 255 without leading zeros";
        match (self.meant, self.read_as) {
            (Some(meant), Some(other)) if meant != other => write!(
                f,
                "is ambiguous: it may mean {meant}, and many programs read it as {other}; write the one that is meant \
                 ({RULE})"
            ),
            (Some(one), _) | (None, Some(one)) => write!(
                f,
                "is ambiguous: some programs read it as {one} and others refuse it; write {one} if that is meant \
                 ({RULE})"
            ),
            (None, None) => write!(
                f,
                "is no address, and no name either, since it ends in a number: {RULE}"
            ),
        }
    }
}

/// Checks that `host`, an IPv4 address or a name, is read alike by everything: if its last part is a number, it must
/// be an IPv4 address in its usual form. Hosts in brackets and other names pass.
pub fn check_host(host: &str) -> Result<(), AmbiguousHost> {
    if host.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    if !is_number(last) {
        return Ok(());
    }
    Err(AmbiguousHost {
        read_as: as_inet_aton(host),
        meant: as_decimal(host),
    })
}

/// Whether a part of a host is a number to some reader: digits, or hexadecimal digits after `0x`.
fn is_number(part: &str) -> bool {
    let is_decimal = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
    is_decimal
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The host as C's `inet_aton` reads it: one to four numbers, octal after `0`, hexadecimal after `0x`; the last one
/// fills what is left of the address.
fn as_inet_aton(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|byte| *byte > 255) {
        return None;
    }
    let free = 32 - 8 * u32::try_from(bytes.len()).ok()?;
    if u64::from(*last) >= 1 << free {
        return None;
    }
    let high = bytes
        .iter()
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let address = (high << free) | u64::from(*last);
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn number(part: &str) -> Option<u32> {
    let hexadecimal = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    // Parsing would accept a sign.
    let is_clean = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_clean.then(|| u32::from_str_radix(digits, radix).ok())?
}

/// The host as four decimal numbers, leading zeros ignored.
fn as_decimal(host: &str) -> Option<Ipv4Addr> {
    let mut parts = host.split('.').map(|part| {
        let is_decimal = part.bytes().all(|byte| byte.is_ascii_digit());
        is_decimal.then(|| part.parse::<u8>().ok())?
    });
    let mut next = || parts.next().flatten();
    let bytes = [next()?, next()?, next()?, next()?];
    parts.next().is_none().then(|| Ipv4Addr::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::ToSocketAddrs;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_mapped_address_is_the_address_that_it_maps() {
        for (written, meant) in [
            ("[::ffff:10.0.0.1]:5001", "10.0.0.1:5001"),
            ("[::ffff:a00:1]:5001", "10.0.0.1:5001"),
            ("[::ffff:0:0]:1", "0.0.0.0:1"),
            ("10.0.0.1:5001", "10.0.0.1:5001"),
            ("[fd00::1]:5001", "[fd00::1]:5001"),
            ("[fe80::1%3]:5001", "[fe80::1%3]:5001"),
            ("[::10.0.0.1]:5001", "[::10.0.0.1]:5001"),
        ] {
            assert_eq!(canonical(at(written)), at(meant), "{written}");
        }
        let several = ["[fd00::1]:1", "[::ffff:10.0.0.2]:1", "10.0.0.3:1"].map(at);
        assert_eq!(first(several), Some(at("10.0.0.2:1")));
        assert_eq!(first([]), None);
    }

    #[test]
    fn a_listener_on_all_interfaces_is_reached_by_every_loopback_address() {
        for (listen, address, is_reached) in [
            ("127.0.0.1:1", "127.0.0.1:1", true),
            ("127.0.0.1:1", "127.0.0.1:2", false),
            ("127.0.0.1:1", "127.0.0.2:1", false),
            ("0.0.0.0:1", "127.0.0.1:1", true),
            ("0.0.0.0:1", "127.9.9.9:1", true),
            ("0.0.0.0:1", "[::1]:1", false),
            ("0.0.0.0:1", "10.0.0.1:1", false),
            ("[::]:1", "[::1]:1", true),
            ("[::]:1", "127.0.0.1:1", true),
            ("[::]:1", "127.0.0.1:2", false),
        ] {
            assert_eq!(
                reaches(at(address), at(listen)),
                is_reached,
                "{address} at {listen}"
            );
        }
    }

    #[test]
    fn a_host_that_ends_in_a_number_must_be_an_address_in_its_usual_form() {
        for fit in [
            "10.0.0.1",
            "localhost",
            "a.b-1",
            "s1",
            "1.2.3.4a",
            "10.0.0.1.example",
            "x1f",
            "[fd00::1]",
            "substation-0.substation.",
            "0xgg",
            "",
        ] {
            assert_eq!(check_host(fit), Ok(()), "{fit}");
        }
        for (host, words) in [
            (
                "010.0.0.1",
                "it may mean 10.0.0.1, and many programs read it as 8.0.0.1",
            ),
            ("10.0.0.08", "some programs read it as 10.0.0.8"),
            ("127.1", "some programs read it as 127.0.0.1"),
            ("127.0.1", "some programs read it as 127.0.0.1"),
            ("2130706433", "some programs read it as 127.0.0.1"),
            ("0x7f000001", "some programs read it as 127.0.0.1"),
            ("0X7F.1", "some programs read it as 127.0.0.1"),
            ("127.0.0.0x1", "some programs read it as 127.0.0.1"),
            ("0", "some programs read it as 0.0.0.0"),
            ("10.0.0.1.", "some programs read it as 10.0.0.1"),
            ("1.2.3.256", "is no address"),
            ("1.2.3.4.5", "is no address"),
            ("4294967296", "is no address"),
            ("1..2", "is no address"),
            ("host.1", "is no address"),
            ("-1.5", "is no address"),
        ] {
            let told = check_host(host).unwrap_err().to_string();
            assert!(told.contains(words), "{host}: {told}");
        }
    }

    #[test]
    fn the_other_reading_is_the_systems() {
        for host in [
            "010.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.01",
            "1.0x10",
        ] {
            let system = (host, 1).to_socket_addrs();
            // Some systems refuse all of them.
            if let Ok(mut system) = system {
                let ip = as_inet_aton(host).map(IpAddr::from);
                assert_eq!(system.next().map(|address| address.ip()), ip, "{host}");
            }
        }
    }
}
