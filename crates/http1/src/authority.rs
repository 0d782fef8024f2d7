//! The host and the port that a request is for: a `Host` header, the authority of an absolute target, `:authority`.

use std::net::Ipv6Addr;

use memchr::memchr;

/// A valid authority: `host`, or `host:port`.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    host: &'a [u8],
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads a name, an IPv4 address or an IPv6 address in brackets, with a port from 0 to 65535, an empty one or none.
    /// `None` if it is anything else.
    ///
    /// RFC 3986 also allows user information, names with `%` escapes, zones and no host at all. Readers disagree about
    /// each of them, no HTTP client needs them, and RFC 9110 forbids the first and the last.
    #[must_use]
    #[inline]
    pub fn parse(authority: &'a [u8]) -> Option<Self> {
        let end = if let [b'[', literal @ ..] = authority {
            let end = memchr(b']', literal)?;
            let literal = str::from_utf8(literal.get(..end)?).ok()?;
            literal.parse::<Ipv6Addr>().ok()?;
            end + 2
        } else {
            let end = memchr(b':', authority).unwrap_or(authority.len());
            let name = authority.get(..end)?;
            if name.is_empty() || !name.iter().copied().all(is_in_name) {
                return None;
            }
            end
        };
        let (host, port) = authority.split_at_checked(end)?;
        let port = match port {
            [] | [b':'] => None,
            [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
                Some(str::from_utf8(digits).ok()?.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// Whether both are the same host and port, without regard to case; `default` is the port where none is given.
    #[must_use]
    pub fn is_same(self, other: Self, default: u16) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.unwrap_or(default) == other.port.unwrap_or(default)
    }
}

/// Whether a registered name may contain the byte (RFC 3986 §3.2.2, without escapes).
#[inline]
fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_and_without_a_port_are_valid() {
        for valid in [
            "a",
            "A.b-c_d.",
            "a:",
            "a:0",
            "a:80",
            "a:65535",
            "a:00080",
            "1.2.3.4",
            "1.2.3.4:80",
            "[::1]",
            "[::1]:8080",
            "[2001:DB8::1]:",
            "[::ffff:1.2.3.4]",
            "xn--bcher-kva.example",
            "localhost:5001",
        ] {
            assert!(Authority::parse(valid.as_bytes()).is_some(), "{valid}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for invalid in [
            "",
            ":",
            ":80",
            "a:80:81",
            "a:b",
            "a:-1",
            "a:+80",
            "a:65536",
            "a: 80",
            "a :80",
            "a b",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]80",
            "[]",
            "[a]",
            "[1.2.3.4]",
            "[v1.a]",
            "[fe80::1%25eth0]",
            "]",
            "a]",
            "<x>",
            "u@a",
            "u:p@a",
            "@a",
            "a/",
            "a/b",
            "/",
            "a?b",
            "a#b",
            "a%20b",
            "a%41",
            "%",
            "a\\b",
            "a\"b",
            "a{b}",
            "a|b",
            "a^b",
            "a`b",
            "b\u{fc}cher",
            "a\tb",
            "a\u{7f}",
            "http://a",
            "[::1]:80:81",
            "[::1]:x",
            "a, b",
        ] {
            assert!(Authority::parse(invalid.as_bytes()).is_none(), "{invalid}");
        }
    }

    #[test]
    fn case_and_a_default_port_make_no_difference() {
        let is_same = |one: &str, other: &str, default| {
            let parse = Authority::parse;
            parse(one.as_bytes())
                .unwrap()
                .is_same(parse(other.as_bytes()).unwrap(), default)
        };
        for (one, other, default) in [
            ("A.b", "a.B", 80),
            ("a", "a:80", 80),
            ("a:", "a:443", 443),
            ("[::A]", "[::a]:80", 80),
        ] {
            assert!(
                is_same(one, other, default) && is_same(other, one, default),
                "{one} {other}"
            );
        }
        for (one, other, default) in [("a", "b", 80), ("a", "a:81", 80), ("a:80", "a", 443)] {
            assert!(
                !is_same(one, other, default) && !is_same(other, one, default),
                "{one} {other}"
            );
        }
    }
}
