//! OpenMetrics: the same page in the format that can carry exemplars.
//!
//! It is made from the finished text page, line by line, so both formats always say the same. What differs
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>): a counter's family is named without `_total`, help texts
//! escape their quotes, a whole bound of a bucket is written with a fraction, and the page has an end.

use std::collections::HashMap;

/// A request that is one of those in a bucket: the trace that shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The id of its trace.
    pub trace_id: String,
    /// What was measured.
    pub value: f64,
    /// When, in seconds since the Unix epoch.
    pub unix_seconds: f64,
}

/// Exemplars by their series, written as the text format does: `name_bucket{label="value",le="0.1"}`.
pub type Exemplars = HashMap<String, Exemplar>;

/// The type of a page in this format.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text page `text` in OpenMetrics' format, with these exemplars.
#[must_use]
pub fn open_metrics(text: &str, exemplars: &Exemplars) -> Vec<u8> {
    // A few more bytes in some lines.
    let mut page = Vec::with_capacity(text.len() + text.len() / 32);
    let mut help = None;
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("# HELP ") {
            // The name depends on the type, which comes next.
            help = said.split_once(' ').map(|(_, help)| help);
        } else if let Some((name, kind)) = kind(line) {
            let name = match kind {
                "counter" => name.strip_suffix("_total").unwrap_or(name),
                _ => name,
            };
            put(&mut page, &["# TYPE ", name, " ", kind, "\n"]);
            if let Some(help) = help.take() {
                let help = help.replace('"', "\\\"");
                put(&mut page, &["# HELP ", name, " ", &help, "\n"]);
            }
        } else if let Some((series, value)) = line.rsplit_once(' ') {
            match whole_bound(series) {
                Some((begin, end)) => put(&mut page, &[begin, ".0", end]),
                None => put(&mut page, &[series]),
            }
            put(&mut page, &[" ", value]);
            if let Some(exemplar) = exemplars.get(series) {
                let Exemplar {
                    trace_id,
                    value,
                    unix_seconds,
                } = exemplar;
                let said = format!(" # {{trace_id=\"{trace_id}\"}} {value} {unix_seconds:.3}");
                put(&mut page, &[&said]);
            }
            put(&mut page, &["\n"]);
        }
    }
    put(&mut page, &["# EOF\n"]);
    page
}

/// The name and the type in a line that says it.
fn kind(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("# TYPE ")?.split_once(' ')
}

/// The parts of a bucket's series before and after the place where its bound lacks a fraction.
fn whole_bound(series: &str) -> Option<(&str, &str)> {
    const BOUND: &str = "le=\"";
    // Within a value the quote would be escaped.
    let at = series.rfind(BOUND)? + BOUND.len();
    let (begin, rest) = series.split_at_checked(at)?;
    let length = rest.find('"')?;
    let is_whole = rest.bytes().take(length).all(|byte| byte.is_ascii_digit());
    // `le` alone, and not a label whose name ends with it.
    let is_bound = begin
        .strip_suffix(BOUND)
        .is_some_and(|before| before.ends_with(['{', ',']));
    (is_whole && is_bound && length > 0).then(|| series.split_at(at + length))
}

fn put(page: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        page.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests;
