//! The progress of a run: elapsed time, rates, latencies, and the utilisation of the substations.
//!
//! On a terminal indicatif draws it in place; it knows the terminal's width and how often to draw.
//! Elsewhere, as in a log, it is one plain line a second.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use switchyard_process::stderr;

use crate::format::grouped;
use crate::progress::Progress;

/// The most substations on a terminal, and in a line of a log.
const MAX_ROWS: usize = 12;
const MAX_IN_LINE: usize = 4;

/// The width of a full bar, in characters.
const BAR: usize = 30;

/// The longest that the end of a run waits for the last state to be drawn.
const LAST_STATE: Duration = Duration::from_millis(300);

/// Shows progress on standard error. Showing never waits: a terminal that is stopped (Ctrl-S), or a log that nothing
/// reads, must not delay a request.
#[derive(Debug)]
pub struct ProgressView {
    terminal: Option<Drawing>,
}

/// The thread that draws on the terminal.
#[derive(Debug)]
struct Drawing {
    states: Mutex<Option<SyncSender<Progress>>>,
    is_over: Mutex<Receiver<()>>,
}

/// The bars and rows on the terminal.
#[derive(Debug)]
struct Terminal {
    all: MultiProgress,
    bar: ProgressBar,
    rows: Vec<ProgressBar>,
}

impl Default for ProgressView {
    fn default() -> Self {
        Self::new()
    }
}

impl ProgressView {
    /// Draws in place if standard error is a terminal.
    #[must_use]
    pub fn new() -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            terminal: is_terminal.then(|| Drawing::start(Terminal::new)),
        }
    }

    /// Shows the progress. A closed terminal does not end the run.
    pub fn show(&self, progress: &Progress) {
        match &self.terminal {
            Some(drawing) => drawing.show(progress),
            None => stderr::line(line(progress)),
        }
    }

    /// Leaves the last state on the terminal.
    pub fn end(&self) {
        if let Some(drawing) = &self.terminal {
            drawing.end();
        }
    }
}

/// What a state is drawn on.
trait Canvas {
    fn show(&mut self, progress: &Progress);
    fn end(&mut self);
}

impl Drawing {
    /// Starts the thread, which draws on what `make` makes. Without a thread nothing is drawn.
    fn start<C: Canvas>(make: impl FnOnce() -> C + Send + 'static) -> Self {
        let (states, incoming) = sync_channel::<Progress>(1);
        let (over, is_over) = sync_channel(1);
        let _ = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                let mut canvas = make();
                for progress in incoming {
                    canvas.show(&progress);
                }
                canvas.end();
                let _ = over.send(());
            });
        Self {
            states: Mutex::new(Some(states)),
            is_over: Mutex::new(is_over),
        }
    }

    /// Hands the state to the thread, or skips it while the thread is busy.
    fn show(&self, progress: &Progress) {
        if let Some(states) = &*self.states.lock() {
            let _ = states.try_send(progress.clone());
        }
    }

    fn end(&self) {
        self.states.lock().take();
        // An error means that it takes too long, or that there is no thread.
        let _ = self.is_over.lock().recv_timeout(LAST_STATE);
    }
}

impl Terminal {
    fn new() -> Self {
        let all = MultiProgress::new();
        let bar = all.add(ProgressBar::new(1));
        // The template is constant and valid; otherwise the default style would remain.
        if let Ok(style) = ProgressStyle::with_template("{wide_bar:.cyan/blue} {msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self {
            all,
            bar,
            rows: Vec::new(),
        }
    }
}

impl Canvas for Terminal {
    fn show(&mut self, progress: &Progress) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.bar.set_length(millis(progress.total));
        self.bar
            .set_position(millis(progress.elapsed.min(progress.total)));
        self.bar.set_message(clock(progress));
        let rows: Vec<_> = figures(progress)
            .into_iter()
            .chain(substations(progress))
            .collect();
        while self.rows.len() < rows.len() {
            self.rows.push(text_row(&self.all));
        }
        for (row, text) in self.rows.iter().zip(rows) {
            row.set_message(text);
        }
    }

    fn end(&mut self) {
        for bar in [&self.bar].into_iter().chain(&self.rows) {
            bar.abandon();
        }
    }
}

/// A row of text. A long row is cut off, because the second line of a wrapped row would remain when
/// redrawn.
fn text_row(all: &MultiProgress) -> ProgressBar {
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

/// The figures of the requests, in rows that fit into 80 columns.
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

/// A bar for each substation: its utilisation, or its part of the answers.
fn substations(progress: &Progress) -> Vec<String> {
    let names = progress
        .substations
        .iter()
        .map(|substation| substation.name.chars().count());
    let width = names.max().unwrap_or(0);
    let substations = progress
        .substations
        .iter()
        .take(MAX_ROWS)
        .map(|substation| {
            let name = &substation.name;
            match (substation.level, substation.utilisation()) {
                (Some((load, capacity)), Some(part)) => format!(
                    "  {name:<width$} {} {:>5.1} %  {} of {}",
                    bar(part),
                    100.0 * part,
                    grouped(load.round()),
                    grouped(capacity.round()),
                ),
                _ => format!(
                    "  {name:<width$} {} {:>5.1} % of answers",
                    bar(substation.share),
                    100.0 * substation.share
                ),
            }
        });
    let mut rows: Vec<_> = substations.collect();
    let more = progress.substations.len().saturating_sub(MAX_ROWS);
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

/// The progress as one line.
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
    for substation in progress.substations.iter().take(MAX_IN_LINE) {
        let _ = match substation.utilisation() {
            Some(full) => write!(line, "  {} {:.1} % full", substation.name, 100.0 * full),
            None => write!(
                line,
                "  {} {:.0} %",
                substation.name,
                100.0 * substation.share
            ),
        };
    }
    if progress.substations.len() > MAX_IN_LINE {
        line.push_str("  …");
    }
    line
}

fn millis(latency: Duration) -> f64 {
    1000.0 * latency.as_secs_f64()
}

#[cfg(test)]
mod tests;
