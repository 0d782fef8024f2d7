//! Maps a method and a path to a target.
//!
//! A route that names one of the proxy's own paths, or a longer one, goes before it; a shorter one does not.

use std::sync::Arc;

use switchyard_wire::{
    Code, Failure,
    names::{ASSIGN_SUBSTATION, REQUEST_CHARGE, SESSIONS},
};

use crate::{
    dispatch::{Action, Target},
    snapshot::{Found, RouteRule, Snapshot},
};

/// The target of a request, or why it has none.
pub(super) fn of<'a>(
    snapshot: &Snapshot,
    method: &str,
    path: &'a str,
) -> Result<Target<'a>, Failure> {
    let Some(routes) = &snapshot.routes else {
        return own(method, path).unwrap_or_else(|| Err(not_found(path, "")));
    };
    match routes.find(method, path) {
        Found::Rule(rule) => of_route(rule, path),
        Found::Nothing => own(method, path).unwrap_or_else(|| {
            let shown = format!(", and routes are at {}", routes.shown());
            Err(not_found(path, &shown))
        }),
        Found::OtherMethods(methods) => match own(method, path) {
            None => Err(Failure::method_not_allowed(path, method, methods)),
            Some(Ok(target)) => Ok(target),
            Some(Err(failure)) => Err(match &failure.allow {
                Some(allow) => {
                    let allow = format!("{methods}, {allow}");
                    Failure::method_not_allowed(path, method, allow)
                }
                None => failure,
            }),
        },
    }
}

/// The target at one of the proxy's own paths, or why there is none for the method. None at another path.
fn own<'a>(method: &str, path: &'a str) -> Option<Result<Target<'a>, Failure>> {
    if matches!(path, REQUEST_CHARGE | ASSIGN_SUBSTATION) {
        return Some(if method == "POST" {
            Ok(Target::Charge)
        } else {
            Err(Failure::method_not_allowed(path, method, "POST"))
        });
    }
    let id = path.strip_prefix(SESSIONS)?;
    let session = Action::of(method).map(|action| Target::Session(action, id));
    let other = || Failure::method_not_allowed(path, method, Action::METHODS);
    Some(session.ok_or_else(other))
}

fn not_found(path: &str, routes: &str) -> Failure {
    let message = format!(
        "nothing is at {path:?}; charges are booked at POST /request_charge, sessions are at GET and DELETE /sessions/{{id}}{routes}"
    );
    Failure::new(Code::NotFound, message)
}

fn of_route<'a>(rule: &Arc<RouteRule>, path: &str) -> Result<Target<'a>, Failure> {
    // Elsewhere such a path may be another one, which this route is not for.
    if rule.config.is_prefix() && has_dot_segment(path) {
        let message = format!(
            "{path:?} has a segment of dots, which servers read in different ways: send the path that is meant"
        );
        return Err(Failure::new(Code::InvalidRequest, message));
    }
    let rule = Arc::clone(rule);
    Ok(if rule.config.buffer {
        Target::Bounded(rule)
    } else {
        Target::Stream(rule)
    })
}

/// Whether a segment of a path is `.` or `..`, also where dots and slashes are escaped or slashes lean backwards.
fn has_dot_segment(path: &str) -> bool {
    let (mut dots, mut others) = (0_usize, false);
    let mut rest = path.as_bytes();
    loop {
        let (byte, length) = match rest {
            [] => (b'/', 0),
            [b'%', b'2', b'e' | b'E', ..] => (b'.', 3),
            [b'%', b'2', b'f' | b'F', ..] | [b'%', b'5', b'c' | b'C', ..] => (b'/', 3),
            [b'\\', ..] => (b'/', 1),
            [byte, ..] => (*byte, 1),
        };
        match byte {
            b'/' if !others && matches!(dots, 1 | 2) => return true,
            b'/' => (dots, others) = (0, false),
            b'.' => dots += 1,
            // A parameter ends the name of a segment.
            b';' if !others && matches!(dots, 1 | 2) => return true,
            _ => others = true,
        }
        if rest.is_empty() {
            return false;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_of_dots_is_found_however_it_is_written() {
        for path in [
            "/v1/..",
            "/v1/../metrics",
            "/v1/./a",
            "/v1/.",
            "/../v1/",
            "/v1/%2e%2E/a",
            "/v1/.%2e/",
            "/v1/..%2Fmetrics",
            "/v1/a%5c..%5cb",
            "/v1/..\\a",
            "/v1/..;a=b/c",
            "/v1/%2e",
        ] {
            assert!(has_dot_segment(path), "{path}");
        }
        for path in [
            "/v1/",
            "/",
            "/v1/...",
            "/v1/a..b",
            "/v1/.well-known",
            "/v1/a.",
            "/v1/..a",
            "/v1//a",
            "/v1/a/%2ea",
            "/v1/a%",
            "/v1/%2",
            "/v1/1.0/b..",
        ] {
            assert!(!has_dot_segment(path), "{path}");
        }
    }
}
