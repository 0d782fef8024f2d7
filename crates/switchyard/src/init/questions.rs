//! What is asked at a terminal.

use std::io::{self, BufRead, Read};

use anyhow::bail;
use switchyard_bounded::Shown;

use super::{
    sources::{Place, Source, place, source},
    talk::say,
};

/// The longest answer, in bytes: a hundred addresses.
const LONGEST: u64 = 8 << 10;
/// How often a question is asked again.
const TRIES: usize = 3;

/// Asks at the terminal, if there is one.
pub(super) struct Questions {
    answers: Box<dyn BufRead>,
}

impl Questions {
    pub(super) fn at_terminal(is_one: bool) -> Option<Self> {
        is_one.then(|| Self {
            answers: Box::new(io::stdin().lock()),
        })
    }

    /// Where the substations are.
    pub(super) fn places(&mut self) -> anyhow::Result<(Vec<Place>, Vec<Source>)> {
        say(
            "Where are the substations? Their addresses (HOST:PORT, with blanks between them), or where they are found:\n\
             dns:NAME:PORT, srv:NAME, file:PATTERN, a URL",
        );
        self.ask("substations", |answer| {
            let (mut places, mut sources) = (Vec::new(), Vec::new());
            for word in answer
                .split([' ', '\t', ','])
                .filter(|word| !word.is_empty())
            {
                let is_source = ["dns:", "srv:", "file:", "http:", "https:"]
                    .iter()
                    .any(|kind| word.starts_with(kind));
                let told = |rule: String| format!("{word} {rule}");
                if is_source {
                    sources.push(source(word).map_err(told)?);
                } else {
                    places.push(place(word).map_err(told)?);
                }
            }
            if places.is_empty() && sources.is_empty() {
                return Err("at least one is needed".to_owned());
            }
            Ok((places, sources))
        })
    }

    /// Asks until `read` takes the answer, which may be empty.
    pub(super) fn ask<T>(
        &mut self,
        question: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        for _ in 0..TRIES {
            prompt(question);
            let mut answer = Vec::new();
            let mut line = self.answers.by_ref().take(LONGEST);
            // What can't be read is as good as an end.
            let read_bytes = line.read_until(b'\n', &mut answer).unwrap_or(0);
            if read_bytes == 0 || !answer.ends_with(b"\n") {
                say("");
                bail!("the input ended before all was answered, so nothing was written");
            }
            let answer = String::from_utf8_lossy(&answer);
            match read(answer.trim()) {
                Ok(taken) => return Ok(taken),
                Err(rule) => say(format_args!("  {}", Shown::message(rule))),
            }
        }
        bail!("no answer that can be used, so nothing was written");
    }
}

/// Without a line feed: the answer stands behind it.
fn prompt(question: &str) {
    use std::io::Write;
    let mut out = io::stderr().lock();
    let _ = write!(out, "{question}> ");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering(text: &'static str) -> Questions {
        Questions {
            answers: Box::new(text.as_bytes()),
        }
    }

    #[test]
    fn addresses_and_sources_may_be_mixed_and_a_slip_is_asked_again() {
        let (places, sources) = answering("\n10.0.0.1\n10.0.0.1:1, a=10.0.0.2:2 dns:x:5\n")
            .places()
            .unwrap();
        assert_eq!(
            (places.len(), sources),
            (2, vec![Source::Dns("x".into(), 5)])
        );
    }

    #[test]
    fn an_input_that_ends_or_never_fits_writes_nothing() {
        for (text, why) in [
            ("", "the input ended"),
            ("10.0.0.1:1", "the input ended"),
            ("x\ny\nz\n10.0.0.1:1\n", "no answer that can be used"),
        ] {
            let told = answering(text).places().unwrap_err().to_string();
            assert!(told.starts_with(why), "{text}: {told}");
        }
        let endless: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
        assert!(answering(endless).places().is_err());
    }
}
