//! Runs days, each in a process of its own, and says what came of them.
//!
//! A child has the judges in it, so what crosses the pipe is one line at the end, and the log only where it is wanted. What
//! the child can't say, its parent sees: a day that takes longer in real time than any should *hangs*, and a process that
//! ends without a last line has *crashed*. Both count as judges.

mod child;
mod pool;
mod seeds;
mod shrink;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    judges::Verdict,
    world::plan::{Part, Plan},
};

pub use self::{
    pool::Pool,
    seeds::{BadSeed, Seed, read_seeds},
    shrink::shrink,
};

/// A day to run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Job {
    /// The seed.
    pub seed: u64,
    /// What is left out of its day.
    pub without: Vec<Part>,
    /// Whether its log is wanted.
    pub has_log: bool,
}

impl Job {
    /// The whole day of a seed, without its log.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            without: Vec::new(),
            has_log: false,
        }
    }

    /// What happens in it.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::of(self.seed).without(&self.without)
    }
}

/// What came of a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What a judge objected to.
    pub verdict: Option<Verdict>,
    /// What happened, as far as the child could say.
    pub tally: Tally,
    /// The log, where it was wanted.
    pub log: Vec<u8>,
    /// What the child wrote to its standard error: the end of it.
    pub errors: String,
}

/// What happened in a day, in numbers.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// Lines of its log.
    pub events: u64,
    /// A hash of its log.
    pub digest: u64,
    /// How long it was.
    pub lasted: Duration,
    /// Requests that clients sent.
    pub asked: u64,
    /// Sessions that were booked.
    pub booked: u64,
}

/// The last line of a child.
#[derive(Debug, Deserialize, Serialize)]
struct Report {
    tally: Tally,
    verdict: Option<Verdict>,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--seed {}", self.seed)?;
        if !self.without.is_empty() {
            let parts: Vec<_> = self.without.iter().map(ToString::to_string).collect();
            write!(f, " --without {}", parts.join(","))?;
        }
        Ok(())
    }
}
