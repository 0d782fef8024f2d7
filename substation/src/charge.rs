//! The body of a charge request, from bytes to a demand.
//!
//! Strict where a guess would book something that nobody asked for: `null` is not "absent" (it is what
//! JavaScript writes for NaN), a number in quotes is not a number, and a list is not an object, although
//! serde would fill the fields from it in order.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::book::Demand;
use crate::config::Checked;
use crate::units::{Energy, Power};

#[derive(Debug, Default, Deserialize)]
struct ChargeRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    #[expect(
        dead_code,
        reason = "checked to be a string, and then of no concern to a substation"
    )]
    vehicle_id: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    power_kw: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    energy_kwh: Option<f64>,
}

/// Why a body is no charge request.
#[derive(Debug, Error)]
pub(crate) enum Invalid {
    #[error("the body must be empty or one JSON object: {0}")]
    Json(serde_json::Error),
    #[error("the body must be empty or one JSON object, such as {{\"power_kw\": 11}}")]
    NotAnObject,
    #[error("power_kw is {value}; it must be a number from 0.000001 to {max}", max = Power::MAX_KW)]
    Power { value: f64 },
    #[error("energy_kwh is {value}; it must be a number from 0.000001 to {max}", max = Energy::MAX_KWH)]
    Energy { value: f64 },
}

/// What the body asks for, with the substation's defaults where it says nothing.
pub(crate) fn parse(body: &[u8], defaults: &Checked) -> Result<Demand, Invalid> {
    let request = if body.is_empty() {
        ChargeRequest::default()
    } else if body.trim_ascii_start().first() == Some(&b'{') {
        serde_json::from_slice(body).map_err(Invalid::Json)?
    } else {
        return Err(Invalid::NotAnObject);
    };
    let power = match request.power_kw {
        Some(value) => Power::from_kw(value).ok_or(Invalid::Power { value })?,
        None => defaults.default_power,
    };
    let energy = match request.energy_kwh {
        Some(value) => Energy::from_kwh(value).ok_or(Invalid::Energy { value })?,
        None => defaults.default_energy,
    };
    Ok(Demand { power, energy })
}

/// A field that is there must have a value: `null` is refused.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;

    fn parsed(body: &[u8]) -> Result<(f64, f64), String> {
        let defaults = Config::new("s", 100.0).check().unwrap();
        parse(body, &defaults)
            .map(|demand| (demand.power.kw(), demand.energy.kwh()))
            .map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        assert_eq!(parsed(b""), Ok((11.0, 11.0)));
        assert_eq!(parsed(b"{}"), Ok((11.0, 11.0)));
        assert_eq!(parsed(b" \r\n\t{ } "), Ok((11.0, 11.0)));
        assert_eq!(parsed(br#"{"power_kw": 22}"#), Ok((22.0, 11.0)));
        assert_eq!(
            parsed(br#"{"energy_kwh": 7.5, "other": [{"a": null}]}"#),
            Ok((11.0, 7.5))
        );
        assert_eq!(
            parsed(br#"{"vehicle_id": "caf\u00e9", "power_kw": 3.7e0}"#),
            Ok((3.7, 11.0))
        );
    }

    #[test]
    fn what_is_no_charge_request_is_refused() {
        let bad: [&[u8]; 26] = [
            b" ",
            b"null",
            b"11",
            b"[]",
            b"[\"v\", 11, 11]",
            b"\"power_kw\"",
            b"{",
            b"{}{}",
            b"{} x",
            b"{\"power_kw\": }",
            b"{\"power_kw\": NaN}",
            b"{\"power_kw\": Infinity}",
            b"{\"power_kw\": 1e999}",
            b"{\"power_kw\": 1e300}",
            b"{\"power_kw\": 0}",
            b"{\"power_kw\": -1}",
            b"{\"power_kw\": 1e-9}",
            b"{\"power_kw\": null}",
            b"{\"power_kw\": \"11\"}",
            b"{\"power_kw\": true}",
            b"{\"power_kw\": 1, \"power_kw\": 2}",
            b"{\"energy_kwh\": -0.0}",
            b"{\"energy_kwh\": null}",
            b"{\"vehicle_id\": 7}",
            b"{\"vehicle_id\": null}",
            b"{\"vehicle_id\": \"\xff\"}",
        ];
        for body in bad {
            assert!(parsed(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_refusal_names_the_field_its_value_and_the_rule() {
        let message = parsed(br#"{"power_kw": -3}"#).unwrap_err();
        assert_eq!(
            message,
            "power_kw is -3; it must be a number from 0.000001 to 1000000"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parsed(&body);
        }
    }
}
