//! The token in an `Authorization` header.

const SCHEME: &str = "Bearer";

/// What an `Authorization` header of the scheme `Bearer` carries (RFC 6750). Of any other scheme, none.
#[must_use]
pub fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && token.starts_with(b" ");
    is_bearer.then_some(token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_follows_bearer_and_a_blank() {
        for (value, token) in [
            (&b"Bearer abc"[..], Some(&b"abc"[..])),
            (b"bEARER abc", Some(b"abc")),
            (b"Bearer  abc ", Some(b"abc")),
            (b"Bearer a b", Some(b"a b")),
            (b"Bearer ", Some(b"")),
            (b"Bearer", None),
            (b"Bearerabc", None),
            (b"Bearer\tabc", None),
            (b"Basic  abc", None),
            (b"Digest abc", None),
            (b"", None),
        ] {
            assert_eq!(bearer(value), token, "{}", value.escape_ascii());
        }
    }
}
