//! The limit of open files.

/// Raises the soft limit of open files to the hard limit, and returns the limit now in force.
///
/// Every connection and every listener is an open file, and the usual soft limit is 1,024. If the limit
/// cannot be raised, the old one stays: an accept or connect that runs out of files reports it.
/// `None` if the limit is unknown, as on systems other than Unix.
#[expect(
    clippy::must_use_candidate,
    reason = "most programs raise the limit and need not know it"
)]
pub fn raise_file_limit() -> Option<u64> {
    raise()
}

#[cfg(unix)]
fn raise() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    Some(if raised.is_ok() { hard } else { soft })
}

#[cfg(not(unix))]
fn raise() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests;
