//! Errors of a handover.

use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;

/// Why a handover failed.
#[derive(Debug, Error)]
pub enum Error {
    /// Other users can enter the directory, and could take the listening sockets.
    #[error(
        "the directory of the upgrade socket, {}, is open to others ({found}): it must belong to this user, \
         with mode 0700, because any process that enters it could take the listening sockets; choose another with \
         --upgrade-socket, or one that does not exist, and it is created with that mode",
        directory.display()
    )]
    OpenDirectory {
        /// The directory.
        directory: PathBuf,
        /// Its mode and owner.
        found: String,
    },
    /// A system call on the path failed.
    #[error("can't {what} {}: {reason}", path.display())]
    Path {
        /// The operation.
        what: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: io::Error,
    },
    /// `--upgrade` without a running process.
    #[error(
        "no process listens at {}, so there is nothing to take over from: start without --upgrade",
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
    /// The other process speaks another version of the protocol.
    #[error("the other process speaks version {0:?} of the handover, this one 1: restart instead")]
    Version(Option<char>),
    /// The connection to the other process failed.
    #[error("the other process closed the connection: {0}")]
    Disconnected(#[from] io::Error),
    /// The other process did not answer in time.
    #[error("the other process did not answer within {0:?}: is another upgrade under way?")]
    Timeout(Duration),
}
