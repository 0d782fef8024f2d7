//! A substation's load, as it stands on an answer: the ORCA header `endpoint-load-metrics`.
//!
//! [ORCA](https://github.com/cncf/xds/blob/main/xds/data/orca/v3/orca_load_report.proto) (Open Request Cost
//! Aggregation) lets a backend say how loaded it is in the header of an answer, where it costs nothing. It comes as
//! `TEXT named_metrics.NAME=VALUE, …` (older writers: `:` for `=`) or as `JSON {"named_metrics": {"NAME": VALUE}}`;
//! a third form, protobuf in base64, has to be asked for, and nobody here asks. The metric is found by the name of
//! the gauge, so that header and page mean one thing.
//!
//! As with the [`exposition`](super::exposition), a wrong number is worse than none: what is doubtful, said
//! twice or no load is refused whole. Nothing is allocated; other metrics are passed over without being judged, but
//! for JSON's structure, without which nobody knows what stands where.

mod json;
#[cfg(test)]
mod tests;

/// The header, in whatever case.
pub const HEADER: &str = "endpoint-load-metrics";
/// What stands behind the header's name where the report is protobuf.
const BINARY_SUFFIX: &str = "-bin";

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The load: finite and not negative.
    pub load: f64,
    /// The capacity, where it is said: finite and not negative.
    pub capacity: Option<f64>,
}

/// Why a report says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportError {
    /// It is in none of the formats that are read.
    Format,
    /// It can't be read, says a thing twice, or a wanted value is no load.
    Malformed,
    /// The load is not in it.
    Missing,
}

/// The value of the one header that may report, among those of an answer; `None` where there is none at all.
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
        // Of two that differ nobody knows which one is meant.
        found = Some(found.map_or(report, |_| Err(ReportError::Malformed)));
    }
    found
}

/// Reads the header's value; `load` and `capacity` are the names of the gauges.
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

/// The metrics that are looked for, and what of them was found.
struct WantedMetrics<'a> {
    names: [&'a [u8]; 2],
    values: [Option<f64>; 2],
}

impl WantedMetrics<'_> {
    fn is_named(&self, name: &[u8]) -> bool {
        self.names.contains(&name)
    }

    /// Takes the metric `name`, whose value is written as `number`, if it is one of them.
    fn take(&mut self, name: &[u8], number: &[u8]) -> Result<(), ReportError> {
        for (wanted, value) in self.names.into_iter().zip(&mut self.values) {
            if wanted == name && value.replace(parse(number)?).is_some() {
                return Err(ReportError::Malformed);
            }
        }
        Ok(())
    }
}

/// `key=value` or `key:value`, between commas. A metric's own name may have colons, a number has none.
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
