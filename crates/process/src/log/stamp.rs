//! What each log line begins with: the time and the process.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process,
};

use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime, SystemTime},
};

/// Begins a line with the time (RFC 3339, UTC, microseconds) and the process, as `switchyard[4711]`. During an upgrade
/// two processes share one log.
#[derive(Debug)]
pub(super) struct Stamp {
    process: String,
}

impl Stamp {
    /// Of this process.
    pub(super) fn new() -> Self {
        Self { process: process() }
    }
}

impl FormatTime for Stamp {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        SystemTime.format_time(out)?;
        write!(out, " {}", self.process)
    }
}

/// This process, as lines name it.
pub(super) fn process() -> String {
    let program = env::args_os().next().map(PathBuf::from);
    name(program.as_deref(), process::id())
}

/// The file name of a program, and the number of its process.
fn name(program: Option<&Path>, id: u32) -> String {
    let file = program.and_then(Path::file_name);
    let file = file.map_or_else(|| "process".into(), |file| file.to_string_lossy());
    format!("{file}[{id}]")
}

#[cfg(test)]
mod tests;
