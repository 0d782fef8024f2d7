//! What commands print on standard output.

use std::io::{self, Write};

use anyhow::Context;

/// Writes `text`.
pub(crate) fn show(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The reader of a pipe may have closed it.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("can't write")
        }
        _ => Ok(()),
    }
}
