//! How what is done with a substation may end, and what each ending is called in metrics.

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

/// How an exchange with a substation ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum UpstreamOutcome {
    /// It answered, with whatever status but a refusal.
    Ok,
    /// It answered that it did not book.
    Refused,
    /// No connection could be made.
    Connect,
    /// It did not answer in time.
    Timeout,
    /// It broke off, or its answer could not be read.
    Reset,
}

/// What became of a load that stood on an answer.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ReportOutcome {
    /// It is the newest sample.
    Ok,
    /// It is older than the last sample, or came just while another one was taken.
    Late,
    /// A report that could not be read, or that says no load.
    Parse,
    /// A report without the gauge.
    Missing,
    /// Neither TEXT nor JSON.
    Format,
}
