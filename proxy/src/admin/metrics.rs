//! The metrics page: the counters, and the gauges set to the current state.

use switchyard_process::stderr;
use switchyard_telemetry::Error;

use crate::{dispatch::DispatchState, metrics::RequestGauges, runtime::Runtime};

/// Sets the gauges, and writes the page in Prometheus' text format.
pub fn page(runtime: &Runtime, dispatch: &DispatchState) -> Result<Vec<u8>, Error> {
    let metrics = &runtime.metrics;
    let now = runtime.now();
    metrics.requests.mirror(RequestGauges {
        in_flight: runtime.in_flight.at_work(),
        connections: runtime.in_flight.connections(),
        keys: dispatch.keys(),
        waiting: dispatch.waiting(),
        promises: dispatch.promises(),
    });
    if let Some(certificates) = runtime.credentials.certificates() {
        metrics.tls.expires_at(certificates.expires_at());
    }
    metrics.log_dropped(stderr::dropped());
    metrics.render(&now.grid)
}
