//! The body of a charge request, from bytes to a demand.
//!
//! It is strict where a guess could book something else than the client wants: `null` is not "absent" (it
//! is what JavaScript writes for NaN), a number in quotes is not a number, and a list is not an object,
//! although serde would fill the fields from it in order.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::config::Checked;
use crate::session::Demand;
use crate::units::{Energy, Power};

#[derive(Debug, Default, Deserialize)]
struct ChargeRequest<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    #[expect(
        dead_code,
        reason = "it must be a string, and a substation does not use it"
    )]
    vehicle_id: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    power_kw: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    energy_kwh: Option<f64>,
}

/// Why a body is no charge request.
#[derive(Debug, Error)]
pub(crate) enum InvalidCharge {
    #[error("the body must be empty or one JSON object: {0}")]
    Json(serde_json::Error),
    #[error("the body must be empty or one JSON object, such as {{\"power_kw\": 11}}")]
    NotAnObject,
    #[error("power_kw is {value}; it must be a number from 0.000001 to {max}", max = Power::MAX_KW)]
    Power { value: f64 },
    #[error("energy_kwh is {value}; it must be a number from 0.000001 to {max}", max = Energy::MAX_KWH)]
    Energy { value: f64 },
}

/// The demand of a body, with the substation's defaults for what it does not name.
pub(crate) fn parse(body: &[u8], defaults: &Checked) -> Result<Demand, InvalidCharge> {
    let request = if body.is_empty() {
        ChargeRequest::default()
    } else if body.trim_ascii_start().first() == Some(&b'{') {
        serde_json::from_slice(body).map_err(InvalidCharge::Json)?
    } else {
        return Err(InvalidCharge::NotAnObject);
    };
    let power = match request.power_kw {
        Some(value) => Power::from_kw(value).ok_or(InvalidCharge::Power { value })?,
        None => defaults.default_power,
    };
    let energy = match request.energy_kwh {
        Some(value) => Energy::from_kwh(value).ok_or(InvalidCharge::Energy { value })?,
        None => defaults.default_energy,
    };
    Ok(Demand { power, energy })
}

/// A field that is present must have a value: `null` is refused.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests;
