//! The `Idempotency-Key` of a request, and how long the table keeps it.
//!
//! Which substation holds a key, [`Keys`] knows. Every repetition goes to that substation only: also one at the same time
//! on another thread, also while the substation is ejected or draining, also after an answer that never arrived. Requests
//! without a key use nothing of this.

use switchyard_config as config;
use switchyard_http1::Head;
use switchyard_idempotency::{Keys, Limits};
use switchyard_wire::{
    Code, Failure,
    names::{IDEMPOTENCY_KEY, POSSIBLE_HOLDER},
};

/// The longest key, in bytes.
const LONGEST: usize = 255;

/// The key of a request, if it has one. An invalid key is an error, because its client relies on it.
pub(super) fn key_of(head: Head<'_>) -> Result<Option<&[u8]>, Failure> {
    let mut keys = head.all(IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let is_fit = !key.is_empty() && key.len() <= LONGEST && key.iter().all(u8::is_ascii_graphic);
    if !is_fit || keys.next().is_some() {
        let message = format!(
            "a request has at most one Idempotency-Key, with 1 to {LONGEST} visible ASCII characters; nothing is booked"
        );
        return Err(Failure::new(Code::InvalidRequest, message));
    }
    Ok(Some(key))
}

/// The sign of the substation that may have booked a key before, as another proxy has told the client. One that can't be
/// read says nothing.
pub(super) fn possible_holder(head: Head<'_>) -> Option<u64> {
    let sign = head.all(POSSIBLE_HOLDER).next()?;
    let sign = str::from_utf8(sign).ok().filter(|sign| sign.len() == 16)?;
    u64::from_str_radix(sign, 16).ok()
}

/// How many keys are kept, and how long.
pub(super) fn limits(rules: &config::Retry) -> Limits {
    Limits {
        most: rules.keys.most(Keys::BYTES_EACH),
        kept_for: rules.keys_for,
    }
}

/// The failure of a request whose key came with another charge before.
pub(super) fn reused() -> Failure {
    let message = "this Idempotency-Key came with another charge before; nothing more is booked: repeat a request as it \
                   was, and give another charge another key";
    Failure::new(Code::IdempotencyKeyReused, message)
}

#[cfg(test)]
mod tests;
