//! What the commands drain and undrain do.
//!
//! A drain may be said by three (see `switchyard_grid::Drain`), and a command speaks for two of them: for the fleet
//! where there is a store, else for this proxy, and with `?local=true` for this proxy in any case. An undrain that would
//! leave the substation draining, because another one says so, is refused, says what to change, and changes nothing.

use std::{fmt, net::IpAddr};

use http::Method;
use serde::{Deserialize, Serialize};
use switchyard_fleet::{ErrorKind, StoreError};
use switchyard_grid::{DrainSource, Grid, Said};
use switchyard_wire::{Code, Failure};

use super::{
    Admin, Reply,
    commands::{Command, Given, METHODS},
    failure, json, status,
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// The body of a drain.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    reason: Option<String>,
}

/// The answer to an undrain of a substation that is not listed here.
#[derive(Debug, Serialize)]
struct Unlisted<'a> {
    name: &'a str,
    drain: Option<()>,
}

/// What a command asks for beyond its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    is_local: bool,
    reason: Option<String>,
}

impl Order {
    /// From the query and the body of a command.
    pub(super) fn read(
        command: &Command<'_>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, String> {
        let is_local = match query {
            None | Some("" | "local=false") => false,
            Some("local=true") => true,
            Some(other) => {
                return Err(format!(
                    "unknown query {other:?}: write local=true, or nothing"
                ));
            }
        };
        let reason = if body.trim_ascii().is_empty() {
            None
        } else if command.is_draining {
            reason(body)?
        } else if body.trim_ascii() == b"{}" {
            None
        } else {
            return Err("an undrain takes no body".to_owned());
        };
        Ok(Self { is_local, reason })
    }
}

fn reason(body: &[u8]) -> Result<Option<String>, String> {
    let explain = |why: &dyn fmt::Display| {
        format!("the body is not JSON like {{\"reason\": \"new transformer\"}}, or nothing: {why}")
    };
    // A list of values in the place of the fields would be read too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(explain(&"it is no object"));
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| explain(&error))?;
    let Some(reason) = body.reason else {
        return Ok(None);
    };
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > LONGEST_REASON {
        return Err(format!(
            "reason: has {length} characters; it must have 1 to {LONGEST_REASON}, and not only blanks"
        ));
    }
    if reason.chars().any(char::is_control) {
        return Err("reason: must be one line, without control characters".to_owned());
    }
    Ok(Some(reason))
}

impl Admin {
    pub(super) async fn command(&self, command: &Command<'_>, given: Given<'_>) -> Reply {
        if given.method != Method::POST {
            let (path, method) = (given.path, given.method);
            return failure(&Failure::method_not_allowed(path, method, METHODS));
        }
        if let Some(refused) = self.cross_site(given.headers) {
            return failure(&refused);
        }
        if let Err(refused) = self.in_charge() {
            return failure(&refused);
        }
        match Order::read(command, given.query, given.body) {
            Ok(order) => self.order(command, order, given.client).await,
            Err(message) => failure(&Failure::new(Code::InvalidRequest, message)),
        }
    }

    /// Carries out a command that may run. `client` is who gives it.
    async fn order(&self, command: &Command<'_>, order: Order, client: IpAddr) -> Reply {
        let grid = &self.runtime.snapshot().grid;
        let listed = grid.find(&command.name);
        let name = listed.map_or(&*command.name, |listed| listed.name());
        let said = grid.said_of(name);
        if listed.is_none() && (command.is_draining || said.is_nothing()) {
            let message = format!(
                "there is no substation {:?}; /status lists them",
                command.name
            );
            return failure(&Failure::new(Code::NotFound, message));
        }
        let done = if command.is_draining {
            self.drain(grid, name, &order, client).await
        } else {
            self.undrain(grid, name, (&said, &order), client).await
        };
        if let Err(refused) = done {
            return failure(&refused);
        }
        match listed {
            Some(listed) => {
                let limit = self.runtime.limits.in_force(listed.name());
                json(200, &status::of_substation(grid, listed, limit.as_ref()))
            }
            None => json(200, &Unlisted { name, drain: None }),
        }
    }

    async fn drain(
        &self,
        grid: &Grid,
        name: &str,
        order: &Order,
        client: IpAddr,
    ) -> Result<(), Failure> {
        let (fleet, by) = (&self.runtime.fleet, format!("operator at {client}"));
        let reason = order.reason.as_deref();
        if let Some(store) = fleet.store().filter(|_| !order.is_local) {
            let drained = fleet.drain(store, grid, (name, &by, reason)).await;
            return drained.map_err(|error| unavailable(&error));
        }
        grid.drain_here(name, &by, reason);
        Ok(())
    }

    async fn undrain(
        &self,
        grid: &Grid,
        name: &str,
        (said, order): (&Said, &Order),
        client: IpAddr,
    ) -> Result<(), Failure> {
        let (fleet, by) = (&self.runtime.fleet, format!("operator at {client}"));
        if let Some(rule) = holds_on(said, order.is_local) {
            let message = format!("{name} is drained {rule}");
            return Err(Failure::new(Code::InvalidRequest, message));
        }
        if let Some(store) = fleet.store().filter(|_| !order.is_local) {
            let undrained = fleet.undrain(store, grid, (name, &by)).await;
            undrained.map_err(|error| unavailable(&error))?;
        }
        grid.undrain_here(name, &by);
        Ok(())
    }
}

/// Why the substation would drain on after an undrain, and what to change; worded to follow "is drained".
fn holds_on(said: &Said, is_local: bool) -> Option<&'static str> {
    match said.listed.as_ref().map(|drain| drain.source) {
        Some(DrainSource::Discovery) => Some(
            "by the label drain of its target, which no command ends: take the label away there; nothing was changed",
        ),
        Some(_) => Some(
            "by the configuration, which no command ends: take substations[].drain away there; nothing was changed",
        ),
        None if is_local && said.fleet.is_some() => Some(
            "in the whole fleet, which ?local=true does not end: leave that out; nothing was changed",
        ),
        None => None,
    }
}

fn unavailable(error: &StoreError) -> Failure {
    let what = match error.kind {
        ErrorKind::Timeout | ErrorKind::Lost | ErrorKind::Garbled => {
            "and it is not known whether the command reached it: repeat it, which is safe, or see /status"
        }
        _ => {
            "and nothing was changed: repeat the command later, or write ?local=true for this proxy alone"
        }
    };
    Failure::new(Code::StoreUnavailable, format!("{error}; {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str, query: Option<&str>, body: &str) -> Result<Order, String> {
        let path = format!("/substations/s1/{word}");
        Order::read(&Command::at(&path).unwrap(), query, body.as_bytes())
    }

    #[test]
    fn a_drain_may_say_why_and_where() {
        let order = |is_local, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            Ok(Order { is_local, reason })
        };
        let longest = "ü".repeat(LONGEST_REASON);
        for (query, body, expected) in [
            (None, "", order(false, None)),
            (Some(""), " \n", order(false, None)),
            (Some("local=true"), "{}", order(true, None)),
            (
                Some("local=false"),
                r#"{"reason": null}"#,
                order(false, None),
            ),
            (
                None,
                r#"{"reason": "new \"cable\""}"#,
                order(false, Some("new \"cable\"")),
            ),
            (
                None,
                &format!("{{\"reason\": \"{longest}\"}}"),
                order(false, Some(&longest)),
            ),
        ] {
            assert_eq!(read("drain", query, body), expected, "{query:?} {body}");
        }
        assert_eq!(read("undrain", Some("local=true"), "{}"), order(true, None));
    }

    #[test]
    fn whatever_else_is_refused_with_the_rule() {
        let long = format!("{{\"reason\": \"{}\"}}", "a".repeat(LONGEST_REASON + 1));
        for (query, body, rule) in [
            (Some("local"), "", "unknown query \"local\""),
            (Some("local=1"), "", "unknown query"),
            (Some("local=true&local=true"), "", "unknown query"),
            (Some("reason=x"), "", "unknown query"),
            (None, "reason", "is not JSON"),
            (None, "null", "is not JSON"),
            (None, "[]", "is not JSON"),
            (None, r#"["new cable"]"#, "is not JSON"),
            (None, "\"new cable\"", "is not JSON"),
            (None, r#"{"reason": 5}"#, "is not JSON"),
            (None, r#"{"reason": ["x"]}"#, "is not JSON"),
            (None, r#"{"reasons": "x"}"#, "unknown field `reasons`"),
            (None, r#"{"reason": "x", "by": "me"}"#, "unknown field `by`"),
            (None, r#"{"reason": "x", "reason": "y"}"#, "duplicate field"),
            (None, r#"{"reason": "x"} {}"#, "trailing characters"),
            (None, r#"{"reason": "x""#, "is not JSON"),
            (None, r#"{"reason": ""}"#, "must have 1 to 200"),
            (None, r#"{"reason": " "}"#, "must have 1 to 200"),
            (None, &long, "has 201 characters"),
            (None, r#"{"reason": "a\nb"}"#, "control characters"),
            (None, r#"{"reason": "a\u0007"}"#, "control characters"),
            (None, r#"{"reason": "a\u009b"}"#, "control characters"),
            (None, r#"{"reason": "\ud800"}"#, "is not JSON"),
        ] {
            let refused = read("drain", query, body).unwrap_err();
            assert!(refused.contains(rule), "{query:?} {body}: {refused}");
        }
        let refused = Order::read(
            &Command::at("/substations/s1/drain").unwrap(),
            None,
            b"{\"reason\": \"\xff\"}",
        );
        assert!(refused.unwrap_err().contains("is not JSON"));
        let refused = read("undrain", None, r#"{"reason": "x"}"#).unwrap_err();
        assert!(refused.contains("takes no body"), "{refused}");
    }
}
