//! All that a page shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use switchyard_bounded::Shown;
use switchyard_gauge::exposition::{Entry, listing};

/// Suffixes by which Prometheus names counters and the parts of a histogram: they only grow, so they are no load.
const GROWING: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];

/// One series of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub name: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its value: any number.
    pub value: f64,
    /// The whole line.
    pub line: Vec<u8>,
}

/// As PromQL writes it; labels of a page may be anything, so they are cut and escaped.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown::value(&self.name).fmt(f)?;
        let mut before = "{";
        for (label, value) in &self.labels {
            write!(
                f,
                "{before}{}=\"{}\"",
                Shown::value(label),
                Shown::value(value.replace('\\', r"\\").replace('"', r#"\""#))
            )?;
            before = ",";
        }
        if self.labels.is_empty() {
            return Ok(());
        }
        f.write_str("}")
    }
}

/// A page of metrics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Its series, in its order.
    pub series: Vec<Series>,
    /// The lines that can't be read.
    pub unread: Vec<Vec<u8>>,
    kinds: BTreeMap<String, String>,
    /// Where the series of each name are.
    places: BTreeMap<String, Vec<usize>>,
}

impl Page {
    /// The page in these bytes.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut page = Self::default();
        for entry in listing(bytes) {
            match entry {
                Entry::Series {
                    name,
                    labels,
                    value,
                    line,
                } => {
                    let places = page.places.entry(name.to_owned()).or_default();
                    places.push(page.series.len());
                    page.series.push(Series {
                        name: name.to_owned(),
                        labels: labels
                            .into_iter()
                            .map(|(label, value)| (label.into_owned(), value.into_owned()))
                            .collect(),
                        value,
                        line: line.to_vec(),
                    });
                }
                Entry::Kind { name, kind } => {
                    page.kinds.insert(name.to_owned(), kind.to_owned());
                }
                Entry::Unread { line } => page.unread.push(line.to_vec()),
            }
        }
        page
    }

    /// The names of its metrics, in order.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.places.keys().map(String::as_str).collect()
    }

    /// The series of a metric.
    pub fn of(&self, name: &str) -> impl Iterator<Item = &Series> {
        let places = self.places.get(name).into_iter().flatten();
        places.filter_map(|at| self.series.get(*at))
    }

    /// What kind of metric this is, as the page says.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&str> {
        self.kinds.get(name).map(String::as_str)
    }

    /// Why a metric of this name is no gauge; `None` if it may be one. A page need not say its kinds.
    #[must_use]
    pub fn no_gauge(&self, name: &str) -> Option<String> {
        // Parts of a histogram are told under its own name.
        let stems = GROWING.iter().filter_map(|end| name.strip_suffix(end));
        let mut kinds = [name].into_iter().chain(stems);
        match kinds.find_map(|name| self.kind(name)) {
            Some("gauge") => None,
            Some("unknown" | "untyped") | None => {
                let suffix = GROWING.iter().find(|end| name.ends_with(*end))?;
                Some(format!("ends in {suffix}, as counters do"))
            }
            Some(kind) => Some(format!("is a {}", Shown::value(kind))),
        }
    }

    /// Whether the page is HTML, as a login or a landing page is.
    #[must_use]
    pub fn is_html(&self) -> bool {
        let begins = |start: &[u8]| {
            self.unread.first().is_some_and(|line| {
                let line = line.trim_ascii_start();
                line.get(..start.len())
                    .is_some_and(|own| own.eq_ignore_ascii_case(start))
            })
        };
        begins(b"<!doctype html") || begins(b"<html")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_no_gauge() {
        let page = Page::read(
            b"# TYPE a gauge\na 1\n# TYPE b_total counter\nb_total 2\n# TYPE c histogram\nc_bucket{le=\"1\"} 3\nc_sum 1\n\
              d_total 1\ne 1\n# TYPE f_total gauge\nf_total 1\n# TYPE g untyped\ng 1\n",
        );
        for (name, why) in [
            ("a", None),
            ("b_total", Some("is a counter")),
            ("c_bucket", Some("is a histogram")),
            ("c_sum", Some("is a histogram")),
            ("d_total", Some("ends in _total, as counters do")),
            ("e", None),
            // Agones' and others name gauges so, and the page says that they are.
            ("f_total", None),
            ("g", None),
        ] {
            assert_eq!(page.no_gauge(name).as_deref(), why, "{name}");
        }
    }

    #[test]
    fn html_is_known_and_labels_are_shown_on_one_line() {
        assert!(Page::read(b"\n <!DOCTYPE html>\n<html>").is_html());
        assert!(Page::read(b"<html lang=\"en\">").is_html());
        assert!(!Page::read(b"up 1\n").is_html());
        let page = Page::read(b"up{a=\"q\\\"\\n\x1b[2J\"} 1\n");
        assert_eq!(
            page.series.first().unwrap().to_string(),
            "up{a=\"q\\\"\\n\\u{1b}[2J\"}"
        );
    }
}
