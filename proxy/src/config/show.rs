//! How checked values are written out again: as the file would have them, so that they can be read back.

use super::Series;
use serde::Serializer;
use std::time::Duration;

pub(super) fn duration<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*value))
}

/// With the largest unit that loses nothing: 65,536 is `64KiB`, 65,537 stays a number of bytes.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn size<S: Serializer>(value: &usize, to: S) -> Result<S::Ok, S::Error> {
    let unit = [("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|(_, size)| value.is_multiple_of(*size));
    match unit {
        Some((name, size)) if *value > 0 => to.collect_str(&format_args!("{}{name}", value / size)),
        _ => to.collect_str(&format_args!("{value}B")),
    }
}

pub(super) fn series<S: Serializer>(value: &Series, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
