//! What a plain scalar stands for, by the core schema of YAML 1.2, with `0b101` as well.

use std::fmt;

/// A plain value: its text, and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text, without quotes.
    pub text: String,
    /// What it stands for.
    pub value: Value,
}

/// What a scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Its text.
    Text,
}

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(u64),
    /// A whole number below zero.
    Negative(i64),
    /// Any other number, infinities and NaN included.
    Float(f64),
}

impl Number {
    /// The number, if it is whole and not below zero.
    #[must_use]
    pub const fn as_u64(self) -> Option<u64> {
        match self {
            Self::Whole(value) => Some(value),
            Self::Negative(_) | Self::Float(_) => None,
        }
    }

    /// The number, or the nearest that 64 bits of floating point can hold.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 53 bits no rule needs the last digit"
    )]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Negative(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Negative(value) => value.fmt(f),
            Self::Float(value) if value.is_nan() => f.write_str(".nan"),
            Self::Float(f64::INFINITY) => f.write_str(".inf"),
            Self::Float(f64::NEG_INFINITY) => f.write_str("-.inf"),
            // As short as it can be read back: 1e300 and not three hundred digits.
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

impl Scalar {
    /// A text as it is written; quoted text stands for itself.
    pub(super) fn read(text: String, is_plain: bool) -> Self {
        let value = if is_plain { plain(&text) } else { Value::Text };
        Self { text, value }
    }
}

impl Value {
    /// The last part of the tag that YAML has for it.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(Number::Whole(_) | Number::Negative(_)) => "int",
            Self::Number(Number::Float(_)) => "float",
            Self::Text => "str",
        }
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or(Value::Text, Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    match digits {
        ".inf" | ".Inf" | ".INF" if is_negative => return Some(Number::Float(f64::NEG_INFINITY)),
        ".inf" | ".Inf" | ".INF" => return Some(Number::Float(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if digits == text => return Some(Number::Float(f64::NAN)),
        _ => {}
    }
    let (radix, whole) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        _ => (10, digits),
    };
    let is_whole = !whole.is_empty() && whole.chars().all(|digit| digit.is_digit(radix));
    // `007` is text: a number is not written so.
    if is_whole && radix == 10 && whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    if is_whole && let Ok(value) = u64::from_str_radix(whole, radix) {
        if !is_negative {
            return Some(Number::Whole(value));
        }
        if let Some(value) = 0_i64.checked_sub_unsigned(value) {
            return Some(Number::Negative(value));
        }
    }
    // Rust reads words too, such as `inf` and `nan`.
    let is_decimal = radix == 10 && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let value: f64 = Some(digits).filter(|_| is_decimal)?.parse().ok()?;
    let value = if is_negative { -value } else { value };
    value.is_finite().then_some(Number::Float(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_scalar_is_what_the_core_schema_says() {
        use Number::{Float, Negative, Whole};
        for (text, value) in [
            ("5", Value::Number(Whole(5))),
            ("+5", Value::Number(Whole(5))),
            ("0", Value::Number(Whole(0))),
            ("-5", Value::Number(Negative(-5))),
            ("-9223372036854775808", Value::Number(Negative(i64::MIN))),
            ("18446744073709551615", Value::Number(Whole(u64::MAX))),
            ("18446744073709551616", Value::Number(Float(2_f64.powi(64)))),
            ("0x1F", Value::Number(Whole(31))),
            ("0o17", Value::Number(Whole(15))),
            ("0b11", Value::Number(Whole(3))),
            ("1.50", Value::Number(Float(1.5))),
            ("-1e3", Value::Number(Float(-1000.0))),
            (".5", Value::Number(Float(0.5))),
            ("1.", Value::Number(Float(1.0))),
            (".inf", Value::Number(Float(f64::INFINITY))),
            ("-.INF", Value::Number(Float(f64::NEG_INFINITY))),
            ("~", Value::Null),
            ("", Value::Null),
            ("True", Value::Bool(true)),
            ("FALSE", Value::Bool(false)),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
        assert!(matches!(plain(".nan"), Value::Number(Float(value)) if value.is_nan()));
        for text in [".nan", ".inf", "-.inf", "5", "-5", "1.5", "1e300", "2.0"] {
            let Value::Number(number) = plain(text) else {
                panic!("{text}")
            };
            assert_eq!(number.to_string(), text);
        }
        for text in [
            "007",
            "-00",
            "1_000",
            "inf",
            "nan",
            "infinity",
            "yes",
            "Off",
            "0x",
            "0xG",
            "--1",
            "+-1",
            "-",
            "+",
            ".",
            "1e",
            "1e999",
            "0x-1",
            "2001-12-14",
            "500ms",
            "-.nan",
            "é5",
        ] {
            assert_eq!(plain(text), Value::Text, "{text}");
        }
    }
}
