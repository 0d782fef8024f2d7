//! A result as a file: complete or not there at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use switchyard_bounded::file::open_special_to_write;
use tempfile::{Builder, NamedTempFile};

/// Where a result is written.
#[derive(Debug)]
pub struct Output(Kind);

#[derive(Debug)]
enum Kind {
    /// Standard output.
    Stdout,
    /// A pipe or a device, which a rename would replace with a file.
    Special(File),
    /// A file. It is written beside its final place and then renamed; without the rename it is
    /// removed.
    Regular {
        /// The file as it is written.
        file: NamedTempFile,
        /// The path that it is renamed to.
        path: PathBuf,
    },
}

impl Output {
    /// Opens the output, so that a path that cannot be written is an error before the run. `-` is
    /// standard output.
    pub fn prepare(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self(Kind::Stdout));
        }
        // Replaces the file that a link points to, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match path.metadata() {
            Ok(kind) if kind.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(kind) if !kind.is_file() => {
                let device = open_special_to_write(&path)?;
                return Ok(Self(Kind::Special(device)));
            }
            _ => {}
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        let mut builder = Builder::new();
        builder.prefix(&prefix).suffix(".tmp");
        // As readable as any new file; the default for temporary files is the owner only.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        Ok(Self(Kind::Regular { file, path }))
    }

    /// Whether it is standard output.
    #[must_use]
    pub fn is_stdout(&self) -> bool {
        matches!(self.0, Kind::Stdout)
    }

    /// Writes the result, and moves it to its place.
    pub fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self.0 {
            Kind::Stdout => io::stdout().lock().write_all(bytes),
            Kind::Special(mut file) => file.write_all(bytes),
            Kind::Regular { mut file, path } => {
                file.write_all(bytes)?;
                file.as_file().sync_all()?;
                file.persist(path)?;
                Ok(())
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
