//! A byte scan for the wanted series in a metrics page.
//!
//! The scraper needs one or two numbers out of a page of hundreds, several times a second and for every
//! substation. So nothing here builds a map of the page, nothing allocates, and lines of other metrics are
//! passed over without being looked at. Both formats are read: Prometheus text 0.0.4 and OpenMetrics 1.0.
//!
//! The rule behind every choice is that a **wrong number is worse than no number**: the ledger goes on
//! counting without a sample, but a false one sends load to the wrong place. Whatever cannot be read with
//! certainty is therefore reported as such and never as zero.
//!
//! This is not a validator. A line of another metric may be nonsense; only the wanted ones are judged.

mod line;
mod tally;
#[cfg(test)]
mod tests;

pub use tally::Aggregate;

use memchr::{memchr, memmem, memrchr};
use tally::Tally;

/// A series to look for: a metric's name and what its labels must satisfy.
///
/// Prepared once per configuration, since the search for the name is what a scan spends its time on.
#[derive(Debug, Clone)]
pub struct Wanted {
    name: memmem::Finder<'static>,
    matchers: Box<[Matcher]>,
    aggregate: Aggregate,
}

/// One condition on one label, as in PromQL: a label that is absent has the empty value.
#[derive(Debug, Clone)]
struct Matcher {
    label: Box<[u8]>,
    equal: bool,
    value: Box<[u8]>,
}

/// What a page says about one wanted series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found {
    /// No line of the page is this series.
    Missing,
    /// The value of the only matching series, or what several add up to: finite and not negative.
    One(f64),
    /// A matching series, or their sum, has a value that cannot be a load: NaN, infinite or negative.
    Unusable(f64),
    /// Several series match; the matchers have to say which one is meant, or an [`Aggregate`] what they
    /// add up to.
    Ambiguous,
    /// Series of this page can be read, but more of them may have been cut off, and all are asked for.
    Partial,
    /// A line that has the wanted name cannot be read, so nothing is certain.
    Malformed,
}

impl Wanted {
    /// Prepares the search for the metric `name`; each matcher is `(label, equal?, value)`.
    ///
    /// No matcher at all accepts every series of that name. An empty name is never found.
    #[must_use]
    pub fn new(name: &str, matchers: impl IntoIterator<Item = (String, bool, String)>) -> Self {
        let matchers = matchers.into_iter().map(|(label, equal, value)| Matcher {
            label: label.into_bytes().into(),
            equal,
            value: value.into_bytes().into(),
        });
        Self {
            name: memmem::Finder::new(name.as_bytes()).into_owned(),
            matchers: matchers.collect(),
            aggregate: Aggregate::default(),
        }
    }

    /// The same search, which makes `aggregate` of several matching series.
    #[must_use]
    pub fn aggregated(self, aggregate: Aggregate) -> Self {
        Self { aggregate, ..self }
    }

    fn find(&self, page: &[u8], complete: bool) -> Found {
        let length = self.name.needle().len();
        let mut tally = Tally::new(self.aggregate, complete);
        if length == 0 {
            return tally.found();
        }
        // Always the start of a line: after a hit the search goes on with the next one.
        let mut rest = page;
        while let Some(hit) = self.name.find(rest) {
            let Some((before, after)) = split(rest, hit, length) else {
                break;
            };
            let end = memchr(b'\n', after).unwrap_or(after.len());
            if at_line_start(before) {
                tally.add(line::read(
                    after.get(..end).unwrap_or_default(),
                    &self.matchers,
                ));
            }
            rest = after.get(end + 1..).unwrap_or_default();
        }
        tally.found()
    }
}

/// Looks for each of the `wanted` series in a metrics page.
///
/// `complete` says that the page is known to have arrived whole, because its framing was satisfied. Without
/// that, a last line that does not end in a line feed is ignored: `substation_current_load 12` may be what is
/// left of `123`. A page cut between two lines looks like a shorter page, so an incomplete one can still miss
/// a series or the second of two; where all of several are asked for, it is therefore [`Found::Partial`]. OpenMetrics' `# EOF` is a comment like any other here, and needs no line feed.
#[must_use]
pub fn scan<const N: usize>(page: &[u8], complete: bool, wanted: [&Wanted; N]) -> [Found; N] {
    let lines = if complete {
        page
    } else {
        let end = memrchr(b'\n', page).map_or(0, |last| last + 1);
        page.get(..end).unwrap_or_default()
    };
    wanted.map(|series| series.find(lines, complete))
}

fn split(rest: &[u8], hit: usize, length: usize) -> Option<(&[u8], &[u8])> {
    let (before, from) = rest.split_at_checked(hit)?;
    Some((before, from.get(length..)?))
}

/// Whether nothing but blanks lies between the end of `before` and the start of its last line.
fn at_line_start(before: &[u8]) -> bool {
    let last = before
        .iter()
        .rev()
        .find(|byte| !matches!(byte, b' ' | b'\t'));
    matches!(last, None | Some(b'\n'))
}
