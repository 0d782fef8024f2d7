//! Reads a file that other users of the machine should not read.

use std::{
    fs::{self, Metadata},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use switchyard_bounded::file;
use tracing::warn;

/// The permission bit by which every user of the machine may read a file.
const WORLD_READABLE: u32 = 0o004;

/// Reads the file of at most `most` bytes, or says which rule it breaks.
pub fn secret(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("cannot be read: {error}");
    let is_open = |metadata: Metadata| metadata.permissions().mode() & WORLD_READABLE != 0;
    if fs::metadata(path).map(is_open).map_err(cannot)? {
        warn!(file = %path.display(), "File is world-readable: run chmod o-r on it");
    }
    file::read(path, most).map_err(cannot)
}
