//! Every request has an id: the client's `x-request-id` if it is valid, or a random one.

use fastrand::Rng;
use http::HeaderValue;

/// The longest id that is passed on, in bytes.
const LONGEST: usize = 128;

/// The client's id if it is short and printable, else an id from the bits that `rng` returns.
pub(crate) fn of(client: Option<&[u8]>, rng: impl FnOnce() -> u128) -> HeaderValue {
    let fit = client.filter(|id| is_fit(id));
    fit.and_then(|id| HeaderValue::from_bytes(id).ok())
        .unwrap_or_else(|| make(rng()))
}

/// 128 random bits, for [`of`].
pub(super) fn random(rng: &mut Rng) -> u128 {
    rng.u128(..)
}

fn is_fit(id: &[u8]) -> bool {
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(u8::is_ascii_graphic)
}

fn make(bits: u128) -> HeaderValue {
    let mut hex = [b'0'; 32];
    for (at, digit) in hex.iter_mut().enumerate() {
        let nibble = (bits >> (4 * at)) & 0xf;
        *digit = b"0123456789abcdef"
            .get(nibble as usize)
            .copied()
            .unwrap_or(b'0');
    }
    HeaderValue::from_bytes(&hex).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_id_is_kept_if_it_is_valid() {
        assert_eq!(of(Some(b"abc-1"), || 1), "abc-1");
        let long = [b'a'; 129];
        for unfit in [&b""[..], b"a b", &long] {
            assert_eq!(of(Some(unfit), || 1).len(), 32);
        }
        assert_ne!(of(None, || 1), of(None, || 2));
    }
}
