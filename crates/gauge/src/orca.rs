//! Reads the load that a substation reports on an answer, in the ORCA header `endpoint-load-metrics`.
//!
//! [ORCA](https://github.com/cncf/xds/blob/main/xds/data/orca/v3/orca_load_report.proto) (Open Request Cost
//! Aggregation) lets a backend report its load in a header of an answer, which costs no extra request. Two forms are
//! read: `TEXT named_metrics.NAME=VALUE, …` (older writers use `:` for `=`) and
//! `JSON {"named_metrics": {"NAME": VALUE}}`. A third form, protobuf in base64, must be requested, and Switchyard does
//! not request it. The metric has the name of the gauge, so header and page mean the same.
//!
//! As in the [`exposition`](super::exposition), a wrong number is worse than none. A report that is doubtful, says a
//! thing twice, or has a value that is not a load is refused whole. A report of the usual kind is read without an
//! allocation. Values of other metrics are not checked, except that JSON must be well-formed.

mod json;
#[cfg(test)]
mod tests;

/// The header, in whatever case.
pub const HEADER: &str = "endpoint-load-metrics";
/// The suffix of the header's name if the report is protobuf.
const BINARY_SUFFIX: &str = "-bin";

/// The content of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The load: finite and not negative.
    pub load: f64,
    /// The capacity, if it is reported: finite and not negative.
    pub capacity: Option<f64>,
}

/// Why a report gives no load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportError {
    /// It is in no format that is read.
    Format,
    /// It can't be read, says a thing twice, or a wanted value is not a load.
    Malformed,
    /// It does not contain the load.
    Missing,
}

/// Finds the value of the report header among the headers of an answer; `None` if there is no such header.
pub fn find<'a>(
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Option<Result<&'a [u8], ReportError>> {
    let mut found = None;
    for (name, value) in headers {
        let Some((begins, suffix)) = name.split_at_checked(HEADER.len()) else {
            continue;
        };
        if !begins.eq_ignore_ascii_case(HEADER.as_bytes()) {
            continue;
        }
        let report = match suffix {
            b"" => Ok(value),
            _ if suffix.eq_ignore_ascii_case(BINARY_SUFFIX.as_bytes()) => Err(ReportError::Format),
            _ => continue,
        };
        // With two headers, it is not certain which one counts.
        found = Some(found.map_or(report, |_| Err(ReportError::Malformed)));
    }
    found
}

/// Reads a report from the header's value; `load` and `capacity` are the names of the gauges.
pub fn read(value: &[u8], load: &str, capacity: &str) -> Result<Report, ReportError> {
    let mut wanted = WantedMetrics {
        names: [load.as_bytes(), capacity.as_bytes()],
        values: [None; 2],
    };
    match value.trim_ascii().split_at_checked(5) {
        Some((b"TEXT ", pairs)) => text(pairs, &mut wanted)?,
        Some((b"JSON ", object)) => json::read(object, &mut wanted)?,
        _ => return Err(ReportError::Format),
    }
    let [load, capacity] = wanted.values;
    Ok(Report {
        load: load.ok_or(ReportError::Missing)?,
        capacity,
    })
}

/// The names of the wanted metrics, and the values found so far.
struct WantedMetrics<'a> {
    names: [&'a [u8]; 2],
    values: [Option<f64>; 2],
}

impl WantedMetrics<'_> {
    fn is_named(&self, name: &[u8]) -> bool {
        self.names.contains(&name)
    }

    /// Stores the value of the metric `name`, written as `number`, if it is wanted.
    fn take(&mut self, name: &[u8], number: &[u8]) -> Result<(), ReportError> {
        for (wanted, value) in self.names.into_iter().zip(&mut self.values) {
            if wanted == name && value.replace(parse(number)?).is_some() {
                return Err(ReportError::Malformed);
            }
        }
        Ok(())
    }
}

/// Reads `key=value` or `key:value`, separated by commas. A metric's name may contain colons, a number does not.
fn text(pairs: &[u8], wanted: &mut WantedMetrics<'_>) -> Result<(), ReportError> {
    for pair in pairs.split(|byte| *byte == b',') {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let colon = || pair.iter().rposition(|byte| *byte == b':');
        let at = equals.or_else(colon).ok_or(ReportError::Malformed)?;
        let (key, value) = pair.split_at_checked(at).ok_or(ReportError::Malformed)?;
        if let Some(name) = key.trim_ascii().strip_prefix(b"named_metrics.") {
            let value = value.get(1..).unwrap_or_default();
            wanted.take(name, value.trim_ascii())?;
        }
    }
    Ok(())
}

fn parse(number: &[u8]) -> Result<f64, ReportError> {
    let number = std::str::from_utf8(number).ok();
    let value = number.and_then(|number| number.parse::<f64>().ok());
    // Adding zero turns -0 into 0.
    value
        .filter(|value| value.is_finite() && *value >= 0.0)
        .map(|value| value + 0.0)
        .ok_or(ReportError::Malformed)
}
