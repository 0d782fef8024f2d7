//! Requests as broken clients send them. The answer to each must have a 4xx status, and book no
//! session.

use std::fmt::{self, Write};

use fastrand::Rng;
use strum::{Display, EnumString, VariantArray};

use super::Vehicle;
use crate::error::UnknownName;

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, Display, EnumString, Eq, PartialEq, VariantArray)]
#[strum(
    serialize_all = "snake_case",
    parse_err_fn = unknown_kind,
    parse_err_ty = UnknownName
)]
pub enum Malformed {
    /// The object is cut off.
    Truncated,
    /// JSON, but not an object.
    NoObject,
    /// The power is negative.
    NegativePower,
    /// The power is a string.
    TextPower,
    /// The power is NaN, which JSON does not have.
    NotANumber,
}

fn unknown_kind(_: &str) -> UnknownName {
    UnknownName {
        known: "truncated, no_object, negative_power, text_power or not_a_number",
    }
}

impl Malformed {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        rng.choice(Self::VARIANTS)
            .copied()
            .unwrap_or(Self::Truncated)
    }

    pub(super) fn write_body(self, vehicle: &Vehicle, out: &mut impl Write) -> fmt::Result {
        let Vehicle {
            run,
            number,
            power_kw,
            ..
        } = vehicle;
        if self == Self::NoObject {
            return write!(out, r#"["ev-{run}-{number}",{power_kw}]"#);
        }
        write!(out, r#"{{"vehicle_id":"ev-{run}-{number}","power_kw":"#)?;
        match self {
            Self::NegativePower => write!(out, "-{power_kw}}}"),
            Self::TextPower => write!(out, r#""{power_kw} kW"}}"#),
            Self::NotANumber => out.write_str("NaN}"),
            Self::Truncated | Self::NoObject => write!(out, "{power_kw}"),
        }
    }
}

#[cfg(test)]
mod tests;
