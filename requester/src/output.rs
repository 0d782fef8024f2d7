//! A result as a file: whole or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

/// Where the report goes.
#[derive(Debug)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A pipe or device, which a rename would replace by a file.
    Special(File),
    /// A file that is written beside its place and then moved there.
    Regular(Beside),
}

/// The file that will be moved; removed if it comes to nothing.
#[derive(Debug)]
pub struct Beside {
    file: File,
    written: PathBuf,
    place: PathBuf,
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It is not there any more if it was moved.
        let _ = fs::remove_file(&self.written);
    }
}

impl Output {
    /// Opens it, so that what can't be written to is known before the run. `-` is standard output.
    pub fn prepare(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        // What a link points to is replaced, not the link.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match place.metadata() {
            Ok(kind) if kind.is_dir() => {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(kind) if !kind.is_file() => {
                return Ok(Self::Special(OpenOptions::new().write(true).open(&place)?));
            }
            _ => {}
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let written = place.with_file_name(format!(".{name}.{}.tmp", process::id()));
        // Left by one that was killed and had this number, as in a container every one has.
        let _ = fs::remove_file(&written);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&written);
        Ok(Self::Regular(Beside {
            file: file?,
            written,
            place,
        }))
    }

    /// Whether it is standard output.
    #[must_use]
    pub fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Writes all of it, and puts it in its place.
    pub fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().write_all(bytes),
            Self::Special(mut file) => file.write_all(bytes),
            Self::Regular(mut beside) => {
                beside.file.write_all(bytes)?;
                beside.file.sync_all()?;
                fs::rename(&beside.written, &beside.place)
            }
        }
    }
}
