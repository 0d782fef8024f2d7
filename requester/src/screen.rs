//! The progress line on standard error: rewritten in place on a terminal, one after the other elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use requester::Progress;

/// More would not fit into a line.
const SUBSTATIONS: usize = 4;

/// Where progress is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
        }
    }

    /// Shows where the run is. A screen that is gone does not end the run.
    pub(crate) fn show(&self, progress: &Progress) {
        let text = line(progress);
        // Back to the first column, and clear what stands there.
        let (before, after) = if self.terminal {
            ("\r\x1b[2K", "")
        } else {
            ("", "\n")
        };
        let _ = write!(io::stderr(), "{before}{text}{after}");
    }

    /// Leaves the last line where it is.
    pub(crate) fn end(&self) {
        if self.terminal {
            let _ = writeln!(io::stderr());
        }
    }
}

fn line(progress: &Progress) -> String {
    let mut line = format!(
        "{:>4} s  offered {}  answered {}  refused {}  failed {}  {:.0}/s",
        progress.elapsed.as_secs(),
        progress.offered,
        progress.answered,
        progress.refused,
        progress.failed,
        progress.rate
    );
    // Writing into a String never fails.
    for (name, latency) in [("p50", progress.p50), ("p99", progress.p99)] {
        if let Some(latency) = latency {
            let _ = write!(line, "  {name} {:.2} ms", millis(latency));
        }
    }
    for (name, share) in progress.substations.iter().take(SUBSTATIONS) {
        let _ = write!(line, "  {name} {:.0} %", 100.0 * share);
    }
    if progress.substations.len() > SUBSTATIONS {
        line.push_str("  …");
    }
    line
}

fn millis(latency: Duration) -> f64 {
    1000.0 * latency.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_the_run_is() {
        let mut progress = Progress {
            elapsed: Duration::from_millis(3001),
            offered: 30,
            answered: 20,
            refused: 2,
            failed: 1,
            rate: 9.6,
            p50: Some(Duration::from_micros(1234)),
            p99: None,
            substations: vec![("substation1".into(), 0.25)],
        };
        assert_eq!(
            line(&progress),
            "   3 s  offered 30  answered 20  refused 2  failed 1  10/s  p50 1.23 ms  substation1 25 %"
        );
        progress.substations = vec![("s".into(), 0.1); 10];
        assert!(line(&progress).ends_with("  s 10 %  s 10 %  …"));
    }
}
