//! The load on each answer to a charge, for a proxy that would rather not wait for its next scrape.
//!
//! The header is that of ORCA (Open Request Cost Aggregation), the metrics in it have the names of the gauges.
//! The load is read after the booking and before the answer leaves, so the session that the answer confirms is in it.

use std::str::FromStr;

use http::{HeaderName, HeaderValue};

use crate::answer::Answer;
use crate::metrics::{CAPACITY, CURRENT_LOAD};
use crate::station::Substation;

const HEADER: HeaderName = HeaderName::from_static("endpoint-load-metrics");

/// How the load on an answer is written.
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

/// Says on `answer` how loaded the substation is, where it is told to.
pub(crate) fn attach(substation: &Substation, answer: &mut Answer) {
    let Some(format) = substation.config().report_load else {
        return;
    };
    let (load, capacity) = (
        substation.current_load_kw(),
        substation.config().capacity.kw(),
    );
    let report = match format {
        ReportFormat::Text => {
            format!("TEXT named_metrics.{CURRENT_LOAD}={load}, named_metrics.{CAPACITY}={capacity}")
        }
        ReportFormat::Json => format!(
            "JSON {{\"named_metrics\": {{\"{CURRENT_LOAD}\": {load}, \"{CAPACITY}\": {capacity}}}}}"
        ),
    };
    // Visible ASCII, so it is always a header's value.
    if let Ok(report) = HeaderValue::from_str(&report) {
        answer.headers_mut().insert(HEADER, report);
    }
}
