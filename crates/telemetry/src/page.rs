//! Families with a series for each of thousands of substations: plain numbers, and the page that they are written to.
//!
//! A series of the `prometheus` crate keeps its name, help and labels, some 300 bytes, and a page is written from a tree
//! of copies of all of them. That is right for a few hundred series. Where each of 3,000 substations has eighty, it took
//! a second to write 18 MB. So these families are plain numbers, [`Count`] and [`Times`], and their lines are written one
//! after the other: what is the same in all lines of a family is made once.

use std::{
    borrow::Cow,
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A counter without a name: eight bytes.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts one.
    #[inline]
    pub fn inc(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The number of upper bounds of [`Times`].
const BOUNDS: usize = 17;
/// The first of them, in nanoseconds; each further one is twice as large.
const FIRST_BOUND: u64 = 50_000;

/// A histogram of durations without a name, with the bounds of [`request_buckets`](crate::request_buckets).
#[derive(Debug, Default)]
pub struct Times {
    /// How many durations are within each bound and not the one before; the last ones are above all bounds.
    buckets: [AtomicU64; BOUNDS + 1],
    nanoseconds: AtomicU64,
}

impl Times {
    /// Counts a duration.
    #[inline]
    pub fn observe(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // The least power of two that is no less than the duration in first bounds.
        let bounds = nanoseconds.div_ceil(FIRST_BOUND).max(1);
        let at = (u64::BITS - (bounds - 1).leading_zeros()) as usize;
        if let Some(bucket) = self.buckets.get(at.min(BOUNDS)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }

    /// How many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// How long they were together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Relaxed))
    }

    /// How long one was on average; zero if none was counted.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let nanoseconds = self.nanoseconds.load(Relaxed);
        Duration::from_nanos(nanoseconds.checked_div(self.count()).unwrap_or(0))
    }
}

/// What a family is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A page of families in Prometheus' text format, version 0.0.4.
#[derive(Debug)]
pub struct Page {
    namespace: &'static str,
    text: Vec<u8>,
}

/// A family on a page. It is written with its first line: without one it is not on the page.
#[derive(Debug)]
pub struct Family<'p> {
    page: &'p mut Page,
    name: String,
    header: Option<String>,
}

impl Page {
    /// A page whose families have this prefix, after what `text` has already.
    #[must_use]
    pub fn after(text: Vec<u8>, namespace: &'static str) -> Self {
        Self { namespace, text }
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// A family of counters.
    pub fn counters(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Counter)
    }

    /// A family of gauges.
    pub fn gauges(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Gauge)
    }

    /// A family of histograms of durations.
    pub fn histograms(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, Kind::Histogram)
    }

    /// One gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Number) {
        let mut family = self.gauges(name, help);
        family.begin();
        let name = std::mem::take(&mut family.name);
        self.text.extend_from_slice(name.as_bytes());
        self.end_line(value);
    }

    fn family(&mut self, name: &str, help: &str, kind: Kind) -> Family<'_> {
        let name = format!("{}_{name}", self.namespace);
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        Family {
            header: Some(format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")),
            name,
            page: self,
        }
    }

    fn line(&mut self, before: &str, value: &Label<'_>, after: &str, number: impl Number) {
        for part in [before, &value.0, after] {
            self.text.extend_from_slice(part.as_bytes());
        }
        self.end_line(number);
    }

    fn end_line(&mut self, number: impl Number) {
        self.text.push(b' ');
        number.write(&mut self.text);
        self.text.push(b'\n');
    }
}

impl Family<'_> {
    /// A line for each of these values of `label`. `other` is a label that all these lines have beside it.
    pub fn lines<'v, N: Number>(
        &mut self,
        label: &str,
        other: Option<(&str, &str)>,
        values: impl Iterator<Item = (&'v Label<'v>, N)>,
    ) {
        let (before, after) = around(&self.name, label, other);
        for (value, number) in values {
            self.begin();
            self.page.line(&before, value, &after, number);
        }
    }

    /// The lines of a histogram for each of these values of `label`.
    pub fn times<'v>(
        &mut self,
        label: &str,
        values: impl Iterator<Item = (&'v Label<'v>, &'v Times)>,
    ) {
        let bounds = crate::request_buckets().into_iter();
        let bounds = bounds.map(|bound| bound.to_string());
        let buckets: Vec<_> = bounds
            .chain(["+Inf".to_owned()])
            .map(|bound| format!("\",le=\"{bound}\"}}"))
            .collect();
        let part = |part: &str| around(&format!("{}_{part}", self.name), label, None);
        let (bucket, _) = part("bucket");
        let (sum, end) = part("sum");
        let (count, _) = part("count");
        for (value, times) in values {
            self.begin();
            let mut total = 0;
            for (within, after) in times.buckets.iter().zip(&buckets) {
                total += within.load(Relaxed);
                self.page.line(&bucket, value, after, total);
            }
            self.page.line(&sum, value, &end, times.sum().as_secs_f64());
            self.page.line(&count, value, &end, total);
        }
    }

    fn begin(&mut self) {
        if let Some(header) = self.header.take() {
            self.page.text.extend_from_slice(header.as_bytes());
        }
    }
}

/// What stands before and after the value of `label` in a line. Labels are in the order of their names.
fn around(name: &str, label: &str, other: Option<(&str, &str)>) -> (String, String) {
    let (mut before, mut after) = (format!("{name}{{"), "\"".to_owned());
    // Writing to a string does not fail.
    if let Some((other, value)) = other {
        let value = Label::new(value).0;
        let _ = if other < label {
            write!(before, "{other}=\"{value}\",")
        } else {
            write!(after, ",{other}=\"{value}\"")
        };
    }
    let _ = write!(before, "{label}=\"");
    after.push('}');
    (before, after)
}

/// The value of a label, escaped once for all its lines.
#[derive(Clone, Debug)]
pub struct Label<'v>(Cow<'v, str>);

impl<'v> Label<'v> {
    /// This value.
    #[must_use]
    pub fn new(value: &'v str) -> Self {
        if !value.contains(['\\', '"', '\n']) {
            return Self(value.into());
        }
        let escaped = value.chars().fold(String::new(), |mut escaped, one| {
            match one {
                '\\' => escaped.push_str("\\\\"),
                '"' => escaped.push_str("\\\""),
                '\n' => escaped.push_str("\\n"),
                one => escaped.push(one),
            }
            escaped
        });
        Self(escaped.into())
    }
}

/// What a line can say.
pub trait Number: Copy {
    /// Writes it as text.
    fn write(self, text: &mut Vec<u8>);
}

impl Number for u64 {
    fn write(self, text: &mut Vec<u8>) {
        text.extend_from_slice(itoa::Buffer::new().format(self).as_bytes());
    }
}

impl Number for bool {
    fn write(self, text: &mut Vec<u8>) {
        text.push(if self { b'1' } else { b'0' });
    }
}

impl Number for f64 {
    fn write(self, text: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        let _ = std::io::Write::write_fmt(text, format_args!("{self}"));
    }
}

#[cfg(test)]
mod tests;
