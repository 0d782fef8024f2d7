//! `/limits`: what a grid operator's box, an energy manager or a script says about how much load there may be for now.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /limits`, `GET /limits/{name}` | lists the limits |
//! | `PUT /limits/{name}` | sets the limit of a source; it is in force when it is answered |
//! | `DELETE /limits/{name}?source=S` | takes the limit of a source away |
//! | `POST /limits/{name}/heartbeat` | says that a source is there; so does each `PUT` |
//!
//! What they mean is said in [`switchyard_limits`].

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use http::Method;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use switchyard_limits::{Full, Order, ShownLimit, Timestamp, read_heartbeat, read_source};
use switchyard_wire::{Code, Failure};

use super::{Admin, Reply, commands::Given, failure, json};
use crate::runtime::Runtime;

/// The methods of each path.
const OF_NAME: &str = "GET, HEAD, PUT, DELETE";
const OF_HEARTBEAT: &str = "POST";

/// A path below `/limits/`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum LimitPath<'a> {
    /// Those of one name, as meant: `%3A` in the path is `:`.
    Of(Cow<'a, str>),
    /// Where the sources of one name say that they are there.
    Heartbeat(Cow<'a, str>),
}

/// All limits.
#[derive(Debug, Serialize)]
struct All {
    limits: Vec<ShownLimit>,
}

/// Those of one name.
#[derive(Debug, Serialize)]
struct OfName<'a> {
    name: &'a str,
    /// The strictest.
    in_force: Option<switchyard_status::Limit>,
    limits: Vec<ShownLimit>,
}

impl<'a> LimitPath<'a> {
    /// What is at this path, if anything is.
    pub(super) fn at(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix("/limits/")?;
        let decoded = |name| percent_decode_str(name).decode_utf8_lossy();
        match rest.split_once('/') {
            None if rest.is_empty() => None,
            None => Some(Self::Of(decoded(rest))),
            Some(("", _)) => None,
            Some((name, "heartbeat")) => Some(Self::Heartbeat(decoded(name))),
            Some(_) => None,
        }
    }
}

/// The answer of `/limits`: all of them.
pub(super) fn listed(runtime: &Runtime, query: Option<&str>) -> Result<Reply, Failure> {
    no_query(query)?;
    let limits = runtime.limits.shown();
    Ok(json(200, &All { limits }))
}

impl Admin {
    /// Answers a request for a path below `/limits/`.
    pub(super) fn limits(&self, path: &LimitPath<'_>, given: Given<'_>) -> Reply {
        let answer = match (path, given.method) {
            (LimitPath::Of(name), &Method::GET) => self.limits_of(name, given.query),
            (LimitPath::Of(name), &Method::PUT) => self.put_limit(name, given),
            (LimitPath::Of(name), &Method::DELETE) => self.delete_limit(name, given),
            (LimitPath::Heartbeat(name), &Method::POST) => self.hear_source(name, given),
            (path, method) => {
                let allowed = match path {
                    LimitPath::Of(_) => OF_NAME,
                    LimitPath::Heartbeat(_) => OF_HEARTBEAT,
                };
                Err(Failure::method_not_allowed(given.path, method, allowed))
            }
        };
        answer.unwrap_or_else(|refused| failure(&refused))
    }

    fn limits_of(&self, name: &str, query: Option<&str>) -> Result<Reply, Failure> {
        no_query(query)?;
        let name = self.limited(name)?;
        let limits = &self.runtime.limits;
        Ok(json(
            200,
            &OfName {
                name: &name,
                in_force: limits.in_force(&name),
                limits: limits.shown_of(&name),
            },
        ))
    }

    fn put_limit(&self, name: &str, given: Given<'_>) -> Result<Reply, Failure> {
        self.may_command(given)?;
        no_query(given.query)?;
        let name = self.limited(name)?;
        let order = Order::read(given.body, Timestamp::from(SystemTime::now()));
        let order = order.map_err(|message| Failure::new(Code::InvalidLimit, message))?;
        let now = self.runtime.now();
        let limits = &self.runtime.limits;
        let set = limits.put(&now.grid, &name, order, given.client);
        set.map(|limit| json(200, &limit))
            .map_err(|full| Failure::new(Code::InvalidLimit, no_room(full, &name)))
    }

    fn delete_limit(&self, name: &str, given: Given<'_>) -> Result<Reply, Failure> {
        self.may_command(given)?;
        let source = source_of(given.query)?;
        let name = self.limited(name)?;
        if !given.body.trim_ascii().is_empty() {
            let message = "a DELETE takes no body: name the source in the query, as in ?source=dso";
            return Err(Failure::new(Code::InvalidLimit, message));
        }
        let now = self.runtime.now();
        let limits = &self.runtime.limits;
        let gone = limits.delete(&now.grid, (&name, &source), given.client);
        gone.map(|limit| json(200, &limit))
            .ok_or_else(|| no_limit(&name, &source, "there is nothing to delete"))
    }

    fn hear_source(&self, name: &str, given: Given<'_>) -> Result<Reply, Failure> {
        self.may_command(given)?;
        no_query(given.query)?;
        let name = self.limited(name)?;
        let source = read_heartbeat(given.body);
        let source = source.map_err(|message| Failure::new(Code::InvalidLimit, message))?;
        let now = self.runtime.now();
        let limits = &self.runtime.limits;
        let heard = limits.heartbeat(&now.grid, (&name, &source), given.client);
        heard.map(|limit| json(200, &limit)).ok_or_else(|| {
            no_limit(
                &name,
                &source,
                "it has ended, was taken away, or is not known here any more: PUT it",
            )
        })
    }

    /// Whether a command to this process may run.
    fn may_command(&self, given: Given<'_>) -> Result<(), Failure> {
        if let Some(refused) = self.cross_site(given.headers) {
            return Err(refused);
        }
        self.in_charge()
    }

    /// The name as it is listed, of a feeder or a substation that is listed, or that has limits yet.
    fn limited(&self, name: &str) -> Result<String, Failure> {
        let now = self.runtime.now();
        if now.grid.limit_target(name).is_some() || self.runtime.limits.knows(name) {
            return Ok(name.to_owned());
        }
        // By what a substation calls itself.
        let listed = now.grid.find(name).map(|listed| listed.name().to_owned());
        listed.ok_or_else(|| {
            let message =
                format!("there is no feeder and no substation {name:?}; /status lists them");
            Failure::new(Code::NotFound, message)
        })
    }
}

fn no_limit(name: &str, source: &str, why: &str) -> Failure {
    let message =
        format!("{source:?} has no limit for {name}; {why}. GET /limits/{name} lists them");
    Failure::new(Code::NotFound, message)
}

fn no_room(full: Full, name: &str) -> String {
    match full {
        Full::Sources(most) => format!(
            "{name} has limits of {most} sources, which is the most: DELETE one with /limits/{name}?source=S"
        ),
        Full::Limits(most) => format!(
            "there are {most} limits, which is the most: DELETE some of those that GET /limits lists"
        ),
    }
}

fn no_query(query: Option<&str>) -> Result<(), Failure> {
    match query {
        None | Some("") => Ok(()),
        Some(other) => {
            let message = format!("unknown query {other:?}: this path takes none");
            Err(Failure::new(Code::InvalidRequest, message))
        }
    }
}

/// The source that the query of a `DELETE` names.
fn source_of(query: Option<&str>) -> Result<Arc<str>, Failure> {
    let invalid = |message: String| Failure::new(Code::InvalidRequest, message);
    let query = query.unwrap_or_default();
    let Some(source) = query
        .strip_prefix("source=")
        .filter(|rest| !rest.contains('&'))
    else {
        let message = format!(
            "the query {query:?} does not name the source: write ?source=S, with anything but letters and digits as %XX"
        );
        return Err(invalid(message));
    };
    // As forms write a blank.
    let source = source.replace('+', " ");
    let source = percent_decode_str(&source).decode_utf8();
    let source = source.map_err(|_| invalid("source: is not UTF-8".to_owned()))?;
    read_source(&source).map_err(|rule| invalid(format!("source: {rule}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_a_feeder_or_a_substation() {
        let of = |name: &'static str| Some(LimitPath::Of(name.into()));
        assert_eq!(LimitPath::at("/limits/feeder7"), of("feeder7"));
        assert_eq!(
            LimitPath::at("/limits/%5Bfd00%3a%3A1%5D:5001"),
            of("[fd00::1]:5001")
        );
        assert_eq!(LimitPath::at("/limits/heartbeat"), of("heartbeat"));
        let heartbeat = Some(LimitPath::Heartbeat("a/b".into()));
        assert_eq!(LimitPath::at("/limits/a%2Fb/heartbeat"), heartbeat);
        for path in [
            "/limits",
            "/limits/",
            "/limitsx",
            "/limits//heartbeat",
            "/limits/a/",
            "/limits/a/heartbeat/",
            "/limits/a/b",
        ] {
            assert_eq!(LimitPath::at(path), None, "{path}");
        }
    }

    #[test]
    fn a_delete_names_its_source_in_the_query() {
        let read = |query| source_of(query).map_err(|refused| refused.message);
        assert_eq!(read(Some("source=dso")), Ok("dso".into()));
        assert_eq!(
            read(Some("source=Stadtwerke+S%C3%BCd")),
            Ok("Stadtwerke Süd".into())
        );
        assert_eq!(read(Some("source=a%2Bb%26c")), Ok("a+b&c".into()));
        for query in [
            None,
            Some(""),
            Some("source"),
            Some("source="),
            Some("source=a&source=b"),
            Some("name=a"),
            Some("source=%ff"),
            Some("source=a%0Ab"),
        ] {
            assert!(read(query).is_err(), "{query:?}");
        }
    }
}
