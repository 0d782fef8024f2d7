//! A session through the proxy: `GET` and `DELETE /sessions/{id}`, so that a client needs one address only.
//!
//! The id says which substation holds the session ([`Names`](switchyard_grid::Names)). Nothing is chosen here and nothing set
//! aside, and no other substation is ever asked: only one can know.
//!
//! To look twice changes nothing, so a look that broke off is tried again. To unplug twice changes nothing
//! either, but the second answer would be "no such session", and nobody could tell whether the first had
//! ended it: so a `DELETE` that broke off is told as what it is.

use std::sync::Arc;

use http::Method;
use switchyard_grid::Substation;
use switchyard_http1::RequestHead;
use switchyard_upstream::Progress;
use switchyard_wire::{Code, Consequence, Failure, names::SESSIONS};

use crate::snapshot::Snapshot;

/// The longest id, in bytes: a name, a dash, and room for what substations make of the rest.
const LONGEST_ID: usize = 192;

/// What is asked of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// How it is.
    Inspect,
    /// That it ends.
    Unplug,
}

impl Action {
    /// The methods that a session takes.
    pub const METHODS: &str = "GET, DELETE";

    /// What a request with this method asks.
    #[must_use]
    pub fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Inspect),
            Method::DELETE => Some(Self::Unplug),
            _ => None,
        }
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Inspect => "GET",
            Self::Unplug => "DELETE",
        }
    }

    /// What a failed attempt that got so far means for the client.
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
    let unknown = || {
        let message = format!("no substation here has a name that {id} begins with");
        Failure::new(Code::NotFound, message)
    };
    let holder = Arc::clone(snapshot.names.holder(id).ok_or_else(unknown)?);
    let path = [SESSIONS, id].concat();
    let line = RequestHead::new(action.method(), &path, &holder.address().to_string())
        .map_err(|error| Failure::new(Code::InvalidRequest, error.to_string()))?;
    Ok((holder, line))
}

/// An id that may stand in a path as it is, and so reaches the substation as it was meant.
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
