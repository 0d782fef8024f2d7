//! The metrics page: the counters, and the gauges set to the current state.

use switchyard_process::stderr;
use switchyard_telemetry::{Error, Page};
use tokio::time::Instant;

use crate::{
    dispatch::DispatchState,
    metrics::{NAMESPACE, RequestGauges, StateWritten},
    runtime::Runtime,
};

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
    if let Some(certificates) = runtime.credentials.admin_certificates() {
        metrics.tls.admin_expires_at(certificates.expires_at());
    }
    if let Some(kept) = runtime.kept_state() {
        let clock = now.grid.clock();
        let written = kept.written.map(|written| clock.unix_seconds(written));
        metrics.state.mirror(StateWritten {
            unix_seconds: written.unwrap_or_default(),
            bytes: kept.bytes,
            seconds: kept.took.as_secs_f64(),
            errors: kept.errors,
        });
    }
    metrics.log_dropped(stderr::dropped());
    let text = metrics.render(&now.grid, &runtime.limits.gauges())?;
    let Some(clients) = &now.clients else {
        return Ok(text);
    };
    let mut page = Page::after(text, NAMESPACE);
    clients.write(&mut page, now.grid.clock().since_start(Instant::now()));
    Ok(page.into_text())
}
