//! Checks against a report that is known.

use super::*;
use crate::build_report::tests::{report, watched_report};
use crate::report::Counters;

fn passes(check: &str) -> bool {
    check.parse::<Check>().unwrap().judge(&report()).passed
}

#[test]
fn figures_are_compared_in_their_units() {
    // p50 is 7 ms; 4 of 13 have no answer, 1 was refused; 3 answers a second.
    for (check, passed) in [
        ("p50>50ms", true),
        ("p50>6.9ms", false),
        ("p50 > 0.0071s", true),
        ("p50>6000us", false),
        ("p50<1ms", true),
        ("errors>30%", false),
        ("errors>31%", true),
        ("errors>3", false),
        ("errors>4", true),
        ("lost>4", true),
        ("refused>7.6%", false),
        ("rate<3.1/s", false),
        ("rate<2.9/s", true),
    ] {
        assert_eq!(passes(check), passed, "{check}");
    }
}

#[test]
fn a_request_without_an_answer_is_slower_than_any_limit() {
    for figure in ["p90", "p99", "p99.9", "max", "mean"] {
        let check: Check = format!("{figure}>1000s").parse().unwrap();
        let verdict = check.judge(&report());
        assert!(!verdict.passed, "{figure}: {verdict}");
        assert_eq!(
            verdict.found, "above any limit, because 4 of 13 requests were not answered",
            "{figure}"
        );
    }
    let mut unanswered = report();
    unanswered.latency_seconds = None;
    for check in ["p50>1s", "p50<1s"] {
        let verdict = check.parse::<Check>().unwrap().judge(&unanswered);
        assert!(!verdict.passed, "no answer at all: {verdict}");
    }
}

#[test]
fn counters_that_disagree_fail_a_run_and_so_do_missing_ones() {
    let judge = |change: fn(&mut Counters)| {
        let mut report = watched_report();
        report.counters.iter_mut().for_each(change);
        let check: Check = "disagreements>0".parse().unwrap();
        check.judge(&report)
    };
    assert!(judge(|_| {}).passed);
    let differ = judge(|counters| {
        counters.agree = false;
        counters.differences.push("the proxy booked 9".into());
    });
    assert_eq!((differ.passed, differ.found.as_str()), (false, "1"));
    let unmeasured = judge(|counters| {
        counters.agree = false;
        counters.not_measured.push("the proxy".into());
    });
    assert_eq!(
        (unmeasured.passed, unmeasured.found.as_str()),
        (false, "nothing measured")
    );
}

#[test]
fn a_substation_that_was_not_measured_passes_no_check() {
    let mut report = watched_report();
    let passes =
        |report: &Report, check: &str| check.parse::<Check>().unwrap().judge(report).passed;
    for check in ["violations>0", "utilisation>95%", "unread>0%"] {
        assert!(passes(&report, check), "{check}");
    }
    let grid = report.grid.as_mut().unwrap();
    grid.capacity_violations = None;
    grid.failed_looks = 1;
    grid.substations.get_mut("substation1").unwrap().utilisation = None;
    for check in ["violations>0", "utilisation>95%", "unread>20%"] {
        assert!(!passes(&report, check), "{check}");
    }
}

#[test]
fn a_figure_that_was_not_measured_fails() {
    assert!(!passes("imbalance>1.1"), "no substation was watched");
    let verdict = "spread>2".parse::<Check>().unwrap().judge(&report());
    assert_eq!(
        verdict.to_string(),
        "FAILED          fail if spread>2: nothing measured"
    );
}

#[test]
fn an_invalid_check_is_explained() {
    for (check, message) in [
        ("", "must be a figure, > or <"),
        ("p99", "must be a figure, > or <"),
        ("p99>", "must be a figure, > or <"),
        ("p99>=50ms", "\"=50ms\" cannot be compared with p99"),
        ("p99>>50ms", "must be a figure, > or <"),
        ("p98>50ms", "\"p98\" is not a figure; known are p50, p90"),
        ("p99>50", "a number and s, ms or us"),
        ("p99>-1ms", "a number and s, ms or us"),
        ("p99>infs", "a number and s, ms or us"),
        ("errors>0.1ms", "a part of all requests"),
        ("rate<5", "a number and /s"),
        ("utilisation>1", "a percentage"),
    ] {
        let error = check.parse::<Check>().unwrap_err().to_string();
        assert!(error.contains(message), "{check}: {error}");
    }
}
