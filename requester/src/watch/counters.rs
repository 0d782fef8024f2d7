//! What the proxy and the substations count, before and after; and whether it is what the tester counted.

use std::collections::BTreeMap;

use super::exposition::samples;
use crate::report::{Counters, ProxyCounters, StationCounters};
use crate::tally::Tally;

/// A page of a substation, as far as it is of interest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Station {
    /// None where the gauge is missing or no load.
    pub(super) load: Option<f64>,
    pub(super) capacity: Option<f64>,
    counted: StationCounters,
    joules: f64,
}

impl Station {
    pub(super) fn read(page: &str) -> Self {
        let mut station = Self::default();
        let finite = |value: f64| (value.is_finite() && value >= 0.0).then_some(value);
        for sample in samples(page) {
            match (sample.name, sample.label("result")) {
                ("substation_current_load", _) => station.load = finite(sample.value),
                ("substation_capacity", _) => station.capacity = finite(sample.value),
                ("substation_energy_delivered_joules_total", _) => station.joules = sample.value,
                ("substation_charge_requests_total", Some(result)) => {
                    let count = whole(sample.value);
                    match result {
                        "accepted" => station.counted.accepted = count,
                        "invalid" => station.counted.invalid = count,
                        _ => station.counted.refused += count,
                    }
                }
                _ => {}
            }
        }
        station
    }
}

/// The proxy's page, as far as it is of interest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Proxy(ProxyCounters);

impl Proxy {
    pub(super) fn read(page: &str) -> Self {
        let mut counted = ProxyCounters::default();
        let requests = samples(page).filter(|sample| sample.name == "switchyard_requests_total");
        for sample in requests {
            let count = whole(sample.value);
            match sample.label("result") {
                Some("booked") => counted.booked += count,
                Some("answered") => counted.answered += count,
                Some("invalid") => counted.invalid += count,
                Some("refused") => counted.refused += count,
                _ => counted.failed += count,
            }
        }
        Self(counted)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter is a whole number, exact up to 2^53; what is not becomes 0"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

/// Compares what was counted over the run. It agrees if everybody counted the same, to the request; a request
/// that ended without an answer may have been counted by those behind, so with such it can't.
pub(super) fn compare<'a>(
    names: impl Iterator<Item = &'a str>,
    before: &(Option<Proxy>, Vec<Station>),
    after: &(Option<Proxy>, Vec<Option<Station>>),
    tally: &Tally,
) -> Counters {
    let mut differences = Vec::new();
    let booked: u64 = tally.answers.range(200..300).map(|(_, count)| *count).sum();
    let proxy = match (before.0, after.0) {
        (Some(Proxy(before)), Some(Proxy(after))) => Some(after.since(before)),
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
            // Beside bookings it may have answered malformed requests that the proxy passed on.
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

fn differ(differences: &mut Vec<String>, who: &str, counted: u64, tester: u64) {
    if counted != tester {
        differences.push(format!("{who} {counted}, the tester counted {tester}"));
    }
}

/// The energy that was delivered between two looks, in kWh; none if a page is missing.
pub(super) fn delivered_kwh(before: &[Station], after: &[Option<Station>]) -> Option<f64> {
    const JOULES_A_KWH: f64 = 3.6e6;
    let pairs = before.iter().zip(after);
    pairs
        .map(|(before, after)| Some((after.as_ref()?.joules - before.joules) / JOULES_A_KWH))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::answer::{Answer, Keep};
    use crate::pool::Job;

    fn station(accepted: u64, refused: u64) -> Station {
        let page = format!(
            "substation_current_load 11\nsubstation_capacity 100\n\
             substation_charge_requests_total{{result=\"accepted\"}} {accepted}\n\
             substation_charge_requests_total{{result=\"no_capacity\"}} {refused}\n\
             substation_energy_delivered_joules_total 3.6e6\n"
        );
        Station::read(&page)
    }

    fn proxy(booked: u64, refused: u64) -> Proxy {
        Proxy::read(&format!(
            "switchyard_requests_total{{code=\"200\",result=\"booked\"}} {booked}\n\
             switchyard_requests_total{{code=\"503\",result=\"refused\"}} {refused}\n"
        ))
    }

    /// Three booked, one refused.
    fn tally() -> Tally {
        let mut tally = Tally::new(Duration::from_secs(1)).unwrap();
        let job = Job::test(Duration::ZERO, 11.0);
        for (status, name) in [
            (200, Some("a")),
            (200, Some("a")),
            (200, Some("b")),
            (503, None),
        ] {
            let mut response = http::Response::builder().status(status);
            if let Some(name) = name {
                response = response.header("x-substation", name);
            }
            let head = response.body(()).unwrap().into_parts().0;
            tally.offered(&job);
            tally.answered(
                &job,
                Duration::from_millis(1),
                &Answer::new(head, Keep::Refusals),
            );
        }
        tally
    }

    fn compared(proxies: (Proxy, Proxy), after: Vec<Option<Station>>) -> Counters {
        let before = (Some(proxies.0), vec![station(5, 0), station(7, 0)]);
        compare(
            ["a", "b"].into_iter(),
            &before,
            &(Some(proxies.1), after),
            &tally(),
        )
    }

    #[test]
    fn a_page_says_what_it_says_and_no_load_is_no_zero() {
        let read = station(5, 2);
        assert_eq!((read.load, read.capacity), (Some(11.0), Some(100.0)));
        assert_eq!((read.counted.accepted, read.counted.refused), (5, 2));
        for page in [
            "",
            "substation_current_load NaN\n",
            "substation_current_load -1\n",
        ] {
            assert_eq!(Station::read(page).load, None, "{page}");
        }
    }

    #[test]
    fn all_agree_to_the_request() {
        let after = vec![Some(station(7, 1)), Some(station(8, 0))];
        let found = compared((proxy(100, 3), proxy(103, 4)), after);
        assert!(found.agree, "{found:?}");
        assert_eq!(found.proxy.unwrap().booked, 3);
        assert_eq!(found.substations["a"].accepted, 2);
    }

    #[test]
    fn one_request_more_or_less_is_told_with_both_counts() {
        let after = || vec![Some(station(7, 1)), Some(station(8, 0))];
        let more = compared((proxy(100, 3), proxy(104, 4)), after());
        assert!(!more.agree);
        assert_eq!(
            more.differences[0],
            "the proxy booked 4, the tester counted 3"
        );
        let moved = compared(
            (proxy(100, 3), proxy(103, 4)),
            vec![Some(station(6, 1)), Some(station(9, 0))],
        );
        assert!(
            moved.differences[0].starts_with("b accepted 2, and 1 answers"),
            "{moved:?}"
        );
        let gone = compared(
            (proxy(100, 3), proxy(103, 4)),
            vec![None, Some(station(8, 0))],
        );
        assert!(gone.differences[0].starts_with("a's page"), "{gone:?}");
    }

    #[test]
    fn energy_is_what_grew() {
        let later = Station {
            joules: 3.6e6 * 3.0,
            ..station(1, 0)
        };
        let before = [station(1, 0), station(1, 0)];
        let after = [Some(later), Some(station(1, 0))];
        assert_eq!(delivered_kwh(&before, &after), Some(2.0));
        assert_eq!(delivered_kwh(&before, &[None, None]), None);
    }
}
