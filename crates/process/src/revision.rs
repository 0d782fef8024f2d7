//! The commit that the program of this process was built from.
//!
//! Only the program's own package knows it, because what is compiled with a commit is compiled anew at each. Libraries
//! that show it, on a metrics page, read it here.

use std::sync::OnceLock;

static REVISION: OnceLock<&'static str> = OnceLock::new();

/// Says it, once, before anything shows it.
pub fn set_revision(commit: &'static str) {
    let _ = REVISION.set(commit);
}

/// The commit, or `unknown` where the program has not said it.
#[must_use]
pub fn revision() -> &'static str {
    REVISION.get().copied().unwrap_or("unknown")
}
