//! No answer of Prometheus makes the reader panic, it finds the same series however the answer is cut into parts, and a
//! reader of the whole JSON agrees.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

// The rooms of the crate that read an answer. Its errors know connections too, which take minutes to build.
#[path = "../../crates/promql/src/plain.rs"]
#[allow(dead_code, reason = "the crate uses the rest")]
mod plain;
#[path = "../../crates/promql/src/reader.rs"]
#[allow(dead_code, reason = "the crate uses the rest")]
mod reader;
#[path = "../../crates/promql/src/series.rs"]
#[allow(dead_code, reason = "the crate uses the rest")]
mod series;

/// The errors of an answer, as the crate has them.
mod error {
    #[derive(Debug)]
    pub enum QueryError {
        Said { kind: String, message: String },
        TooLarge,
        Scalar,
        Malformed(String),
    }
}

use error::QueryError;
use reader::Reader;

/// The label, the last sample, the time before it, and whether it is of an instant.
type Seen = (Option<String>, i64, u64, Option<i64>, bool);

/// The series, and their number or what went wrong.
fn read(parts: &mut dyn Iterator<Item = &[u8]>) -> (Vec<Seen>, Result<usize, String>) {
    let mut seen = Vec::new();
    let mut reader = Reader::new("instance");
    let mut take = |series: series::Series<'_>| {
        let label = series.label.map(std::borrow::Cow::into_owned);
        let last = (series.last.stamp, series.last.value.to_bits());
        seen.push((label, last.0, last.1, series.before, series.is_instant));
    };
    let mut end = Ok(0);
    for part in parts {
        end = reader.read(part, &mut take).map(|()| 0);
        if end.is_err() {
            break;
        }
    }
    let end = match end {
        Ok(_) => reader.end(&mut take),
        Err(error) => Err(error),
    };
    let end = end.map_err(|error| kind(&error));
    (seen, end)
}

/// What went wrong, without the place: a reader of parts does not know it.
fn kind(error: &QueryError) -> String {
    match error {
        QueryError::Said { kind, message } => format!("{kind}: {message}"),
        QueryError::TooLarge => "too large".to_owned(),
        QueryError::Scalar => "a scalar".to_owned(),
        QueryError::Malformed(why) => {
            assert!(!why.is_empty());
            "malformed".to_owned()
        }
    }
}

/// The series of an answer that is well formed, by a reader of all of it.
fn reference(answer: &Value) -> Option<Vec<Seen>> {
    let result = answer.get("data")?.get("result")?.as_array()?;
    let millis = |time: &Value| time.as_f64().map(|time| (time * 1_000.0).round() as i64);
    let point = |pair: &Value| {
        let [time, value] = &pair.as_array()?[..] else {
            return None;
        };
        Some((millis(time)?, value.as_str()?.parse::<f64>().ok()?))
    };
    let series = |one: &Value| {
        let label = one.get("metric")?.get("instance");
        let label = label.map(|label| label.as_str().map(str::to_owned));
        let label = label.map_or(Some(None), |label| label.map(Some))?;
        if let Some(value) = one.get("value") {
            let (stamp, value) = point(value)?;
            return Some((label, stamp, value.to_bits(), None, true));
        }
        let (mut last, mut before) = (None, None);
        for pair in one.get("values")?.as_array()? {
            let point = point(pair)?;
            if last.is_none_or(|(stamp, _)| stamp < point.0) {
                before = last.map(|(stamp, _)| stamp);
                last = Some(point);
            }
        }
        let (stamp, value): (i64, f64) = last?;
        Some((label, stamp, value.to_bits(), before, false))
    };
    result.iter().map(series).collect()
}

/// Whether no key comes twice, so that a tree has all of the text.
fn is_faithful(answer: &Value, bytes: &[u8]) -> bool {
    fn count(value: &Value) -> usize {
        match value {
            Value::Array(all) => all.iter().map(count).sum(),
            Value::Object(all) => all.len() + all.values().map(count).sum::<usize>(),
            _ => 0,
        }
    }
    // A colon within a text only makes this say no.
    bytes.iter().filter(|byte| **byte == b':').count() == count(answer)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = read(&mut std::iter::once(bytes));
    for size in [1, 5] {
        assert_eq!(read(&mut bytes.chunks(size)), whole, "in parts of {size}");
    }
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    if !is_faithful(&answer, bytes) {
        return;
    }
    let is_success = answer.get("status") == Some(&Value::from("success"));
    let has_error = ["error", "errorType"]
        .iter()
        .any(|key| answer.get(key).is_some());
    if let (Some(expected), true, false) = (reference(&answer), is_success, has_error) {
        let count = expected.len();
        assert_eq!(whole, (expected, Ok(count)));
    }
});
