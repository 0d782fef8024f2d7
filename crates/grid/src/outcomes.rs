//! The outcomes of exchanges and of load reports, with their names in metrics.

use enum_map::Enum;
use strum::{IntoStaticStr, VariantArray};

/// How an exchange with a substation ended.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum UpstreamOutcome {
    /// It answered, with any status but a refusal.
    Ok,
    /// It refused: it booked nothing.
    Refused,
    /// No connection could be made.
    Connect,
    /// The proxy itself lacked what a connection takes.
    Shortage,
    /// It did not answer in time.
    Timeout,
    /// It broke the connection, or its answer could not be read.
    Reset,
    /// Its answer is larger than the limit.
    Oversize,
}

/// What became of a load that an answer reported.
#[derive(Clone, Copy, Debug, Enum, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ReportOutcome {
    /// It is the newest sample.
    Ok,
    /// It is older than the last sample, or arrived while another was being recorded.
    Late,
    /// The report can't be read, or its value is not a load.
    Parse,
    /// The report lacks the gauge.
    Missing,
    /// The report is neither TEXT nor JSON.
    Format,
}
