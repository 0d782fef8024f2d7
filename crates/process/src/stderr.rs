//! Standard error, where a program writes its log and its messages.
//!
//! Whatever standard error leads to may be gone, full, or a pipe that no process reads. `eprintln!` panics or blocks
//! then, and takes the caller's work with it. Here one thread writes, and all others hand their lines to it: a line never
//! blocks its caller and never fails. What can't be written is dropped, counted and, once writing works again, reported.

mod line_writer;

use std::{
    fmt::Display,
    fs::File,
    io::{self, Write},
    sync::OnceLock,
    time::Duration,
};

use tracing::{Level, event_enabled, warn};

use line_writer::LineWriter;

/// How long the end of the process waits for its last lines. A terminal or a pipe with a reader takes them in far less,
/// and without a reader the end must not wait.
const AT_THE_END: Duration = Duration::from_millis(300);

fn writer() -> &'static LineWriter {
    static WRITER: OnceLock<LineWriter> = OnceLock::new();
    WRITER.get_or_init(|| match duplicate() {
        Ok(sink) => LineWriter::start(sink, report),
        Err(_) => LineWriter::start(io::stderr(), report),
    })
}

/// A descriptor without the standard library's lock, which would block other writers while this one waits.
#[cfg(unix)]
fn duplicate() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(not(unix))]
fn duplicate() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// How a warning of this module is written, where that is not as text.
static WARNING: OnceLock<fn(&str) -> String> = OnceLock::new();

/// Writes warnings that are no part of the log in this form, with its line feed.
pub(crate) fn warn_as(form: fn(&str) -> String) {
    let _ = WARNING.set(form);
}

fn report(writer: &LineWriter, lines: u64) {
    if event_enabled!(Level::WARN) {
        warn!(lines, "Log lines lost: standard error did not take them");
    } else {
        let message = format!("{lines} lines lost: standard error did not take them");
        let as_line = WARNING.get().copied().unwrap_or(|text| format!("{text}\n"));
        writer.push(as_line(&message).as_bytes());
    }
}

/// Writes `message` and a line feed to standard error, at some time soon. Never blocks and never fails.
pub fn line(message: impl Display) {
    writer().push(format!("{message}\n").as_bytes());
}

/// How many lines this process could not write so far.
#[must_use]
pub fn dropped() -> u64 {
    writer().dropped()
}

/// Writes the last lines when it is dropped, for a fraction of a second at most. `main` keeps it.
#[derive(Debug)]
#[must_use = "dropped at once, it writes only the lines so far"]
pub struct FlushAtEnd(());

/// See [`FlushAtEnd`].
pub fn flush_at_end() -> FlushAtEnd {
    FlushAtEnd(())
}

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        writer().flush(AT_THE_END);
    }
}

/// Hands whole lines to the writer: for the log.
#[derive(Debug)]
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        writer().push(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
