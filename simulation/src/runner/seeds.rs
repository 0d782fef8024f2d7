//! The seeds that always run: each found something once.
//!
//! A line of the file has four columns, with `|` between them: the seed, the parts that are left out of its day (`-` for
//! none), the judge and what it found, and when that was mended; `open` if it was not.

use std::num::ParseIntError;

use thiserror::Error;

use crate::{judges::Verdict, world::plan::UnknownPart};

use super::Job;

/// A seed that found something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seed {
    /// Its day.
    pub job: Job,
    /// The judge that objected, and what it found.
    pub found: String,
    /// When that was mended.
    pub mended: String,
}

impl Seed {
    /// Whether what it found is not mended yet, and this is it.
    #[must_use]
    pub fn is_open(&self, verdict: &Verdict) -> bool {
        self.mended == "open" && self.found.split(':').next() == Some(verdict.judge.as_str())
    }
}

/// A line that is no such seed.
#[derive(Debug, Error)]
pub enum BadSeed {
    /// There are not four columns.
    #[error("line {0}: needs SEED | PARTS or - | WHAT IT FOUND | WHEN IT WAS MENDED")]
    Columns(usize),
    /// The first column.
    #[error("line {0}: no seed: {1}")]
    Number(usize, ParseIntError),
    /// The second column.
    #[error("line {0}: {1}")]
    Part(usize, UnknownPart),
}

/// Reads the file.
pub fn read_seeds(text: &str) -> Result<Vec<Seed>, BadSeed> {
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(number, line)| read(number, line))
        .collect()
}

fn read(number: usize, line: &str) -> Result<Seed, BadSeed> {
    let columns: Vec<_> = line.splitn(4, '|').map(str::trim).collect();
    let &[seed, without, found, mended] = columns.as_slice() else {
        return Err(BadSeed::Columns(number));
    };
    let seed = seed
        .parse()
        .map_err(|error| BadSeed::Number(number, error))?;
    let parts = without.split(',').filter(|part| *part != "-");
    let without = parts
        .map(|part| part.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|error| BadSeed::Part(number, error))?;
    Ok(Seed {
        job: Job {
            without,
            ..Job::of(seed)
        },
        found: found.to_owned(),
        mended: mended.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_with_their_parts() {
        let text = "# seeds\n\n7 | - | a leak | 2026-11-30\n8 | fault1,client0 | doubled | later\n";
        let seeds = read_seeds(text).unwrap();
        assert_eq!(seeds[0].job, Job::of(7));
        assert_eq!(
            seeds[1].job.to_string(),
            "--seed 8 --without fault1,client0"
        );
        assert_eq!(
            (seeds[1].found.as_str(), seeds[1].mended.as_str()),
            ("doubled", "later")
        );
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (text, words) in [
            ("7 | - | a leak", "line 1: needs SEED"),
            ("x | - | a | b", "line 1: no seed"),
            ("7 | knot1 | a | b", "line 1: \"knot1\" is no part"),
        ] {
            let error = read_seeds(text).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
