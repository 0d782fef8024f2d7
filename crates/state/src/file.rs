//! The file that keeps a state across a restart.
//!
//! One process at a time has it, by a lock on a file beside it: the file itself is replaced with each write, and a lock on
//! it would be a lock on what was replaced. The system gives the lock up when the process ends, however it ends. The file
//! beside it stays: to remove it would let two processes lock two files of one name.
//!
//! A write goes to a second file beside it, which is synced and then renamed. So whenever the process or the machine
//! stops, the file is the last or the one before, and whole.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use switchyard_bounded::file;

use crate::{
    Fault, Refused,
    container::LARGEST,
    magic::{MAGIC, begins_as_ours},
};

/// Only this user reads it.
const OWNER_ONLY: u32 = 0o600;

/// A file for the state of this process.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Held as long as this process has the file.
    lock: Option<File>,
}

impl StateFile {
    /// The file at `path`, not locked yet. It need not exist; its directory must, and what is there must be a state.
    pub fn at(path: &Path) -> Result<Self, Fault> {
        let path = std::path::absolute(path).map_err(|reason| failed("find", path, reason))?;
        // A link keeps its place, and what it leads to is replaced.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let directory = path.parent().unwrap_or(Path::new("/"));
        if !directory.is_dir() {
            return Err(Fault::NoDirectory {
                directory: directory.to_owned(),
                path,
            });
        }
        require_ours(&path)?;
        require_ours(&beside(&path, ".new"))?;
        Ok(Self { path, lock: None })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process has it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Takes it for this process. It is an error if another one has it.
    pub fn lock(&mut self) -> Result<(), Fault> {
        if self.lock.is_some() {
            return Ok(());
        }
        let path = beside(&self.path, ".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(OWNER_ONLY)
            .custom_flags(no_links())
            .open(&path)
            .map_err(|reason| failed("open", &path, reason))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                self.lock = Some(file);
                Ok(())
            }
            Err(Errno::WOULDBLOCK) => Err(Fault::InUse(self.path.clone())),
            Err(error) => Err(failed("lock", &path, error.into())),
        }
    }

    /// Leaves it to another process.
    pub fn unlock(&mut self) {
        self.lock = None;
    }

    /// What it holds; nothing if it does not exist or is empty.
    pub fn read(&self) -> Result<Option<Vec<u8>>, Refused> {
        match file::read(&self.path, LARGEST) {
            Ok(bytes) if bytes.is_empty() => Ok(None),
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(_) if self.is_too_large() => Err(Refused::TooLarge { most: LARGEST }),
            Err(error) => Err(Refused::Io(error)),
        }
    }

    /// Replaces what it holds. If that fails, or the process ends meanwhile, it holds what it held before.
    pub fn write(&self, state: &[u8]) -> io::Result<()> {
        if self.lock.is_none() {
            return Err(io::Error::other("another process has it"));
        }
        let new = beside(&self.path, ".new");
        // Left by a process that was killed in the middle of this.
        require_ours(&new).map_err(io::Error::other)?;
        let written = write_to(&new, state).and_then(|()| {
            // It may have been exchanged since.
            require_ours(&self.path).map_err(io::Error::other)?;
            fs::rename(&new, &self.path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&new);
            return written;
        }
        // The new name is on the disk when the directory is.
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        File::open(directory)?.sync_all()
    }

    fn is_too_large(&self) -> bool {
        let length = fs::metadata(&self.path).map_or(0, |found| found.len());
        usize::try_from(length).map_or(true, |length| length > LARGEST)
    }
}

fn write_to(path: &Path, state: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(OWNER_ONLY)
        .custom_flags(no_links())
        .open(path)?;
    // If it was there with another mode.
    file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
    file.write_all(state)?;
    file.sync_all()
}

/// Refuses anything at `path` that would be lost: all but a state, or what is left of one.
fn require_ours(path: &Path) -> Result<(), Fault> {
    let foreign = |found: String| Fault::Foreign {
        path: path.to_owned(),
        found,
    };
    let kind = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(reason) => return Err(failed("look at", path, reason)),
        Ok(found) => found.file_type(),
    };
    if !kind.is_file() {
        return Err(foreign(file::kind(kind).to_owned()));
    }
    let mut first = Vec::new();
    file::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut first))
        .map_err(|reason| failed("read", path, reason))?;
    if begins_as_ours(&first) {
        Ok(())
    } else {
        let begins = format!("a file that begins with \"{}\"", first.escape_ascii());
        Err(foreign(begins))
    }
}

fn failed(what: &'static str, path: &Path, reason: io::Error) -> Fault {
    Fault::Path {
        what,
        path: path.to_owned(),
        reason,
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn no_links() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}
