//! Sessions through the proxy: `GET` and `DELETE /sessions/{id}`, so that a client needs only one address.
//!
//! The id names the substation that holds the session ([`Names`](switchyard_grid::Names)). Nothing is chosen or
//! reserved, and no other substation is asked.
//!
//! A `GET` changes nothing, so it is retried after a lost connection. A `DELETE` is not: a second one would be
//! answered "no such session", and the client could not know whether the first had ended it. So the client gets an
//! error that says the session may have ended.

use std::sync::Arc;

use switchyard_grid::Substation;
use switchyard_http1::{RequestHead, Unencodable};
use switchyard_upstream::Progress;
use switchyard_wire::{Code, Consequence, Failure, names::SESSIONS};

use crate::snapshot::Snapshot;

/// The longest id, in bytes: a name, a dash, and the substation's own part.
const LONGEST_ID: usize = 192;

/// An action on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Show its state.
    Inspect,
    /// End it.
    Unplug,
}

impl Action {
    /// The methods of a session's path, for `Allow`.
    pub const METHODS: &str = "GET, HEAD, DELETE";

    /// The action of a method. `HEAD` is `GET` whose answer's body is left out.
    #[must_use]
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Inspect),
            "DELETE" => Some(Self::Unplug),
            _ => None,
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Inspect => "GET",
            Self::Unplug => "DELETE",
        }
    }

    /// The consequence for the client of a failed attempt with this progress.
    pub(super) const fn consequence(self, progress: Progress) -> Consequence {
        match (self, progress) {
            (Self::Inspect, _) => Consequence::NothingChanged,
            (Self::Unplug, Progress::Unsent) => Consequence::NotUnplugged,
            (Self::Unplug, Progress::Sent) => Consequence::MayBeUnplugged,
        }
    }
}

/// The substation that holds the session `id`, and the head of the request that asks it for `action`.
pub(super) fn locate(
    snapshot: &Snapshot,
    action: Action,
    id: &str,
) -> Result<(Arc<Substation>, RequestHead), Failure> {
    if !is_fit(id) {
        let message = format!(
            "a session id has 1 to {LONGEST_ID} letters, digits, '.', '_' or '-', as in substation1-281cfd6267037579"
        );
        return Err(Failure::new(Code::InvalidRequest, message));
    }
    let unknown = || match snapshot.grid.unheard() {
        0 if snapshot.grid.substations().is_empty() => {
            let message = "no substation has been found yet: try again";
            Failure::new(Code::NoSubstation, message)
        }
        0 => {
            let message = format!("no substation here has a name that {id} begins with");
            Failure::new(Code::NotFound, message)
        }
        unheard => {
            let message = format!(
                "no substation that has said its name yet holds {id}; {unheard} have not: try again"
            );
            Failure::new(Code::NoSubstation, message)
        }
    };
    let holder = snapshot.names.holder(id).ok_or_else(unknown)?;
    let path = [SESSIONS, id].concat();
    let line = RequestHead::new(action.method(), &path, &holder.authority()).map_err(unfit)?;
    Ok((holder, line))
}

/// The refusal of a request line that can't be written.
pub(super) fn unfit(error: Unencodable) -> Failure {
    Failure::new(Code::InvalidRequest, error.to_string())
}

/// Whether an id may stand in a path without escaping.
fn is_fit(id: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_needs_no_escaping() {
        for id in ["s1-00ff", "A.b_c-1", &"x".repeat(LONGEST_ID)] {
            assert!(is_fit(id), "{id}");
        }
        let long = "x".repeat(LONGEST_ID + 1);
        for id in ["", "a/b", "a%2fb", "a b", "a?b", "..\\", "\u{e9}", &long] {
            assert!(!is_fit(id), "{id}");
        }
    }
}
