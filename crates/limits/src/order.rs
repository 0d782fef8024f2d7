//! What a source orders: the body of a `PUT`, checked.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use switchyard_balance::{Load, load::LARGEST};
use switchyard_bounded::Shown;

use crate::timestamp::Timestamp;

/// The longest name of a source, in characters.
const LONGEST_SOURCE: usize = 100;
/// The longest heartbeat. More is a mistake in the unit.
const LONGEST_HEARTBEAT: Duration = Duration::from_hours(24);
/// The longest text of a duration, in bytes, as in the configuration: humantime panics where its sum just passes what a
/// `Duration` holds, which takes one byte more.
const LONGEST_TEXT: usize = 25;

/// The most load that a source allows, from when to when, and what follows from its silence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// The most load; zero closes.
    pub value: Load,
    /// Who orders it.
    pub source: Arc<str>,
    /// When it begins; at once, if nothing is said.
    pub from: Option<Timestamp>,
    /// When it ends; it does not, if nothing is said.
    pub until: Option<Timestamp>,
    /// What is in force if the source falls silent; without it, silence means nothing.
    pub failsafe: Option<Failsafe>,
}

/// What follows from silence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Failsafe {
    /// The most load from then on.
    pub fallback: Load,
    /// How long the source may be silent.
    pub heartbeat: Duration,
}

/// The body of a `PUT`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOrder {
    value: Option<Value>,
    source: Option<Value>,
    from: Option<Value>,
    until: Option<Value>,
    fallback: Option<Value>,
    heartbeat: Option<Value>,
}

/// The body of a heartbeat.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHeartbeat {
    source: Option<Value>,
}

/// The faults of a body, each with its key.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// The value of `key`, if there is one without a fault.
    fn check<T>(
        &mut self,
        key: &str,
        written: Option<&Value>,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        let read = read(written?);
        read.inspect_err(|rule| self.add(key, rule)).ok()
    }

    /// The same for a key that must be there.
    fn require<T>(
        &mut self,
        key: &str,
        written: Option<&Value>,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        if written.is_none() {
            self.add(key, "is missing, and needed");
        }
        self.check(key, written, read)
    }

    fn add(&mut self, key: &str, rule: impl fmt::Display) {
        self.0.push(format!("{key}: {rule}"));
    }
}

impl Order {
    /// Reads the body of a `PUT` that came at this time. What is wrong with it is said in one message, all of it.
    pub fn read(body: &[u8], wall: Timestamp) -> Result<Self, String> {
        let example = r#"{"value": 200, "source": "dso"}"#;
        let written: WrittenOrder = parse(body, example)?;
        let mut faults = Faults::default();
        let value = faults.require("value", written.value.as_ref(), load);
        let source = faults.require("source", written.source.as_ref(), source);
        let from = faults.check("from", written.from.as_ref(), time);
        let until = faults.check("until", written.until.as_ref(), time);
        let fallback = faults.check("fallback", written.fallback.as_ref(), load);
        let heartbeat = faults.check("heartbeat", written.heartbeat.as_ref(), heartbeat);
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            faults.add("until", format_args!("{until} must be after from, {from}"));
        } else if let Some(until) = until
            && until <= wall
        {
            let rule = format_args!(
                "{until} is over: it is {wall} here. Write a later time, or leave until out for a limit without end"
            );
            faults.add("until", rule);
        }
        match (&written.fallback, &written.heartbeat) {
            (Some(_), None) => faults.add(
                "heartbeat",
                "is missing: fallback says what is in force after how long a silence, so write both or neither",
            ),
            (None, Some(_)) => faults.add(
                "fallback",
                "is missing: heartbeat says when which load is in force, so write both or neither",
            ),
            _ => {}
        }
        let (Some(value), Some(source), true) = (value, source, faults.0.is_empty()) else {
            return Err(faults.0.join("; "));
        };
        let failsafe = fallback.zip(heartbeat);
        Ok(Self {
            value,
            source,
            from,
            until,
            failsafe: failsafe.map(|(fallback, heartbeat)| Failsafe {
                fallback,
                heartbeat,
            }),
        })
    }
}

/// The source that the body of a heartbeat names; else what is wrong with it.
pub fn read_heartbeat(body: &[u8]) -> Result<Arc<str>, String> {
    let written: WrittenHeartbeat = parse(body, r#"{"source": "dso"}"#)?;
    let mut faults = Faults::default();
    let source = faults.require("source", written.source.as_ref(), source);
    source.ok_or_else(|| faults.0.join("; "))
}

/// Checks that `text` can name a source; else the rule that it breaks.
pub fn read_source(text: &str) -> Result<Arc<str>, String> {
    let length = text.chars().count();
    let rule = if text.trim().is_empty() || length > LONGEST_SOURCE {
        format!("has {length} characters; it must have 1 to {LONGEST_SOURCE}, and not only blanks")
    } else if text.chars().any(char::is_control) {
        "must be one line, without control characters".to_owned()
    } else if text.trim() != text {
        "must not begin or end with a blank".to_owned()
    } else {
        return Ok(text.into());
    };
    Err(rule)
}

fn parse<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, String> {
    let explain = |why: &dyn fmt::Display| {
        let why = Shown::message(why);
        format!("the body is not JSON like {example}: {why}")
    };
    // A list of values in the place of the fields would be read too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(explain(&"it is no object"));
    }
    serde_json::from_slice(body).map_err(|error| explain(&error))
}

fn load(value: &Value) -> Result<Load, String> {
    let Value::Number(number) = value else {
        return Err(format!("must be a number, not {}", kind(value)));
    };
    let load = number.as_f64().and_then(Load::new);
    load.ok_or_else(|| {
        format!(
            "{number} must be from 0, which closes, to {LARGEST:e}, in the unit of the load gauge"
        )
    })
}

fn source(value: &Value) -> Result<Arc<str>, String> {
    read_source(text(value)?)
}

fn time(value: &Value) -> Result<Timestamp, String> {
    Timestamp::read(text(value)?)
}

fn heartbeat(value: &Value) -> Result<Duration, String> {
    let written = match value {
        Value::Number(number) => {
            return Err(format!("{number} needs its unit, as in \"{number}s\""));
        }
        other => text(other)?.trim(),
    };
    let duration = Some(written)
        .filter(|text| text.len() <= LONGEST_TEXT)
        .and_then(|text| humantime::parse_duration(text).ok());
    let shown = Shown::value(written).to_string();
    match duration {
        None => Err(format!(
            "{shown:?} is no duration: write a number and its unit, as in 500ms, 60s or 5m"
        )),
        Some(duration) if duration.is_zero() || duration > LONGEST_HEARTBEAT => {
            Err(format!("{shown:?} must be more than 0 and at most 24h"))
        }
        Some(duration) => Ok(duration),
    }
}

fn text(value: &Value) -> Result<&str, String> {
    let text = value.as_str();
    text.ok_or_else(|| format!("must be text in quotes, not {}", kind(value)))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text in quotes",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
