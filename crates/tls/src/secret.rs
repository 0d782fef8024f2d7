//! Reads a file that other users of the machine should not read.

use std::{
    fs::{self, Metadata},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tracing::warn;

/// The permission bit by which every user of the machine may read a file.
const WORLD_READABLE: u32 = 0o004;

/// Reads the file, or says which rule it breaks.
pub(crate) fn secret(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("cannot be read: {error}");
    let is_open = |metadata: Metadata| metadata.permissions().mode() & WORLD_READABLE != 0;
    if fs::metadata(file).map(is_open).map_err(cannot)? {
        warn!(file = %file.display(), "File is world-readable: run chmod o-r on it");
    }
    fs::read(file).map_err(cannot)
}
