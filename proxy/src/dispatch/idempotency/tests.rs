//! What is a key.

use http::{HeaderMap, HeaderValue};

use super::*;

#[test]
fn an_invalid_key_is_refused() {
    let with = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_str(value).unwrap());
        }
        key_of(Head::Parsed(&headers)).map(|key| key.map(<[u8]>::to_vec))
    };
    assert_eq!(with(&[]).unwrap(), None);
    assert_eq!(with(&["\"8e03\""]).unwrap(), Some(b"\"8e03\"".to_vec()));
    assert!(with(&[&"x".repeat(255)]).is_ok());
    for bad in [&[""][..], &["a b"], &["a", "a"], &[&"x".repeat(256)]] {
        assert_eq!(with(bad).unwrap_err().code, Code::InvalidRequest, "{bad:?}");
    }
}
