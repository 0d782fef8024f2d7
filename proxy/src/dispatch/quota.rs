//! What a client may still ask for, as `RateLimit-Policy` and `RateLimit` say it (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! Answers to what is served say it too, not only refusals: a client that reads them slows down before it is refused. Only
//! clients with a limit get them, so no other request pays for them.

use http::HeaderValue;
use switchyard_balance::Load;
use switchyard_clients::{Allowance, Left, TooSoon};

/// What is left of one limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    /// The name of the limit.
    policy: &'static str,
    /// What there is at most.
    most: u64,
    /// In how many seconds there is as much again, for a rate.
    window: Option<u64>,
    left: u64,
    /// For how many seconds that is all.
    reset: u64,
}

impl Quota {
    /// Of a rate.
    pub(super) fn of_rate(
        policy: &'static str,
        rate: Allowance,
        taken: Result<Left, TooSoon>,
    ) -> Self {
        let (left, reset) = match taken {
            Ok(left) => (left.requests, left.full_in),
            Err(too_soon) => (0, too_soon.retry_in.into()),
        };
        Self {
            policy,
            most: rate.burst().into(),
            window: Some(rate.seconds_to_fill()),
            left: left.into(),
            reset,
        }
    }

    /// Of a load at once, in whole units.
    pub(super) fn of_load(most: Load, held: Load, retry_in: u32) -> Self {
        let whole = |micros: i64| u64::try_from(micros / 1_000_000).unwrap_or(0);
        Self {
            policy: "load",
            most: whole(most.micros()),
            window: None,
            left: whole(most.micros() - held.micros()),
            reset: retry_in.into(),
        }
    }

    /// The value of `RateLimit-Policy`.
    pub(super) fn policy(&self) -> Option<HeaderValue> {
        let Self { policy, most, .. } = self;
        let text = match self.window {
            Some(window) => format!("{policy:?};q={most};w={window}"),
            None => format!("{policy:?};q={most};qu=\"load\""),
        };
        HeaderValue::try_from(text).ok()
    }

    /// The value of `RateLimit`.
    pub(super) fn left(&self) -> Option<HeaderValue> {
        let Self {
            policy,
            left,
            reset,
            ..
        } = self;
        let mut value = HeaderValue::try_from(format!("{policy:?};r={left};t={reset}")).ok()?;
        // It differs with each answer, so it takes no place in the table of headers that both ends of HTTP/2 keep.
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn texts(quota: Quota) -> [String; 2] {
        let text = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        [text(quota.policy()), text(quota.left())]
    }

    #[test]
    fn both_fields_are_as_the_draft_writes_them() {
        let rate = Allowance::new(5, Duration::from_secs(1), Some(20));
        let left = Ok(Left {
            requests: 7,
            full_in: 3,
        });
        assert_eq!(
            texts(Quota::of_rate("rate", rate, left)),
            [r#""rate";q=20;w=4"#, r#""rate";r=7;t=3"#]
        );
        let refused = Err(TooSoon { retry_in: 2 });
        assert_eq!(
            texts(Quota::of_rate("address", rate, refused)),
            [r#""address";q=20;w=4"#, r#""address";r=0;t=2"#]
        );
        let load = |units| Load::new(units).unwrap();
        assert_eq!(
            texts(Quota::of_load(load(50.5), load(44.0), 9)),
            [r#""load";q=50;qu="load""#, r#""load";r=6;t=9"#]
        );
    }
}
