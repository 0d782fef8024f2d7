//! A slow, plain and complete metrics parser: it reads every line, character by character, into owned parts.
//!
//! It was written from the grammar of the formats and not from the scan, so that the two can be compared.

use crate::exposition::{Aggregate, Found};
use std::iter::Peekable;
use std::str::Chars;

struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// How a line with a metric name can fail.
enum Fault {
    /// Up to its labels, so that its series is unknown.
    Labels { name: String },
    /// After its labels.
    Value {
        name: String,
        labels: Vec<(String, String)>,
    },
}

/// Looks for the metric `name` in `page`; each matcher is `(label, equal?, value)`.
#[must_use]
pub fn find(
    page: &str,
    name: &str,
    matchers: &[(&str, bool, &str)],
    aggregate: Aggregate,
) -> Found {
    let mut values = Vec::new();
    for line in page.split('\n') {
        let Some(parsed) = parse(line.strip_suffix('\r').unwrap_or(line)) else {
            continue;
        };
        match parsed {
            Ok(series) if series.name == name => match matches(&series.labels, matchers) {
                Some(true) => values.push(series.value),
                Some(false) => {}
                None => return Found::Malformed,
            },
            Err(Fault::Labels { name: faulty }) if faulty == name => return Found::Malformed,
            Err(Fault::Value {
                name: faulty,
                labels,
            }) if faulty == name && matches(&labels, matchers) != Some(false) => {
                return Found::Malformed;
            }
            _ => {}
        }
    }
    let is_no_load = |value: &&f64| value.is_nan() || value.is_infinite() || **value < 0.0;
    if values.len() > 1 && aggregate == Aggregate::Nothing {
        return Found::Ambiguous(values.len());
    }
    if let Some(value) = values.iter().find(is_no_load) {
        return Found::Unusable(*value);
    }
    let value = match aggregate {
        Aggregate::Nothing | Aggregate::Sum => values.iter().copied().reduce(|sum, v| sum + v),
        Aggregate::Max => values
            .iter()
            .copied()
            .reduce(|most, v| if v > most { v } else { most }),
    };
    match value {
        None => Found::Missing,
        Some(value) if value.is_infinite() => Found::Unusable(value),
        Some(value) => Found::One(value),
    }
}

/// Whether all matchers hold. `None` if a label of theirs, up to the first that fails, occurs twice.
fn matches(labels: &[(String, String)], matchers: &[(&str, bool, &str)]) -> Option<bool> {
    for &(name, equal, value) in matchers {
        let named: Vec<_> = labels.iter().filter(|(label, _)| label == name).collect();
        let actual = match named[..] {
            [] => "",
            [(_, value)] => value,
            _ => return None,
        };
        if (actual == value) != equal {
            return Some(false);
        }
    }
    Some(true)
}

type Text<'a> = Peekable<Chars<'a>>;

fn parse(line: &str) -> Option<Result<Series, Fault>> {
    let mut text = line.chars().peekable();
    blanks(&mut text);
    let mut name = String::new();
    while let Some(c) = text.next_if(|c| c.is_ascii_alphanumeric() || "_:".contains(*c)) {
        name.push(c);
    }
    if name.is_empty() || text.peek().is_some_and(|c| !" \t{".contains(*c)) {
        return None;
    }
    blanks(&mut text);
    let Some(labels) = label_set(&mut text) else {
        return Some(Err(Fault::Labels { name }));
    };
    let rest: String = text.collect();
    Some(match behind_labels(&rest) {
        Some(value) => Ok(Series {
            name,
            labels,
            value,
        }),
        None => Err(Fault::Value { name, labels }),
    })
}

fn blanks(text: &mut Text<'_>) {
    while text.next_if(|c| " \t".contains(*c)).is_some() {}
}

fn label_set(text: &mut Text<'_>) -> Option<Vec<(String, String)>> {
    let mut labels = Vec::new();
    if text.next_if_eq(&'{').is_none() {
        return Some(labels);
    }
    loop {
        blanks(text);
        if text.next_if_eq(&'}').is_some() {
            return Some(labels);
        }
        let name = if text.peek() == Some(&'"') {
            string(text)?
        } else {
            let mut name = String::new();
            while let Some(c) = text.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                name.push(c);
            }
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            name
        };
        blanks(text);
        text.next_if_eq(&'=')?;
        blanks(text);
        labels.push((name, string(text)?));
        blanks(text);
        if text.next_if_eq(&',').is_none() && text.peek() != Some(&'}') {
            return None;
        }
    }
}

fn string(text: &mut Text<'_>) -> Option<String> {
    text.next_if_eq(&'"')?;
    let mut string = String::new();
    loop {
        match text.next()? {
            '"' => return Some(string),
            '\\' => match text.next()? {
                'n' => string.push('\n'),
                c @ ('\\' | '"') => string.push(c),
                c => string.extend(['\\', c]),
            },
            c => string.push(c),
        }
    }
}

/// `value [timestamp] [# {labels} value [timestamp]]`
fn behind_labels(rest: &str) -> Option<f64> {
    // A '#' inside a token does not end a value, so the exemplar begins at the first token that starts with '#'.
    let begins = rest
        .char_indices()
        .find(|&(at, c)| c == '#' && (at == 0 || rest[..at].ends_with([' ', '\t'])));
    let (sample, exemplar) = match begins {
        Some((at, _)) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let value = value_and_timestamp(sample)?;
    if let Some(exemplar) = exemplar {
        let mut text = exemplar.chars().peekable();
        blanks(&mut text);
        if text.peek() != Some(&'{') {
            return None;
        }
        label_set(&mut text)?;
        value_and_timestamp(&text.collect::<String>())?;
    }
    Some(value)
}

fn value_and_timestamp(text: &str) -> Option<f64> {
    let tokens: Vec<_> = text
        .split([' ', '\t'])
        .filter(|token| !token.is_empty())
        .collect();
    let numbers = tokens
        .iter()
        .map(|token| number(token))
        .collect::<Option<Vec<_>>>()?;
    match numbers[..] {
        [value] => Some(value),
        [value, timestamp] if timestamp.is_finite() => Some(value),
        _ => None,
    }
}

fn number(token: &str) -> Option<f64> {
    // Beyond the formats, Rust accepts only a signed NaN.
    let signed_nan = token.len() == 4 && token.to_ascii_lowercase().ends_with("nan");
    if signed_nan { None } else { token.parse().ok() }
}
