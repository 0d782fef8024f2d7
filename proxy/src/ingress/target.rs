//! Maps the request line of a Pingora session to a target.

use http::{Method, Version, header};
use pingora_http::RequestHeader;
use switchyard_wire::{
    Code, Failure,
    names::{ASSIGN_SUBSTATION, REQUEST_CHARGE, SESSIONS},
};

use crate::dispatch::{Action, Target};

/// The target of a request, or why it has none.
pub(super) fn of(head: &RequestHeader) -> Result<Target<'_>, Failure> {
    // RFC 9112 §3.2: without it the request is malformed, whatever it asks for.
    if head.version == Version::HTTP_11 && !head.headers.contains_key(header::HOST) {
        return Err(Failure::new(
            Code::InvalidRequest,
            "an HTTP/1.1 request needs a Host header",
        )
        .closing());
    }
    let path = head.uri.path();
    if matches!(path, REQUEST_CHARGE | ASSIGN_SUBSTATION) {
        if head.method == Method::POST {
            return Ok(Target::Charge);
        }
        return Err(Failure::method_not_allowed(path, &head.method, "POST"));
    }
    if let Some(id) = path.strip_prefix(SESSIONS) {
        return Action::of(&head.method)
            .map(|action| Target::Session(action, id))
            .ok_or_else(|| Failure::method_not_allowed(path, &head.method, Action::METHODS));
    }
    let message = format!(
        "nothing is at {path:?}; charges are booked at POST /request_charge, sessions are at GET and DELETE /sessions/{{id}}"
    );
    Err(Failure::new(Code::NotFound, message))
}
