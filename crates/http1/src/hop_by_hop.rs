//! Headers that speak of one connection, not of the message, and so end with it (RFC 9110 §7.6.1).

/// Whether the value of a `Connection` header nominates the header `name`.
#[must_use]
pub fn nominates(connection: &[u8], name: &[u8]) -> bool {
    connection
        .split(|byte| *byte == b',')
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(name))
}
