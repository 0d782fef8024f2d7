//! Compares the counters of the proxy and the substations, over the run, with those of the load
//! generator.

use std::collections::BTreeMap;

use super::pages::{ProxyPage, SubstationPage};
use crate::report::{Counters, ProxyCounters, StationCounters};
use crate::tally::Tally;

/// Compares the counters over the run. Those that were measured agree if all are equal, to the
/// request. The proxy or a substation may have counted a request that ended without an answer, so
/// with such requests they may differ. A substation without these counters is not measured: it may
/// be any server with a gauge.
pub(super) fn compare<'a>(
    names: impl Iterator<Item = &'a str>,
    before: &(Option<ProxyPage>, Vec<SubstationPage>),
    after: &(Option<ProxyPage>, Vec<Option<SubstationPage>>),
    tally: &Tally,
) -> Counters {
    let booked: u64 = tally.answers.range(200..300).map(|(_, count)| *count).sum();
    let mut found = Found::default();
    let proxy = found.proxy(before.0, after.0);
    if let Some(proxy) = proxy {
        found.differ("the proxy booked", proxy.booked, booked);
        found.differ("the proxy answered", proxy.total(), tally.answered);
    }
    let mut substations = BTreeMap::new();
    let pairs = before.1.iter().zip(&after.1);
    let mut all_measured = true;
    for (name, (before, after)) in names.zip(pairs) {
        let Some(counted) = found.substation(name, before, after.as_ref()) else {
            all_measured = false;
            continue;
        };
        if tally.substations.0.contains_key(name) {
            let answers = tally.bookings.0.get(name).copied().unwrap_or(0);
            if answers != counted.accepted {
                found.differences.push(format!(
                    "{name} accepted {}, and {answers} answers name it",
                    counted.accepted
                ));
            }
        }
        substations.insert(name.to_owned(), counted);
    }
    // The sum says nothing if a part of it is not known.
    if all_measured && !substations.is_empty() {
        let accepted = substations.values().map(|counted| counted.accepted).sum();
        found.differ("the substations accepted", accepted, booked);
    }
    let measured = proxy.is_some() || !substations.is_empty();
    Counters {
        agree: measured && found.differences.is_empty(),
        tester_booked: booked,
        tester_answered: tally.answered,
        proxy,
        substations,
        differences: found.differences,
        not_measured: found.not_measured,
    }
}

/// What does not fit.
#[derive(Default)]
struct Found {
    differences: Vec<String>,
    not_measured: Vec<String>,
}

impl Found {
    fn differ(&mut self, counter: &str, found: u64, expected: u64) {
        if found != expected {
            self.differences.push(format!(
                "{counter} {found}, the load generator counted {expected}"
            ));
        }
    }

    /// What the proxy counted over the run, if it was watched and counts.
    fn proxy(
        &mut self,
        before: Option<ProxyPage>,
        after: Option<ProxyPage>,
    ) -> Option<ProxyCounters> {
        let before = before?;
        let Some(ProxyPage(after)) = after else {
            self.unreadable("the proxy");
            return None;
        };
        self.growth("the proxy", before.0, after, ProxyCounters::since)
    }

    /// What a substation counted over the run, if it counts.
    fn substation(
        &mut self,
        name: &str,
        before: &SubstationPage,
        after: Option<&SubstationPage>,
    ) -> Option<StationCounters> {
        let Some(after) = after else {
            self.unreadable(name);
            return None;
        };
        self.growth(name, before.counted, after.counted, StationCounters::since)
    }

    fn unreadable(&mut self, name: &str) {
        self.differences
            .push(format!("{name}'s page could not be read at the end"));
    }

    fn growth<T: Default>(
        &mut self,
        name: &str,
        before: Option<T>,
        after: Option<T>,
        since: fn(T, T) -> Option<T>,
    ) -> Option<T> {
        let Some(after) = after else {
            self.not_measured.push(name.to_owned());
            return None;
        };
        // A counter may appear with the first request that it counts.
        let growth = since(after, before.unwrap_or_default());
        if growth.is_none() {
            self.differences.push(format!(
                "{name}'s counters fell, so it restarted during the run"
            ));
        }
        growth
    }
}

/// The energy that was delivered between two readings, in kWh; none if a page or a counter is
/// missing, or a counter fell.
pub(super) fn delivered_kwh(
    before: &[SubstationPage],
    after: &[Option<SubstationPage>],
) -> Option<f64> {
    const JOULES_PER_KWH: f64 = 3.6e6;
    let growth = |(before, after): (&SubstationPage, &Option<SubstationPage>)| {
        let joules = after.as_ref()?.joules? - before.joules.unwrap_or(0.0);
        (joules >= 0.0).then_some(joules / JOULES_PER_KWH)
    };
    // The energy of no substation is not known, instead of 0.
    (!before.is_empty())
        .then(|| before.iter().zip(after).map(growth).sum())
        .flatten()
}

#[cfg(test)]
mod tests;
