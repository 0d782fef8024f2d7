//! What is said while the configuration is made: on standard error, because the configuration may go to standard output.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Says a line. That standard error is gone is no reason to stop.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
