//! The file that is written.

use std::{
    fmt, io,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

/// Where the configuration goes.
#[derive(Debug)]
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// A file that does not exist.
    File(PathBuf),
}

impl Target {
    /// Fails if it exists, or if it can't be made there: before any question is asked.
    pub(super) fn of(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        // A link that leads nowhere exists as well.
        if path.symlink_metadata().is_ok() {
            bail!("{}", exists(path));
        }
        let target = Self::File(path.to_owned());
        let folder = target.folder();
        if !folder.is_dir() {
            bail!(
                "{}: there is no folder {}: make it, or name another file by --output",
                path.display(),
                folder.display()
            );
        }
        Ok(target)
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// What relative paths in the configuration begin at.
    pub(super) fn folder(&self) -> &Path {
        let here = Path::new(".");
        match self {
            Self::Stdout => here,
            Self::File(path) => match path.parent() {
                None => here,
                Some(folder) if folder.as_os_str().is_empty() => here,
                Some(folder) => folder,
            },
        }
    }

    /// Writes all of it or nothing, and never over a file that has come meanwhile.
    pub(super) fn write(&self, text: &str) -> anyhow::Result<()> {
        let Self::File(path) = self else {
            return Ok(());
        };
        let cannot = || format!("can't write {}", path.display());
        let mut new = NamedTempFile::new_in(self.folder()).with_context(cannot)?;
        new.write_all(text.as_bytes()).with_context(cannot)?;
        readable(&new).with_context(cannot)?;
        new.persist_noclobber(path).map(drop).map_err(|failed| {
            if failed.error.kind() == io::ErrorKind::AlreadyExists {
                anyhow::anyhow!("{}", exists(path))
            } else {
                anyhow::Error::new(failed.error).context(cannot())
            }
        })
    }
}

fn exists(path: &Path) -> String {
    format!(
        "{} exists, and is not written over: name another file by --output, print by --output -, or remove it",
        path.display()
    )
}

/// A temporary file is its user's alone; a configuration has no secrets, and the service may run as another user.
#[cfg(unix)]
fn readable(file: &NamedTempFile) -> io::Result<()> {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &NamedTempFile) -> io::Result<()> {
    Ok(())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("FILE"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
