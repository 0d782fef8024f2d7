//! Why a handover can't be.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;

/// Why one process can't hand over to another.
#[derive(Debug, Error)]
pub enum Error {
    /// Whoever enters the directory could take the listening sockets.
    #[error(
        "the directory of the upgrade socket, {}, is open to others ({found}): it must be this user's, with \
         mode 0700, or whoever enters it could take the listening sockets; choose another with --upgrade-socket, \
         or one that does not exist and it is created so",
        directory.display()
    )]
    OpenDirectory {
        /// The directory.
        directory: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The system refused something at the path.
    #[error("can't {what} {}: {reason}", path.display())]
    Path {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// `--upgrade` without anything to upgrade.
    #[error(
        "nobody listens at {}: there is no running process to take over from; start without --upgrade",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// A second process without `--upgrade`.
    #[error(
        "a running process listens at {} already: take over from it with --upgrade, or choose another \
         --upgrade-socket",
        .0.display()
    )]
    AlreadyRunning(PathBuf),
    /// The other side is of another kind.
    #[error("the other process speaks version {0:?} of the handover, this one 1: restart instead")]
    Version(Option<char>),
    /// The other side broke off or fell silent.
    #[error("the other process broke off: {0}")]
    Disconnected(#[from] io::Error),
    /// The other side said nothing.
    #[error("the other process did not answer within {0:?}: is another upgrade under way?")]
    Timeout(Duration),
}
