//! The token in an `Authorization` header.

const SCHEME: &str = "Bearer";

/// What an `Authorization` header of the scheme `Bearer` carries (RFC 6750). Of any other scheme, none.
#[must_use]
pub fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && token.starts_with(b" ");
    is_bearer.then_some(token.trim_ascii())
}
