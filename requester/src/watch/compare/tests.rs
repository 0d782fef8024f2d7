//! Counters over a run whose requests are known.

use std::time::Duration;

use super::*;
use crate::answer::Answer;
use crate::job::Job;
use crate::watch::pages::tests::station;

fn proxy(booked: u64, refused: u64) -> ProxyPage {
    ProxyPage::read(&format!(
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
        tally.offered(&job);
        tally.answered(&job, Duration::from_millis(1), &Answer::test(status, name));
    }
    tally
}

fn compared(proxies: (ProxyPage, ProxyPage), after: Vec<Option<SubstationPage>>) -> Counters {
    let before = (Some(proxies.0), vec![station(5, 0), station(7, 0)]);
    compare(
        ["a", "b"].into_iter(),
        &before,
        &(Some(proxies.1), after),
        &tally(),
    )
}

#[test]
fn counters_that_are_equal_agree() {
    let after = vec![Some(station(7, 1)), Some(station(8, 0))];
    let found = compared((proxy(100, 3), proxy(103, 4)), after);
    assert!(found.agree, "{found:?}");
    assert_eq!(found.proxy.unwrap().booked, 3);
    assert_eq!(found.substations["a"].accepted, 2);
}

#[test]
fn a_difference_of_one_request_is_reported_with_both_counts() {
    let after = || vec![Some(station(7, 1)), Some(station(8, 0))];
    let more = compared((proxy(100, 3), proxy(104, 4)), after());
    assert!(!more.agree);
    assert_eq!(
        more.differences[0],
        "the proxy booked 4, the load generator counted 3"
    );
    let moved = compared(
        (proxy(100, 3), proxy(103, 4)),
        vec![Some(station(6, 1)), Some(station(9, 0))],
    );
    assert!(
        moved.differences[1].starts_with("b accepted 2, and 1 answers"),
        "{moved:?}"
    );
    let gone = compared(
        (proxy(100, 3), proxy(103, 4)),
        vec![None, Some(station(8, 0))],
    );
    assert!(gone.differences[0].starts_with("a's page"), "{gone:?}");
}

#[test]
fn a_substation_without_counters_is_not_measured_and_does_not_disagree() {
    let foreign = || SubstationPage::read("substation_current_load 11\n");
    let compared = |proxies: (ProxyPage, ProxyPage), after: [SubstationPage; 2]| {
        let before = (Some(proxies.0), vec![foreign(), station(7, 0)]);
        let after = (Some(proxies.1), after.map(Some).into());
        compare(["a", "b"].into_iter(), &before, &after, &tally())
    };
    let proxies = || (proxy(100, 3), proxy(103, 4));
    let found = compared(proxies(), [foreign(), station(8, 0)]);
    assert!(found.agree, "{found:?}");
    assert_eq!(found.not_measured, ["a"]);
    assert_eq!(found.substations.keys().collect::<Vec<_>>(), ["b"]);
    let differs = compared(proxies(), [foreign(), station(9, 0)]);
    assert_eq!(
        differs.differences,
        ["b accepted 2, and 1 answers name it"],
        "the other one is still compared"
    );
    let nothing = || ProxyPage::read("up 1\n");
    let found = compare(
        ["a"].into_iter(),
        &(Some(nothing()), vec![foreign()]),
        &(Some(nothing()), vec![Some(foreign())]),
        &tally(),
    );
    assert!(!found.agree, "nothing was measured: {found:?}");
    assert_eq!(found.not_measured, ["the proxy", "a"]);
    assert!(found.differences.is_empty(), "{found:?}");
}

#[test]
fn a_refusal_hides_no_missing_booking() {
    let found = compared(
        (proxy(100, 3), proxy(103, 4)),
        vec![Some(station(6, 9)), Some(station(9, 0))],
    );
    assert!(
        found.differences[0].starts_with("a accepted 1, and 2 answers name it"),
        "{found:?}"
    );
}

#[test]
fn counters_that_fell_are_a_restart() {
    let found = compared(
        (proxy(100, 3), proxy(103, 4)),
        vec![Some(station(2, 1)), Some(station(8, 0))],
    );
    assert_eq!(
        found.differences,
        ["a's counters fell, so it restarted during the run"]
    );
    assert!(!found.substations.contains_key("a"));
}

#[test]
fn energy_is_the_growth_of_the_counters() {
    let with = |joules| SubstationPage {
        joules,
        ..station(1, 0)
    };
    let before = [station(1, 0), station(1, 0)];
    let after = |joules| [Some(with(joules)), Some(station(1, 0))];
    assert_eq!(delivered_kwh(&before, &after(Some(3.6e6 * 3.0))), Some(2.0));
    assert_eq!(delivered_kwh(&before, &[None, None]), None);
    assert_eq!(delivered_kwh(&before, &after(None)), None, "no counter");
    assert_eq!(delivered_kwh(&before, &after(Some(0.0))), None, "restarted");
    assert_eq!(delivered_kwh(&[], &[]), None, "no substation");
}
