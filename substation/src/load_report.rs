//! The load on each response to a charge, for a proxy that does not wait for its next scrape.
//!
//! The header is that of ORCA (Open Request Cost Aggregation), and its metrics have the names of the gauges.
//! The load is read after the booking and before the response leaves, so it includes the session that the
//! response confirms.

use http::{HeaderName, HeaderValue};
use switchyard_wire::names;

use crate::metrics::{CAPACITY, CURRENT_LOAD};
use crate::report_format::ReportFormat;
use crate::response::Response;
use crate::substation::Substation;

const HEADER: HeaderName = HeaderName::from_static(names::ENDPOINT_LOAD_METRICS);

/// Writes the load of the substation on `response`, if its configuration asks for that.
pub(crate) fn attach(substation: &Substation, response: &mut Response) {
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
    // Visible ASCII is always a valid header value.
    if let Ok(report) = HeaderValue::from_str(&report) {
        response.headers_mut().insert(HEADER, report);
    }
}
