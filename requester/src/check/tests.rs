//! Checks against a report that is known.

use super::*;
use crate::build_report::tests::report;

fn passes(check: &str) -> bool {
    check.parse::<Check>().unwrap().judge(&report()).passed
}

#[test]
fn figures_are_compared_in_their_units() {
    // p99 is 9 ms; 4 of 13 have no answer, 1 was refused; 3 answers a second.
    for (check, passed) in [
        ("p99>50ms", true),
        ("p99>9ms", false),
        ("p99 > 0.0091s", true),
        ("max>8000us", false),
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
