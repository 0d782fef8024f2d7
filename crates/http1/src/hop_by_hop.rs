//! Hop-by-hop headers: they describe one connection, not the message, and are not forwarded (RFC 9110 §7.6.1).

/// End-to-end headers that this proxy counts on: the key under which a charge may be repeated, the client's patience, the
/// request's id, where it came from, its framing. A client must not name one of them in `Connection` (RFC 9110 §7.6.1).
/// If it were dropped for that, the substation would know less than the proxy does, as of the key: a retry would then
/// book twice.
const COUNTED_ON: [&str; 10] = [
    "idempotency-key",
    "x-request-timeout",
    "x-request-id",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "host",
    "content-length",
];

/// Whether the header `name` is never hop-by-hop, whatever a `Connection` header says.
#[must_use]
pub fn is_counted_on(name: &[u8]) -> bool {
    let is = |counted: &str| name.eq_ignore_ascii_case(counted.as_bytes());
    COUNTED_ON.iter().any(|counted| is(counted))
}

/// Whether the value of a `Connection` header nominates the header `name`.
#[must_use]
#[inline]
pub fn nominates(connection: &[u8], name: &[u8]) -> bool {
    connection
        .split(|byte| *byte == b',')
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_nominated_by_its_whole_name_in_any_case() {
        for (connection, is_nominated) in [
            ("x-one", true),
            ("close, X-ONE", true),
            ("x-one\t, close", true),
            ("", false),
            ("close", false),
            ("x-ones", false),
            ("x-on", false),
            ("x-two, close", false),
            ("x-two x-one", false),
        ] {
            let is = nominates(connection.as_bytes(), b"x-one");
            assert_eq!(is, is_nominated, "{connection:?}");
        }
    }
}
