//! How checked values are written: as in the file, so that they can be read back.

use super::Series;
use serde::Serializer;
use std::time::Duration;

pub(super) fn duration<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*value))
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(super) fn optional_duration<S: Serializer>(
    value: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => duration(value, to),
        None => to.serialize_none(),
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn size<S: Serializer>(value: &usize, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&bytes(*value))
}

/// With the largest unit that loses nothing: 65,536 is `64KiB`, 65,537 is `65537B`.
pub(super) fn bytes(value: usize) -> String {
    let units = [
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("B", 1),
    ];
    let unit = units
        .into_iter()
        .find(|(_, size)| value >= *size && value.is_multiple_of(*size));
    let (name, size) = unit.unwrap_or(("B", 1));
    format!("{}{name}", value / size)
}

pub(super) fn series<S: Serializer>(value: &Series, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
