//! The path of the unix socket between the two processes, in a private directory.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind},
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use switchyard_bounded::file;

use super::Error;

/// The permissions that only the owner may have.
const OTHERS: u32 = 0o077;
/// The permissions of the socket: to connect, one must be able to write to it.
const OWNER_ONLY: u32 = 0o600;

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

    /// Listens for a successor, unless another process does already. The socket of a dead process is replaced;
    /// anything else that has the path is left alone, and is an error.
    pub fn open(&self) -> Result<UnixListener, Error> {
        match self.connect() {
            Ok(_) => Err(Error::AlreadyRunning(self.path.clone())),
            Err(Error::NotRunning(_)) => self.replace(),
            // Another kind of socket, or one whose owner does not keep up.
            Err(error) => Err(error),
        }
    }

    /// Listens for a successor in place of the process that did.
    pub fn replace(&self) -> Result<UnixListener, Error> {
        require_ours(&self.path)?;
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
        // Left by a process that was killed between the two steps below.
        if require_ours(&fresh)? {
            fs::remove_file(&fresh).map_err(failed("replace"))?;
        }
        let listener = UnixListener::bind(&fresh).map_err(failed("listen at"))?;
        listener
            .set_nonblocking(true)
            .and_then(|()| fs::set_permissions(&fresh, Permissions::from_mode(OWNER_ONLY)))
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(failed("listen at"))?;
        Ok(listener)
    }

    /// Connects to the process that listens there.
    pub(super) fn connect(&self) -> Result<UnixStream, Error> {
        if !require_ours(&self.path)? {
            return Err(Error::NotRunning(self.path.clone()));
        }
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
        match require_ours(&self.path) {
            Ok(true) => fs::remove_file(&self.path),
            Ok(false) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// Whether a socket of this user is there. Anything else is an error: it would be lost.
fn require_ours(path: &Path) -> Result<bool, Error> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        found => found.map_err(|reason| Error::Path {
            what: "look at",
            path: path.to_owned(),
            reason,
        })?,
    };
    let own = rustix::process::geteuid().as_raw();
    let mut what = file::kind(found.file_type()).to_owned();
    if found.file_type().is_socket() {
        if found.uid() == own {
            return Ok(true);
        }
        what = format!("{what} of user {}", found.uid());
    }
    Err(Error::NotOurs {
        path: path.to_owned(),
        found: what,
    })
}
