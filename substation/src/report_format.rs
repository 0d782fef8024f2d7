//! The two formats of a load report.

use std::str::FromStr;

/// How the load on a response is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// `TEXT named_metrics.NAME=VALUE, …`
    Text,
    /// `JSON {"named_metrics": {"NAME": VALUE, …}}`
    Json,
}

impl FromStr for ReportFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write text or json"),
        }
    }
}
