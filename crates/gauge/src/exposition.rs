//! Scans a metrics page for the wanted series.
//!
//! The scraper needs one or two numbers from a page of hundreds, several times a second and for every substation. So
//! the scan builds no map of the page, allocates nothing, and skips the lines of other metrics without parsing them.
//! It reads Prometheus text 0.0.4 and OpenMetrics 1.0.
//!
//! The rule behind every choice is that a **wrong number is worse than no number**: the ledger continues to count
//! without a sample, but a wrong sample sends load to the wrong place. So a value that cannot be read with
//! certainty is reported as such and never as zero.
//!
//! The scan is not a validator. A line of another metric may be malformed; only the wanted lines are checked.

mod info;
mod judge;
mod line;
mod listing;
mod parts;
mod tally;
#[cfg(test)]
mod tests;

// Hidden: for the proxy alone.
#[doc(hidden)]
pub use info::{Info, InfoSoFar};
#[doc(hidden)]
pub use judge::Verdict;
#[doc(hidden)]
pub use listing::{Entry, listing};
pub use parts::PartialScan;
pub use tally::Aggregate;

use memchr::{memchr, memmem};
use tally::Tally;

/// A series to look for: a metric's name and the conditions on its labels.
///
/// Prepared once for each configuration, since a scan spends its time on the search for the name.
#[derive(Debug, Clone)]
pub struct Wanted {
    name: memmem::Finder<'static>,
    matchers: Box<[Matcher]>,
    aggregate: Aggregate,
    /// What is added to it; each is a search of its own.
    plus: Vec<Wanted>,
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
    /// The value of the only matching series, or the aggregate of several: finite and not negative.
    One(f64),
    /// The value of a matching series, or their sum, cannot be a load: it is NaN, infinite or negative.
    Unusable(f64),
    /// This many series match. The matchers must select one of them, or an [`Aggregate`] must combine them.
    Ambiguous(usize),
    /// Matching series were read, but more may have been cut off, and the aggregate needs all of them.
    Partial,
    /// A line with the wanted name cannot be read, so no value is certain.
    Malformed,
}

impl Found {
    /// Two parts of one load; the first that has no value decides.
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::One(one), Self::One(other)) => match one + other {
                // Both are loads, and their sum may overflow.
                sum if sum.is_finite() => Self::One(sum),
                sum => Self::Unusable(sum),
            },
            (Self::One(_), none) | (none, _) => none,
        }
    }
}

impl Wanted {
    /// Prepares the search for the metric `name`; each matcher is `(label, equal?, value)`.
    ///
    /// Without matchers, every series of that name matches. An empty name is never found.
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
            plus: Vec::new(),
        }
    }

    /// The same search, with `aggregate` to combine several matching series.
    #[must_use]
    pub fn aggregated(self, aggregate: Aggregate) -> Self {
        Self { aggregate, ..self }
    }

    /// The sum of what this search finds and what `other` finds. Without one of them there is no sum.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.plus.push(other);
        self
    }

    /// Adds the lines of this series that `lines` has, and those of the series that are added to it.
    fn tally(&self, lines: &[u8], tally: &mut Tally) {
        self.tally_own(lines, tally);
        for (other, tally) in tally.others(&self.plus) {
            other.tally(lines, tally);
        }
    }

    fn tally_own(&self, lines: &[u8], tally: &mut Tally) {
        let length = self.name.needle().len();
        if length == 0 {
            return;
        }
        // Always the start of a line: after a hit, the search continues at the next line.
        let mut rest = lines;
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
    }

    /// Notes a line that begins so and is not read, if it may be of this series.
    fn skip(&self, line: &[u8], tally: &mut Tally) {
        if self.may_begin(line) {
            tally.add_malformed();
        }
        for (other, tally) in tally.others(&self.plus) {
            other.skip(line, tally);
        }
    }

    /// What the lines say; `complete` says that no part of the page can be missing.
    fn found(&self, tally: &mut Tally, complete: bool) -> Found {
        let mut sum = tally.found(self.aggregate, complete);
        for (other, tally) in tally.others(&self.plus) {
            sum = sum.plus(other.found(tally, complete));
        }
        sum
    }

    /// Whether a line that begins so may be of this series.
    fn may_begin(&self, line: &[u8]) -> bool {
        let name = self.name.needle();
        let tail = line.trim_ascii_start().strip_prefix(name);
        !name.is_empty() && tail.is_some_and(line::is_of_series)
    }
}

impl From<&str> for Wanted {
    /// Every series of this name.
    fn from(name: &str) -> Self {
        Self::new(name, [])
    }
}

/// Looks for each of the `wanted` series in a metrics page.
///
/// `complete` says that the page is known to have arrived whole, because its framing was satisfied. Otherwise a last
/// line without a line feed is ignored: `substation_current_load 12` may be the rest of `123`. A page that was cut
/// between two lines looks like a shorter page, so it can lack a series, or the second of two. An aggregate, which
/// needs all of them, is therefore [`Found::Partial`]. OpenMetrics' `# EOF` is treated as any comment and needs no
/// line feed.
#[must_use]
pub fn scan<const N: usize>(page: &[u8], complete: bool, wanted: [&Wanted; N]) -> [Found; N] {
    PartialScan::new(wanted).end(page, complete)
}

fn split(rest: &[u8], hit: usize, length: usize) -> Option<(&[u8], &[u8])> {
    let (before, from) = rest.split_at_checked(hit)?;
    Some((before, from.get(length..)?))
}

/// Whether the last line of `before` has nothing but blanks.
fn at_line_start(before: &[u8]) -> bool {
    let last = before
        .iter()
        .rev()
        .find(|byte| !matches!(byte, b' ' | b'\t'));
    matches!(last, None | Some(b'\n'))
}
