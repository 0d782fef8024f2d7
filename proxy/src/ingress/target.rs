//! Maps a method and a path to a target.

use switchyard_wire::{
    Code, Failure,
    names::{ASSIGN_SUBSTATION, REQUEST_CHARGE, SESSIONS},
};

use crate::dispatch::{Action, Target};

/// The target of a request, or why it has none.
pub(super) fn of<'a>(method: &str, path: &'a str) -> Result<Target<'a>, Failure> {
    if matches!(path, REQUEST_CHARGE | ASSIGN_SUBSTATION) {
        if method == "POST" {
            return Ok(Target::Charge);
        }
        return Err(Failure::method_not_allowed(path, method, "POST"));
    }
    if let Some(id) = path.strip_prefix(SESSIONS) {
        return Action::of(method)
            .map(|action| Target::Session(action, id))
            .ok_or_else(|| Failure::method_not_allowed(path, method, Action::METHODS));
    }
    let message = format!(
        "nothing is at {path:?}; charges are booked at POST /request_charge, sessions are at GET and DELETE /sessions/{{id}}"
    );
    Err(Failure::new(Code::NotFound, message))
}
