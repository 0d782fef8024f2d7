//! Requests as broken clients send them. Each must be refused with a 4xx status, and book nothing.

use std::fmt::{self, Write};
use std::str::FromStr;

use fastrand::Rng;

use super::Vehicle;

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Malformed {
    /// The object is cut off.
    Truncated,
    /// JSON, but no object.
    NoObject,
    /// The power is below zero.
    NegativePower,
    /// The power is a text.
    TextPower,
    /// The power is NaN, which JSON does not know.
    NotANumber,
}

impl Malformed {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Truncated,
        Self::NoObject,
        Self::NegativePower,
        Self::TextPower,
        Self::NotANumber,
    ];

    pub(super) fn draw(rng: &mut Rng) -> Self {
        rng.choice(Self::ALL).unwrap_or(Self::Truncated)
    }

    pub(super) fn write_body(self, vehicle: &Vehicle, out: &mut impl Write) -> fmt::Result {
        let Vehicle {
            run,
            number,
            power_kw,
            ..
        } = vehicle;
        match self {
            Self::Truncated => write!(
                out,
                r#"{{"vehicle_id":"ev-{run}-{number}","power_kw":{power_kw}"#
            ),
            Self::NoObject => write!(out, r#"["ev-{run}-{number}",{power_kw}]"#),
            Self::NegativePower => {
                write!(
                    out,
                    r#"{{"vehicle_id":"ev-{run}-{number}","power_kw":-{power_kw}}}"#
                )
            }
            Self::TextPower => {
                write!(
                    out,
                    r#"{{"vehicle_id":"ev-{run}-{number}","power_kw":"{power_kw} kW"}}"#
                )
            }
            Self::NotANumber => write!(
                out,
                r#"{{"vehicle_id":"ev-{run}-{number}","power_kw":NaN}}"#
            ),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Truncated => "truncated",
            Self::NoObject => "no_object",
            Self::NegativePower => "negative_power",
            Self::TextPower => "text_power",
            Self::NotANumber => "not_a_number",
        })
    }
}

impl FromStr for Malformed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |kind: &Self| kind.to_string() == text;
        let found = Self::ALL.into_iter().find(named);
        found.ok_or("must be truncated, no_object, negative_power, text_power or not_a_number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_them_is_a_charge_request() {
        for kind in Malformed::ALL {
            let vehicle = Vehicle {
                run: 1,
                number: 2,
                power_kw: 11.0,
                energy_kwh: 5.0,
                malformed: Some(kind),
                unplug_after: None,
            };
            let mut body = String::new();
            vehicle.write_body(&mut body).unwrap();
            let read: Option<serde_json::Value> = serde_json::from_str(&body).ok();
            let power =
                read.and_then(|json| json.get("power_kw").and_then(serde_json::Value::as_f64));
            assert!(power.is_none_or(|power| power < 0.0), "{body}");
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("odd".parse::<Malformed>().is_err());
    }
}
