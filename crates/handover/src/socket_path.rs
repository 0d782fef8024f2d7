//! The path of the unix socket between the two processes, in a private directory.

use std::{
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use super::Error;

/// The permissions that only the owner may have.
const OTHERS: u32 = 0o077;

/// A path in a directory that only this user can enter.
#[derive(Clone, Debug)]
pub struct SocketPath {
    path: PathBuf,
}

impl SocketPath {
    /// Creates the directory if it does not exist, and refuses a directory that is open to others.
    pub fn at(path: PathBuf) -> Result<Self, Error> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let failed = |what| {
            move |reason| Error::Path {
                what,
                path: directory.to_owned(),
                reason,
            }
        };
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(failed("create")(error));
            }
            _ => {}
        }
        let found = fs::metadata(directory).map_err(failed("look at"))?;
        let (mode, owner) = (found.mode() & 0o7777, found.uid());
        if mode & OTHERS != 0 || owner != rustix::process::geteuid().as_raw() {
            return Err(Error::OpenDirectory {
                directory: directory.to_owned(),
                found: format!("mode {mode:04o}, owner {owner}"),
            });
        }
        Ok(Self { path })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Listens for a successor, unless another process does already. The socket of a dead process is replaced.
    pub fn open(&self) -> Result<UnixListener, Error> {
        if UnixStream::connect(&self.path).is_ok() {
            return Err(Error::AlreadyRunning(self.path.clone()));
        }
        self.replace()
    }

    /// Listens for a successor in place of the process that did.
    pub fn replace(&self) -> Result<UnixListener, Error> {
        // Renamed into place, so that a listener is always there.
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let fresh = PathBuf::from(name);
        let failed = |what| {
            move |reason| Error::Path {
                what,
                path: self.path.clone(),
                reason,
            }
        };
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(failed("replace")(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(&fresh).map_err(failed("listen at"))?;
        listener
            .set_nonblocking(true)
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(failed("listen at"))?;
        Ok(listener)
    }

    /// Connects to the process that listens there.
    pub(super) fn connect(&self) -> Result<UnixStream, Error> {
        UnixStream::connect(&self.path).map_err(|reason| match reason.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                Error::NotRunning(self.path.clone())
            }
            _ => Error::Path {
                what: "connect to",
                path: self.path.clone(),
                reason,
            },
        })
    }

    /// Removes the socket. Only for the process that listens there.
    pub fn close(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}
