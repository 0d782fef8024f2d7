//! How a request ended, for metrics and the live page.

use enum_map::Enum;
use strum::{EnumCount, IntoStaticStr, VariantArray};

/// How a request ended, for counting.
#[derive(Clone, Copy, Debug, Enum, EnumCount, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The substation booked it.
    Booked,
    /// The substation answered with an error.
    Answered,
    /// The client made a mistake.
    Invalid,
    /// No substation has room, or none is usable.
    Refused,
    /// A substation failed, or time ran out.
    Failed,
}
