//! Loads that substations report on their answers, recorded as samples.
//!
//! They need no configuration: a report on an answer is used, and an answer without one costs only
//! a pass over its few headers. A report has no labels and is as fresh as its answer. So it can
//! replace the gauge only where the gauge is a single series without labels that shows a booking at
//! once; elsewhere reports are ignored.

use switchyard_balance::{Load, Reading, ledger::ReportSent};

use switchyard_config as config;
use switchyard_gauge::orca::{self, ReportError};
use switchyard_http1::Answer;

use crate::{clock::Clock, outcomes::ReportOutcome, substation::Substation};

/// Reads the reports.
#[derive(Debug)]
pub struct Reports {
    /// The names of load and capacity; none where a report can't replace their gauges.
    names: Option<[String; 2]>,
}

impl Reports {
    pub(super) fn new(load: &config::Load) -> Self {
        let gauges = [&load.metric, &load.capacity_metric];
        let is_plain = gauges.iter().all(|series| series.is_plain())
            && load.aggregate == config::Aggregate::None
            && load.visibility_lag.is_zero()
            // Its samples are older than reports, and would take their place.
            && load.prometheus.is_none();
        Self {
            names: is_plain.then(|| gauges.map(|series| series.name.clone())),
        }
    }

    /// Records the load that `answer` reports, if it does.
    ///
    /// `own` is the load of the answered request, if that is booked now; see
    /// [`Ledger::report`](switchyard_balance::Ledger::report).
    pub fn take(
        &self,
        answer: &Answer,
        substation: &Substation,
        sent: ReportSent,
        own: Load,
        clock: Clock,
    ) {
        let Some(names) = &self.names else { return };
        let Some(report) = orca::find(answer.headers()) else {
            return;
        };
        let outcome = match report.and_then(|value| read(value, names, substation)) {
            Ok(reading) if substation.ledger().report(sent, own, reading) => {
                substation.stamp_sample(clock.now(), None);
                ReportOutcome::Ok
            }
            Ok(_) => ReportOutcome::Late,
            Err(ReportError::Format) => ReportOutcome::Format,
            Err(ReportError::Malformed) => ReportOutcome::Parse,
            Err(ReportError::Missing) => ReportOutcome::Missing,
        };
        substation.metrics().report(outcome);
    }
}

fn read(
    value: &[u8],
    [load, capacity]: &[String; 2],
    substation: &Substation,
) -> Result<Reading, ReportError> {
    let report = orca::read(value, load, capacity)?;
    // It is finite and not negative, so it is too large if it is no load.
    let in_bounds = |units: f64| Load::new(units).ok_or(ReportError::Malformed);
    let capacity = match substation.configured_capacity() {
        Some(configured) => Some(configured),
        None => report.capacity.map(in_bounds).transpose()?,
    };
    Ok(Reading {
        load: in_bounds(report.load)?,
        capacity,
    })
}
