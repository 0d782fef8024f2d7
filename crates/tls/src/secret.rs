//! Reads a file that other users of the machine should not read.

use std::{
    fs::{self, Metadata},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tracing::warn;

/// Everyone on the machine may read it.
const WORLD_READABLE: u32 = 0o004;

/// Reads the file, or says which rule it breaks.
pub(crate) fn secret(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("cannot be read: {error}");
    let is_open = |metadata: Metadata| metadata.permissions().mode() & WORLD_READABLE != 0;
    if fs::metadata(file).map(is_open).map_err(cannot)? {
        warn!(file = %file.display(), "Everyone on this machine may read it: take that right away (chmod o-r)");
    }
    fs::read(file).map_err(cannot)
}
