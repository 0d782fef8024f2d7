//! The answer when no substation is left to ask: its code, when to come back, and what was tried.
//!
//! The code follows from what the substations said, in whatever order they were asked. If any has no room, room is
//! what is missing. If all that could be asked limit the client's rate, the client is what is too fast. Substations
//! that could not be reached were not asked.

use std::{fmt, io::ErrorKind};

use switchyard_balance::Refusal;
use switchyard_wire::{Code, Detail, Failure, Retry};

use super::{
    limit::Limit,
    retry::{RetryState, SafeToRetry, Stop, Tried},
};

/// How many of the substations that were tried a message names.
const NAMED: usize = 10;

/// The failure when no substation is left to ask, or none may be asked any more.
/// `limit` is what keeps it from the others, if that is known.
pub(super) fn failure_for(
    refusal: Refusal,
    limit: Option<&Limit<'_>>,
    state: &mut RetryState,
) -> Failure {
    if let Some(broken) = state.broken.take() {
        return broken;
    }
    let code = code_for(refusal, &state.tried);
    let what = match code {
        Code::NoCapacity => "no substation has room for this charge now",
        Code::RateLimited => "the substations limit how often this client may ask",
        Code::Overloaded => "the proxy can't make a connection to a substation now",
        _ if state.tried.is_empty() => "no substation is in rotation now",
        _ => "no substation can be reached now",
    };
    let limit = limit.filter(|_| code == Code::NoCapacity);
    let why = match limit {
        None => String::new(),
        Some(limit) if state.tried.is_empty() => format!(": {limit}"),
        Some(limit) => format!("; {limit}"),
    };
    let message = format!("{what}{}{why}; nothing is booked", Attempts(state));
    let failure = Failure {
        retry: retry_for(code, &state.tried),
        ..Failure::new(code, message)
    };
    match (limit, least_full(&state.tried)) {
        (Some(limit), _) => limit.tell(failure),
        (None, Some(name)) if code == Code::NoCapacity => failure.about(Detail::Limit(name)),
        _ => failure,
    }
}

/// The failure when the substation that holds the request's key, and so is the only one to ask, did not book.
pub(super) fn failure_for_holder(name: &str, why: SafeToRetry, state: &mut RetryState) -> Failure {
    if let Some(broken) = state.broken.take() {
        return broken;
    }
    let (code, what) = match why {
        SafeToRetry::Refused => (Code::NoCapacity, "refused it"),
        SafeToRetry::Limited => (
            Code::RateLimited,
            "limits how often this client may ask (429)",
        ),
        SafeToRetry::Unavailable => (Code::NoSubstation, "can't serve now (503)"),
        SafeToRetry::Shortage(_) => (
            Code::Overloaded,
            "the proxy can't make a connection to it now",
        ),
        SafeToRetry::Connect(_) | SafeToRetry::Unsent => (Code::NoSubstation, "can't be reached"),
    };
    let message = format!(
        "{name} holds this Idempotency-Key and {what}; nothing more is booked: try again with the same key"
    );
    Failure {
        retry: retry_for(code, &state.tried),
        ..Failure::new(code, message)
    }
}

/// Of the substations that said that they have no room, the one with the most left as far as is known here.
fn least_full(tried: &[Tried]) -> Option<String> {
    let full = tried.iter().filter(|one| one.why == SafeToRetry::Refused);
    let most = full.max_by_key(|one| one.substation.ledger().room());
    most.map(|one| one.substation.public_name().as_str().to_owned())
}

fn code_for(refusal: Refusal, tried: &[Tried]) -> Code {
    let was = |why| tried.iter().any(|tried| tried.why == why);
    let is_short = |tried: &Tried| matches!(tried.why, SafeToRetry::Shortage(_));
    if was(SafeToRetry::Refused) {
        Code::NoCapacity
    } else if was(SafeToRetry::Limited) && !was(SafeToRetry::Unavailable) {
        Code::RateLimited
    } else if refusal == Refusal::NoCapacity {
        Code::NoCapacity
    } else if tried.iter().any(is_short) {
        Code::Overloaded
    } else {
        Code::NoSubstation
    }
}

/// A client that is too fast may come back when the first substation lets it. Others don't hear of that.
fn retry_for(code: Code, tried: &[Tried]) -> Retry {
    let limited = tried
        .iter()
        .filter(|tried| code == Code::RateLimited && tried.why == SafeToRetry::Limited);
    let shortest = limited.filter_map(|tried| tried.wait).min();
    shortest.map_or(Retry::Soon, Retry::After)
}

/// What was tried, and what forbids to try more, as a part of a sentence.
struct Attempts<'a>(&'a RetryState);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(state) = self;
        for (
            at,
            Tried {
                substation, why, ..
            },
        ) in state.tried.iter().take(NAMED).enumerate()
        {
            f.write_str(if at == 0 { ": " } else { ", " })?;
            write!(f, "{} {}", substation.public_name().as_str(), said(*why))?;
        }
        if let Some(more @ 1..) = state.tried.len().checked_sub(NAMED) {
            write!(f, ", and {more} more")?;
        }
        match state.stop {
            _ if state.tried.is_empty() => Ok(()),
            Some(Stop::Attempts) => f.write_str(" (no more attempts: retry.attempts)"),
            Some(Stop::Tried) => f.write_str(" (no more are tried for one request)"),
            Some(Stop::Budget) => f.write_str(" (no more attempts: retry.budget)"),
            None => f.write_str(" (no other is left)"),
        }
    }
}

/// What became of an attempt, said of a substation.
fn said(why: SafeToRetry) -> &'static str {
    match why {
        SafeToRetry::Connect(ErrorKind::ConnectionRefused) => "refuses connections",
        SafeToRetry::Connect(ErrorKind::TimedOut) => {
            "made no connection in time (timeouts.connect)"
        }
        SafeToRetry::Connect(ErrorKind::InvalidData) => "has no TLS connection to offer",
        SafeToRetry::Connect(_) => "can't be connected to",
        SafeToRetry::Shortage(_) => "was not asked",
        SafeToRetry::Unsent => "closed the connection before the request arrived",
        SafeToRetry::Refused => "has no room",
        SafeToRetry::Limited => "answered 429",
        SafeToRetry::Unavailable => "answered 503",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchyard_config::Config;
    use switchyard_grid::{Clock, Grid};
    use switchyard_process::Shortage;
    use switchyard_tls::Credentials;
    use tokio::time::Instant;

    use super::*;
    use crate::{metrics::Metrics, runtime::Runtime};

    const GONE: SafeToRetry = SafeToRetry::Connect(ErrorKind::ConnectionRefused);
    const LACKING: SafeToRetry = SafeToRetry::Shortage(Shortage::Ports);

    /// The state of a request that was sent to one substation after the other, with these results.
    fn after(tried: &[(SafeToRetry, Option<u32>)]) -> RetryState {
        let text = "substations: [{name: a, address: 127.0.0.1:1}, {name: b, address: 127.0.0.1:2}, {name: c, address: 127.0.0.1:3}]";
        let config = Config::from_yaml(text, "test").unwrap();
        let metrics = Metrics::new().unwrap();
        let grid = Grid::new(&config, &metrics.grid, Clock::start(), 1).unwrap();
        let runtime = Runtime::new(config, Credentials::default(), Arc::new(grid), metrics);
        let mut state = RetryState::new(runtime.snapshot(), Instant::now());
        for (at, (why, wait)) in tried.iter().enumerate() {
            let substation = Arc::clone(&state.snapshot.grid.substations()[at]);
            state.attempts += 1;
            state.not_booked(&substation, *why, *wait);
            state.exclude(at, *why);
        }
        state
    }

    fn code(refusal: Refusal, tried: &[SafeToRetry]) -> Code {
        let tried: Vec<_> = tried.iter().map(|why| (*why, None)).collect();
        failure_for(refusal, None, &mut after(&tried)).code
    }

    #[test]
    fn the_code_does_not_depend_on_the_order() {
        use SafeToRetry::{Limited, Refused, Unavailable, Unsent};
        let all = [GONE, LACKING, Unsent, Refused, Limited, Unavailable];
        for refusal in [Refusal::NoCapacity, Refusal::NoUpstream] {
            for first in all {
                for second in all {
                    let one = code(refusal, &[first, second]);
                    let other = code(refusal, &[second, first]);
                    assert_eq!(one, other, "{first:?}, {second:?}");
                }
                let full = code(refusal, &[first, Refused]);
                assert_eq!(full, Code::NoCapacity, "{first:?}");
            }
        }
    }

    #[test]
    fn the_code_says_what_is_missing() {
        use SafeToRetry::{Limited, Unavailable, Unsent};
        for (tried, expected) in [
            (&[][..], Code::NoSubstation),
            (&[GONE, Unsent], Code::NoSubstation),
            (&[GONE, Unavailable], Code::NoSubstation),
            (&[Limited, Limited, Limited], Code::RateLimited),
            (&[Limited, GONE], Code::RateLimited),
            (&[Limited, Unavailable], Code::NoSubstation),
            (&[LACKING, GONE], Code::Overloaded),
        ] {
            assert_eq!(code(Refusal::NoUpstream, tried), expected, "{tried:?}");
        }
        let full = Refusal::NoCapacity;
        assert_eq!(code(full, &[]), Code::NoCapacity);
        assert_eq!(code(full, &[GONE]), Code::NoCapacity);
        let asked = code(full, &[Limited]);
        assert_eq!(asked, Code::RateLimited, "all that were asked said so");
    }

    #[test]
    fn a_client_that_is_too_fast_hears_the_shortest_wait_and_others_hear_none_of_it() {
        use SafeToRetry::{Limited, Refused};
        let tried = [(Limited, Some(8)), (Limited, None), (Limited, Some(3))];
        let failure = failure_for(Refusal::NoUpstream, None, &mut after(&tried));
        assert_eq!(failure.retry, Retry::After(3));
        let failure = failure_for(Refusal::NoUpstream, None, &mut after(&[(Limited, None)]));
        assert_eq!(failure.retry, Retry::Soon);
        let mut state = after(&[(Limited, Some(8)), (Refused, Some(20))]);
        let failure = failure_for(Refusal::NoUpstream, None, &mut state);
        assert_eq!(failure.retry, Retry::Soon, "the forecast decides");
        assert_eq!(state.room_in(), Some(20));
    }

    #[test]
    fn the_message_says_what_was_tried_and_why_no_more_was() {
        let mut state = after(&[(GONE, None), (SafeToRetry::Unavailable, None)]);
        let failure = failure_for(Refusal::NoUpstream, None, &mut state);
        assert_eq!(
            failure.message,
            "no substation can be reached now: a refuses connections, b answered 503 (no other is left); nothing is booked"
        );
        state.stop = Some(Stop::Budget);
        let failure = failure_for(Refusal::NoUpstream, None, &mut state);
        assert!(failure.message.contains("retry.budget"));
        let failure = failure_for(Refusal::NoUpstream, None, &mut after(&[]));
        assert_eq!(
            failure.message,
            "no substation is in rotation now; nothing is booked"
        );
    }

    #[test]
    fn a_possible_booking_is_reported_whatever_followed() {
        let mut state = after(&[(SafeToRetry::Refused, None)]);
        state.broken = Some(Failure::new(Code::SubstationFailed, "may be booked"));
        let failure = failure_for(Refusal::NoUpstream, None, &mut state);
        assert_eq!(failure.code, Code::SubstationFailed);
    }
}
