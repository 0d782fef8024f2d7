//! Hop-by-hop headers: they describe one connection, not the message, and are not forwarded (RFC 9110 §7.6.1).

/// Whether the value of a `Connection` header nominates the header `name`.
#[must_use]
#[inline]
pub fn nominates(connection: &[u8], name: &[u8]) -> bool {
    connection
        .split(|byte| *byte == b',')
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(name))
}
