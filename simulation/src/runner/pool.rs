//! Days side by side: a few children at once, and one thread that watches them.

use std::{
    io::{self, Read},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use switchyard_simulated_kernel::process::{Child, Ended, readable};

use crate::{judges::Verdict, world};

use super::{
    Job, Outcome, Report,
    child::{self, LAST},
};

/// How much of a child's standard error is kept: its end.
const KEPT: usize = 16 * 1024;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Runs days.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// How many at once.
    pub at_once: usize,
    /// How long a day may take in real time.
    pub limit: Duration,
}

/// A day that is being lived.
struct Running {
    job: Job,
    child: Child,
    since: Instant,
    report: Vec<u8>,
    errors: Vec<u8>,
    is_closed: [bool; 2],
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            at_once: 2,
            limit: Duration::from_mins(2),
        }
    }
}

impl Pool {
    /// Runs one day.
    pub fn run(&self, job: &Job) -> io::Result<Outcome> {
        let mut result = Outcome::default();
        self.run_all([job.clone()], |_, outcome| {
            result = outcome;
            ControlFlow::Continue(())
        })?;
        Ok(result)
    }

    /// Runs days until there are no more or `told` breaks off. `told` gets them in the order in which they end.
    pub fn run_all(
        &self,
        jobs: impl IntoIterator<Item = Job>,
        mut told: impl FnMut(Job, Outcome) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut jobs = jobs.into_iter().fuse();
        let mut running: Vec<Running> = Vec::new();
        loop {
            while running.len() < self.at_once.max(1) {
                match jobs.next() {
                    Some(job) => running.push(Running::start(job)?),
                    None => break,
                }
            }
            if running.is_empty() {
                return Ok(());
            }
            read(&mut running)?;
            let mut at = 0;
            while let Some(one) = running.get_mut(at) {
                if let Some(outcome) = one.outcome(self.limit)? {
                    world::clean_up(one.child.id());
                    let ended = running.swap_remove(at);
                    if told(ended.job, outcome).is_break() {
                        return Ok(());
                    }
                } else {
                    at += 1;
                }
            }
        }
    }
}

/// Reads what children have written.
fn read(running: &mut [Running]) -> io::Result<()> {
    let mut pipes = Vec::new();
    let mut owners = Vec::new();
    for (at, one) in running.iter().enumerate() {
        let both = [&one.child.report, &one.child.errors];
        for (which, (pipe, is_closed)) in both.into_iter().zip(one.is_closed).enumerate() {
            if !is_closed {
                pipes.push(pipe);
                owners.push((at, which));
            }
        }
    }
    let ready = readable(&pipes, TICK)?;
    for ((at, which), is_ready) in owners.into_iter().zip(ready) {
        if is_ready && let Some(one) = running.get_mut(at) {
            one.read(which)?;
        }
    }
    Ok(())
}

impl Running {
    fn start(job: Job) -> io::Result<Self> {
        let child = child::start(&job)?;
        Ok(Self {
            job,
            child,
            since: Instant::now(),
            report: Vec::new(),
            errors: Vec::new(),
            is_closed: [false; 2],
        })
    }

    fn read(&mut self, which: usize) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        let (pipe, into) = match which {
            0 => (&mut self.child.report, &mut self.report),
            _ => (&mut self.child.errors, &mut self.errors),
        };
        let count = pipe.read(&mut bytes)?;
        into.extend_from_slice(bytes.get(..count).unwrap_or_default());
        let [report, errors] = &mut self.is_closed;
        let is_closed = if which == 0 { report } else { errors };
        *is_closed = count == 0;
        let spare = self.errors.len().saturating_sub(KEPT);
        self.errors.drain(..spare);
        Ok(())
    }

    /// What came of it, if it is over.
    fn outcome(&mut self, limit: Duration) -> io::Result<Option<Outcome>> {
        let lasts = self.since.elapsed();
        if lasts > limit {
            self.child.kill()?;
            let words = format!(
                "the day is not over after {} s of real time",
                limit.as_secs()
            );
            return Ok(Some(self.ended("hangs", words)));
        }
        if self.is_closed != [true; 2] {
            return Ok(None);
        }
        let Some(ended) = self.child.try_wait()? else {
            return Ok(None);
        };
        let begins = self.report.iter().rposition(|byte| *byte == LAST as u8);
        let last = begins.and_then(|at| self.report.get(at + 1..));
        let report = last.and_then(|last| serde_json::from_slice::<Report>(last).ok());
        let outcome = match (ended, report, begins) {
            (Ended::Exited(0), Some(report), Some(at)) => {
                self.report.truncate(at);
                Outcome {
                    verdict: report.verdict,
                    tally: report.tally,
                    log: std::mem::take(&mut self.report),
                    errors: self.last_words(),
                }
            }
            _ => self.ended(
                "crashed",
                format!("the process of the day ended: {ended:?}"),
            ),
        };
        Ok(Some(outcome))
    }

    /// The outcome of a day whose child has not said any.
    fn ended(&mut self, judge: &str, words: String) -> Outcome {
        let errors = self.last_words();
        let last = errors.lines().rev().find(|line| !line.trim().is_empty());
        let words = match last {
            Some(last) => format!("{words}; its last words: {last}"),
            None => words,
        };
        Outcome {
            verdict: Some(Verdict {
                judge: judge.to_owned(),
                at: Duration::ZERO,
                words,
            }),
            log: std::mem::take(&mut self.report),
            errors,
            ..Outcome::default()
        }
    }

    fn last_words(&self) -> String {
        String::from_utf8_lossy(&self.errors).into_owned()
    }
}
