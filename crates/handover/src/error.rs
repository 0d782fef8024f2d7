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
    /// Something else has the path, which would be lost.
    #[error(
        "{} is {found}, and not a socket that a process of this user has left: nothing is replaced; choose another \
         --upgrade-socket, or remove it yourself if nobody needs it",
        path.display()
    )]
    NotOurs {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// The other process speaks another version of the protocol.
    #[error(
        "the other process speaks version {theirs} of the handover, this one {ours}: restart instead"
    )]
    Version {
        /// The version of the other process.
        theirs: char,
        /// The version of this one.
        ours: char,
    },
    /// What listens there is no process of ours.
    #[error(
        "what listens there is no switchyard: it answered with {:?}; choose the --upgrade-socket of the running process",
        char::from(*.0)
    )]
    Stranger(u8),
    /// The other process sent more sockets than there can be.
    #[error(
        "the other process sent more listening sockets than this one can take: restart instead"
    )]
    TooManySockets,
    /// The other process has more to say than this one takes.
    #[error(
        "the other process would hand over {0} bytes of state, more than this one can take: restart instead"
    )]
    StateTooLarge(u64),
    /// The other process did not say what it knows.
    #[error(
        "the old process did not hand over its state within {0:?}, so it continues: does it hang?"
    )]
    NoState(Duration),
    /// The process that took over does not answer.
    #[error("the process that took over from this one has ended, or does not answer")]
    NoRelay,
    /// Another new process has the sockets.
    #[error("another upgrade is under way: wait until it has ended, and try again")]
    Busy,
    /// The connection to the other process failed.
    #[error("the other process closed the connection: {0}")]
    Disconnected(#[from] io::Error),
    /// The other process did not answer in time.
    #[error("the other process did not answer within {0:?}: does it hang?")]
    Timeout(Duration),
}
