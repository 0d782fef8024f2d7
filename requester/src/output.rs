//! The report as a file: whole or not there at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use anyhow::{Context, Result};
use requester::Report;

/// Where the report goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// Standard output.
    Stdout,
    /// A pipe or device, which a rename would replace by a file.
    Special(File),
    /// A file that is written beside its place and then moved there.
    Regular(Beside),
}

/// The file that will be moved; removed if it comes to nothing.
#[derive(Debug)]
pub(crate) struct Beside {
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
    pub(crate) fn prepare(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let cannot = || format!("cannot write {}; pass another --output", path.display());
        // What a link points to is replaced, not the link.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match place.metadata() {
            Ok(kind) if kind.is_dir() => {
                return Err(io::Error::from(io::ErrorKind::IsADirectory)).with_context(cannot);
            }
            Ok(kind) if !kind.is_file() => {
                let file = OpenOptions::new().write(true).open(&place);
                return Ok(Self::Special(file.with_context(cannot)?));
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
            file: file.with_context(cannot)?,
            written,
            place,
        }))
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Writes the report, and puts it in its place.
    pub(crate) fn write(self, report: &Report) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(report)?;
        json.push(b'\n');
        match self {
            Self::Stdout => io::stdout().lock().write_all(&json),
            Self::Special(mut file) => file.write_all(&json),
            Self::Regular(mut beside) => beside
                .file
                .write_all(&json)
                .and_then(|()| beside.file.sync_all())
                .and_then(|()| fs::rename(&beside.written, &beside.place)),
        }
        .context("cannot write the report")
    }
}
