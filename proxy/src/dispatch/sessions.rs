//! A session through the proxy: `GET` and `DELETE /sessions/{id}`, so that a client needs one address only.
//!
//! The id says who holds the session: `NAME-…`, the substation's name first. Names may have dashes, and one
//! may be the beginning of another, so the longest known name wins. Nothing is chosen here and nothing set
//! aside, and no other substation is ever asked: only one can know.
//!
//! To look twice changes nothing, so a look that broke off is tried again. To unplug twice changes nothing
//! either, but the second answer would be "no such session", and nobody could tell whether the first had
//! ended it: so a `DELETE` that broke off is told as what it is.

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use http::{HeaderValue, Method};
use tokio::time::Instant;

use super::{
    Code, Failure, Lane, Snapshot,
    exchange::{Break, Outgoing, Progress},
    head::Head,
    route::Routed,
    watchdog::Watchdog,
};
use crate::{codec::RequestHead, grid::Substation};

/// Where sessions are, here and at the substations.
pub(super) const PREFIX: &str = "/sessions/";
/// What a session takes.
pub(super) const METHODS: &str = "GET, DELETE";
/// The longest id, in bytes: a name, a dash, and room for what substations make of the rest.
const LONGEST_ID: usize = 192;

/// What is asked of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Look,
    Unplug,
}

impl Ask {
    pub(super) fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Look),
            Method::DELETE => Some(Self::Unplug),
            _ => None,
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Look => "GET",
            Self::Unplug => "DELETE",
        }
    }
}

/// Which substation has which name.
#[derive(Debug)]
pub(super) struct Names<H>(HashMap<String, H>);

impl Names<Arc<Substation>> {
    /// Of `members`, and of those `absent` whose names nobody else has.
    pub(super) fn new(members: &[Arc<Substation>], absent: &[Arc<Substation>]) -> Self {
        let all = absent.iter().chain(members);
        let named = all.map(|one| (one.name().to_owned(), Arc::clone(one)));
        Self(named.collect())
    }
}

impl<H> Names<H> {
    /// Who holds the session: the longest known name that `id` begins with, before a dash.
    fn holder(&self, id: &str) -> Option<&H> {
        let mut name = id;
        while let Some((shorter, rest)) = name.rsplit_once('-') {
            // Something must be left of the id behind the name's dash.
            if (!rest.is_empty() || name.len() < id.len())
                && let Some(holder) = self.0.get(shorter)
            {
                return Some(holder);
            }
            name = shorter;
        }
        None
    }
}

/// An id that may stand in a path as it is, and so reaches the substation as it was meant.
fn is_fit(id: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(is_fit)
}

impl Lane {
    /// Asks the substation that holds the session `id`.
    pub(super) async fn session(
        &self,
        by: &Snapshot,
        ask: Ask,
        id: &str,
        head: Head<'_>,
        request_id: &HeaderValue,
        watchdog: &mut Watchdog,
    ) -> Result<Routed, Failure> {
        if !is_fit(id) {
            let message = format!(
                "a session id has 1 to {LONGEST_ID} letters, digits, '.', '_' or '-', as in substation1-281cfd6267037579"
            );
            return Err(Failure::new(Code::InvalidRequest, message));
        }
        let unknown = || {
            let message = format!("no substation here has a name that {id} begins with");
            Failure::new(Code::NotFound, message)
        };
        let substation = Arc::clone(by.names.holder(id).ok_or_else(unknown)?);
        let path = [PREFIX, id].concat();
        let line = RequestHead::new(ask.method(), &path, &substation.address().to_string())
            .map_err(|error| Failure::new(Code::InvalidRequest, error.to_string()))?;
        let outgoing = Outgoing {
            line: &line,
            head,
            request_id,
            body: &[],
        };
        let deadline = Instant::now() + by.config.timeouts.request;
        let rules = &by.config.retry;
        let mut attempts = rules.attempts;
        loop {
            let mut progress = Progress::Unsent;
            let to = self.destination(by, &substation);
            let exchange = {
                let now = Instant::now();
                self.exchange.send(to, &outgoing, &mut progress, now)
            };
            let result = watchdog.guard(deadline, pin!(exchange)).await;
            let broken = match result.unwrap_or(Err(Break::Deadline)) {
                Ok(answer) => return Ok(Routed { answer, substation }),
                Err(broken) => broken,
            };
            attempts -= 1;
            let is_safe = ask == Ask::Look || progress == Progress::Unsent;
            let is_worth_it = matches!(broken, Break::Lost(_)) && is_safe;
            if !(is_worth_it && attempts > 0 && self.shared.budget.take(rules.budget)) {
                let limit = by.config.timeouts.request;
                return Err(told(ask, substation.name(), &broken, progress, limit));
            }
        }
    }
}

/// What the client is told of a session that could not be asked for; `limit` is the time that it had.
fn told(ask: Ask, name: &str, broken: &Break, progress: Progress, limit: Duration) -> Failure {
    let means = match (ask, progress) {
        (Ask::Look, _) => "try again",
        (Ask::Unplug, Progress::Unsent) => "nothing was unplugged: try again",
        (Ask::Unplug, Progress::Sent) => {
            "the session may be unplugged or not: try again, and a 404 then means that it is over"
        }
    };
    match broken {
        Break::Connect(error) => {
            let message =
                format!("{name}, which holds the session, can't be reached ({error}); {means}");
            Failure::new(Code::NoSubstation, message)
        }
        Break::Lost(reason) => {
            let message = format!("{name} broke off: {reason}; {means}");
            Failure::new(Code::SubstationFailed, message)
        }
        Break::Deadline => {
            let limit = humantime::format_duration(limit);
            let message =
                format!("{name} did not answer within {limit} (timeouts.request); {means}");
            Failure::new(Code::DeadlineExceeded, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_name_holds_the_session() {
        let names = ["a", "a-b", "a-b-c", "s1", "s10", "x-"];
        let names = Names(
            (0..)
                .zip(names)
                .map(|(at, name)| (name.to_owned(), at))
                .collect(),
        );
        for (id, holder) in [
            ("a-0011", Some(0)),
            ("a-b-0011", Some(1)),
            ("a-b-c-0011", Some(2)),
            ("a-b-d-0011", Some(1)),
            ("a-c-0011", Some(0)),
            ("s1-0", Some(3)),
            ("s10-0", Some(4)),
            ("s100-0", None),
            ("x--1", Some(5)),
            ("a-", None),
            ("a", None),
            ("a-b", Some(0)),
            ("a-b-", Some(0)),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(names.holder(id).copied(), holder, "{id:?}");
        }
    }

    #[test]
    fn only_what_needs_no_escaping_is_an_id() {
        for id in ["s1-00ff", "A.b_c-1", &"x".repeat(LONGEST_ID)] {
            assert!(is_fit(id), "{id}");
        }
        let long = "x".repeat(LONGEST_ID + 1);
        for id in ["", "a/b", "a%2fb", "a b", "a?b", "..\\", "\u{e9}", &long] {
            assert!(!is_fit(id), "{id}");
        }
    }
}
