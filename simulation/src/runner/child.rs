//! What a child does: one day, with the judges in it.

use std::{
    hash::{DefaultHasher, Hasher},
    io::{self, BufWriter, PipeWriter, Write},
};

use switchyard_simulated_kernel::{self as kernel, process};

use crate::{
    judges::{Bench, Verdict},
    world::{
        self,
        event::{Event, What},
        plan::Plan,
    },
};

use super::{Job, Report, Tally};

/// What comes before a child's last line; no line of a log begins so.
pub(super) const LAST: char = '=';

/// The exit code of a day that was judged: its report says how.
pub(super) const JUDGED: u8 = 0;
/// The exit code of a day that could not be run.
const BROKEN: u8 = 3;

/// Takes notes of a day.
struct Notes {
    has_log: bool,
    output: BufWriter<PipeWriter>,
    hasher: DefaultHasher,
    tally: Tally,
    line: Vec<u8>,
}

/// Starts the child of a day.
pub(super) fn start(job: &Job) -> io::Result<process::Child> {
    process::fork(|output| live(&job.plan(), job.has_log, output))
}

fn live(plan: &Plan, has_log: bool, output: PipeWriter) -> u8 {
    let mut notes = Notes {
        has_log,
        output: BufWriter::new(output),
        hasher: DefaultHasher::new(),
        tally: Tally::default(),
        line: Vec::new(),
    };
    let mut result = Ok(());
    let mut bench = Bench::of(plan);
    kernel::run(plan.seed, || {
        result = world::run(plan, &mut |event| {
            notes.take(event);
            if let Some(verdict) = bench.see(event) {
                // Nothing that comes after a broken promise proves anything.
                notes.finish(Some(verdict));
            }
        });
        if let Err(error) = &result {
            let _ = writeln!(io::stderr(), "{error}");
            process::exit_at_once(i32::from(BROKEN));
        }
        notes.finish(None)
    });
    BROKEN
}

impl Notes {
    fn take(&mut self, event: &Event) {
        self.tally.events += 1;
        self.tally.lasted = event.at;
        match &event.what {
            What::Asked { .. } => self.tally.asked += 1,
            What::Booked { .. } => self.tally.booked += 1,
            _ => {}
        }
        self.line.clear();
        let _ = writeln!(self.line, "{event}");
        self.hasher.write(&self.line);
        if self.has_log {
            let _ = self.output.write_all(&self.line);
        }
    }

    /// Writes the last line, and ends the process: its other threads stand still where they are.
    fn finish(&mut self, verdict: Option<Verdict>) -> ! {
        self.tally.digest = self.hasher.finish();
        let report = Report {
            tally: self.tally.clone(),
            verdict,
        };
        let _ = write!(self.output, "{LAST}");
        let _ = serde_json::to_writer(&mut self.output, &report);
        let is_written = self.output.flush().is_ok();
        process::exit_at_once(i32::from(if is_written { JUDGED } else { BROKEN }))
    }
}
