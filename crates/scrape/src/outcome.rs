//! How a scrape can end, and the name of each outcome in metrics.

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

/// How a scrape of a substation's gauge ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum PollOutcome {
    /// A sample.
    Ok,
    /// No complete answer within the timeout.
    Timeout,
    /// No connection could be made, or it was lost.
    Connect,
    /// This process lacks what a connection takes, such as a local port.
    Shortage,
    /// An answer with a status other than 200.
    Status,
    /// A page that could not be read, or a gauge whose value is not a load.
    Parse,
    /// A load or a capacity above the largest that is counted: in metrics a [`PollOutcome::Parse`].
    #[strum(serialize = "parse")]
    TooLarge,
    /// A page without the gauge, or with several matching series and no aggregate configured for them.
    Missing,
}
