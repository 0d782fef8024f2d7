//! The face of a run: where it is, how fast, and how full the substations are.
//!
//! On a terminal it is drawn in place, by indicatif, which knows how wide the terminal is and when it may be
//! written to. Elsewhere it is plain lines, one after the other, since nobody can wipe a log.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use crate::Progress;
use crate::number::grouped;

/// More would not fit onto a screen, or into a line.
const ROWS: usize = 12;
const IN_LINE: usize = 4;

/// Characters of a full bar.
const BAR: usize = 30;

/// Shows progress on standard error.
#[derive(Debug)]
pub struct Face {
    drawn: Option<Mutex<Drawn>>,
}

/// What stands on the terminal.
#[derive(Debug)]
struct Drawn {
    all: MultiProgress,
    bar: ProgressBar,
    rows: Vec<ProgressBar>,
}

impl Default for Face {
    fn default() -> Self {
        Self::new()
    }
}

impl Face {
    /// Draws in place if standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        let drawn = io::stderr().is_terminal().then(|| Mutex::new(Drawn::new()));
        Self { drawn }
    }

    /// Shows where the run is. A screen that is gone does not end the run.
    pub fn show(&self, progress: &Progress) {
        match &self.drawn {
            Some(drawn) => drawn.lock().show(progress),
            None => {
                let _ = writeln!(io::stderr(), "{}", line(progress));
            }
        }
    }

    /// Leaves the last state where it is.
    pub fn end(&self) {
        if let Some(drawn) = &self.drawn {
            drawn.lock().end();
        }
    }
}

impl Drawn {
    fn new() -> Self {
        let all = MultiProgress::new();
        let bar = all.add(ProgressBar::new(1));
        // A template that is wrong would be one that never worked; the usual one then has to do.
        if let Ok(style) = ProgressStyle::with_template("{wide_bar:.cyan/blue} {msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self {
            all,
            bar,
            rows: Vec::new(),
        }
    }

    fn show(&mut self, progress: &Progress) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.bar.set_length(millis(progress.total));
        self.bar
            .set_position(millis(progress.elapsed.min(progress.total)));
        self.bar.set_message(clock(progress));
        let rows: Vec<_> = figures(progress)
            .into_iter()
            .chain(stations(progress))
            .collect();
        while self.rows.len() < rows.len() {
            self.rows.push(plain(&self.all));
        }
        for (row, text) in self.rows.iter().zip(rows) {
            row.set_message(text);
        }
    }

    fn end(&self) {
        for bar in [&self.bar].into_iter().chain(&self.rows) {
            bar.abandon();
        }
    }
}

/// A row of text. It is cut off rather than wrapped, which would leave its second half behind when redrawn.
fn plain(all: &MultiProgress) -> ProgressBar {
    let row = all.add(ProgressBar::new(1));
    if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
        row.set_style(style);
    }
    row
}

fn clock(progress: &Progress) -> String {
    format!(
        "{} of {} s",
        progress.elapsed.as_secs(),
        progress.total.as_secs()
    )
}

/// What clients see, in rows that fit into the usual 80 columns.
fn figures(progress: &Progress) -> [String; 2] {
    let booked = progress.answered.saturating_sub(progress.refused);
    let counts = format!(
        "{:.0}/s offered, {:.0}/s answered   booked {}   refused {}   failed {}",
        progress.offered_rate,
        progress.rate,
        grouped(booked),
        grouped(progress.refused),
        grouped(progress.failed)
    );
    let mut times = Vec::new();
    for (name, latency) in [("p50", progress.p50), ("p99", progress.p99)] {
        times.extend(latency.map(|latency| format!("{name} {:.2} ms", millis(latency))));
    }
    let imbalance = progress.imbalance();
    times.extend(imbalance.map(|imbalance| format!("imbalance {imbalance:.3}")));
    [counts, times.join("   ")]
}

/// A small bar for each substation: how full it is, or what part of the answers it gave.
fn stations(progress: &Progress) -> Vec<String> {
    let names = progress
        .substations
        .iter()
        .map(|station| station.name.chars().count());
    let width = names.max().unwrap_or(0);
    let stations = progress.substations.iter().take(ROWS).map(|station| {
        let name = &station.name;
        match (station.level, station.utilisation()) {
            (Some((load, capacity)), Some(part)) => format!(
                "  {name:<width$} {} {:>5.1} %  {} of {}",
                bar(part),
                100.0 * part,
                grouped(load.round()),
                grouped(capacity.round()),
            ),
            _ => format!(
                "  {name:<width$} {} {:>5.1} % of answers",
                bar(station.share),
                100.0 * station.share
            ),
        }
    });
    let mut rows: Vec<_> = stations.collect();
    let more = progress.substations.len().saturating_sub(ROWS);
    if more > 0 {
        rows.push(format!("  … and {more} more"));
    }
    rows
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "from 0 to BAR"
)]
fn bar(part: f64) -> String {
    let full = (part.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "·".repeat(BAR - full))
}

/// All of it in one line.
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
    for (name, latency) in [("p50", progress.p50), ("p99", progress.p99)] {
        if let Some(latency) = latency {
            let _ = write!(line, "  {name} {:.2} ms", millis(latency));
        }
    }
    for station in progress.substations.iter().take(IN_LINE) {
        let _ = match station.utilisation() {
            Some(full) => write!(line, "  {} {:.1} % full", station.name, 100.0 * full),
            None => write!(line, "  {} {:.0} %", station.name, 100.0 * station.share),
        };
    }
    if progress.substations.len() > IN_LINE {
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
    use crate::Station;

    fn progress() -> Progress {
        Progress {
            elapsed: Duration::from_millis(3001),
            total: Duration::from_mins(1),
            offered: 30,
            answered: 20,
            refused: 2,
            failed: 1,
            offered_rate: 10.4,
            rate: 9.6,
            p50: Some(Duration::from_micros(1234)),
            p99: None,
            substations: vec![Station {
                name: "substation1".into(),
                share: 0.25,
                level: None,
            }],
        }
    }

    #[test]
    fn a_line_says_where_the_run_is() {
        let mut progress = progress();
        assert_eq!(
            line(&progress),
            "   3 s  offered 30  answered 20  refused 2  failed 1  10/s  p50 1.23 ms  substation1 25 %"
        );
        progress.substations[0].level = Some((45.0, 200.0));
        assert!(line(&progress).ends_with("  substation1 22.5 % full"));
        progress.substations = vec![
            Station {
                name: "s".into(),
                share: 0.1,
                level: None
            };
            10
        ];
        assert!(line(&progress).ends_with("  s 10 %  s 10 %  …"));
    }

    #[test]
    fn a_screen_says_it_with_a_bar_a_substation() {
        let mut progress = progress();
        assert_eq!(clock(&progress), "3 of 60 s");
        assert_eq!(
            figures(&progress),
            [
                "10/s offered, 10/s answered   booked 18   refused 2   failed 1",
                "p50 1.23 ms"
            ]
        );
        assert!(
            stations(&progress)[0].ends_with("25.0 % of answers"),
            "{:?}",
            stations(&progress)
        );
        progress.substations[0].level = Some((5000.0, 10_000.0));
        let expected = format!("  substation1 {}  50.0 %  5,000 of 10,000", bar(0.5));
        assert_eq!(stations(&progress), [expected]);
        assert!(figures(&progress)[1].ends_with("   imbalance 1.000"));
        progress.substations = vec![progress.substations[0].clone(); 20];
        assert_eq!(
            stations(&progress).last().map(String::as_str),
            Some("  … and 8 more")
        );
    }

    #[test]
    fn bars_end_at_their_ends() {
        assert_eq!(bar(-1.0), "·".repeat(BAR));
        assert_eq!(bar(2.0), "█".repeat(BAR));
    }
}
