//! How a look at a gauge may end, and what metrics call each ending.

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

/// How a look at a substation's gauge ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum PollOutcome {
    /// A sample.
    Ok,
    /// No whole answer in time.
    Timeout,
    /// No connection, or it broke.
    Connect,
    /// An answer other than 200.
    Status,
    /// A page that could not be read, or a gauge that is no load.
    Parse,
    /// A page without the gauge, or with several that match and no word of what they are together.
    Missing,
}
