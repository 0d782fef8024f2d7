//! Compares the counters of the proxy and the substations, over the run, with those of the load
//! generator.

use std::collections::BTreeMap;

use super::pages::{ProxyPage, SubstationPage};
use crate::report::Counters;
use crate::tally::Tally;

/// Compares the counters over the run. They agree if all are equal, to the request. The proxy or a
/// substation may have counted a request that ended without an answer, so with such requests they
/// may differ.
pub(super) fn compare<'a>(
    names: impl Iterator<Item = &'a str>,
    before: &(Option<ProxyPage>, Vec<SubstationPage>),
    after: &(Option<ProxyPage>, Vec<Option<SubstationPage>>),
    tally: &Tally,
) -> Counters {
    let mut differences = Vec::new();
    let booked: u64 = tally.answers.range(200..300).map(|(_, count)| *count).sum();
    let proxy = match (before.0, after.0) {
        (Some(ProxyPage(before)), Some(ProxyPage(after))) => Some(after.since(before)),
        (None, None) => None,
        _ => {
            differences.push("the proxy's page could not be read at the end".to_owned());
            None
        }
    };
    if let Some(proxy) = proxy {
        differ(&mut differences, "the proxy booked", proxy.booked, booked);
        differ(
            &mut differences,
            "the proxy answered",
            proxy.total(),
            tally.answered,
        );
    }
    let mut substations = BTreeMap::new();
    let mut accepted = 0;
    let pairs = before.1.iter().zip(&after.1);
    for (name, (before, after)) in names.zip(pairs) {
        let Some(after) = after else {
            differences.push(format!("{name}'s page could not be read at the end"));
            continue;
        };
        let counted = after.counted.since(before.counted);
        accepted += counted.accepted;
        if let Some(named) = tally.substations.0.get(name) {
            // Besides bookings it may have answered malformed requests that the proxy passed on.
            let answered = counted.accepted + counted.invalid;
            if *named < counted.accepted || *named > answered + counted.refused {
                differences.push(format!(
                    "{name} accepted {}, and {named} answers name it",
                    counted.accepted
                ));
            }
        }
        substations.insert(name.to_owned(), counted);
    }
    if !substations.is_empty() {
        differ(
            &mut differences,
            "the substations accepted",
            accepted,
            booked,
        );
    }
    Counters {
        agree: differences.is_empty(),
        tester_booked: booked,
        tester_answered: tally.answered,
        proxy,
        substations,
        differences,
    }
}

fn differ(differences: &mut Vec<String>, counter: &str, found: u64, expected: u64) {
    if found != expected {
        differences.push(format!(
            "{counter} {found}, the load generator counted {expected}"
        ));
    }
}

/// The energy that was delivered between two readings, in kWh; none if a page is missing.
pub(super) fn delivered_kwh(
    before: &[SubstationPage],
    after: &[Option<SubstationPage>],
) -> Option<f64> {
    const JOULES_PER_KWH: f64 = 3.6e6;
    let pairs = before.iter().zip(after);
    pairs
        .map(|(before, after)| Some((after.as_ref()?.joules - before.joules) / JOULES_PER_KWH))
        .sum()
}

#[cfg(test)]
mod tests;
