//! Loads that substations say on their answers, taken as samples.
//!
//! Nobody has to ask for them, so nothing configures them: an answer that carries one is looked at, any other costs a
//! walk over its few headers. A report has no labels and is as fresh as its answer, so it can stand for the gauge
//! only where the gauge is one series without labels that shows a booking at once; elsewhere it is passed over.

use switchyard_balance::{Load, Reading, ledger::ReportSent};

use switchyard_config as config;
use switchyard_gauge::orca::{self, ReportError};
use switchyard_http1::Answer;

use crate::{clock::Clock, outcomes::ReportOutcome, substation::Substation};

/// How reports are read.
#[derive(Debug)]
pub struct Reports {
    /// The names of the load and the capacity, where a report can stand for their gauges.
    names: Option<[String; 2]>,
}

impl Reports {
    pub(super) fn new(load: &config::Load) -> Self {
        let gauges = [&load.metric, &load.capacity_metric];
        let is_plain = gauges.iter().all(|series| series.matchers.is_empty())
            && load.aggregate == config::Aggregate::None
            && load.visibility_lag.is_zero();
        Self {
            names: is_plain.then(|| gauges.map(|series| series.name.clone())),
        }
    }

    /// Takes what `answer` reports, if it does.
    ///
    /// `own` is the load of the request that it answers, if that is booked now; see
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
                substation.stamp_sample(clock.now());
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
    let in_bounds = |units: f64| Load::new(units).ok_or(ReportError::Malformed);
    let reported = report.capacity.map(in_bounds).transpose()?;
    Ok(Reading {
        load: in_bounds(report.load)?,
        capacity: substation.configured_capacity().or(reported),
    })
}
