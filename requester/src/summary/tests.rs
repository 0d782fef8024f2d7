//! The summary of a report that is known.

use super::*;
use crate::build_report::tests::{report, watched_report};

#[test]
fn a_summary_has_all_figures_aligned() {
    let mut report = report();
    report.late_starts = 0;
    report.errors.by_kind.insert("not_sent".into(), 0);
    report.tester.bottlenecks.clear();
    report.remarks.clear();
    report.errors.by_kind.insert("timed_out".into(), 0);
    assert_eq!(
        Summary(&report).to_string(),
        "\
target          http://127.0.0.1:8080/request_charge
load            steady 6.5/s
seed            7
duration        3.00 s
offered                  13  6.5/s
answered                  9  3.0/s
latency of answers, from when each request was due
  mean                5.002 ms
  p50                 5.003 ms
  p90                 9.007 ms
  p99                 9.007 ms
  p99.9               9.007 ms
  max                 9.007 ms
latency of all requests; 2 without an answer are slower than any
  p50                 7.003 ms
  p99           not answered
status 200                8  61.54 %
status 503                1  7.69 %
  no_capacity             1
broken                    1  7.69 %  first broken
connect                   1  7.69 %  first connect
substation1               6  75.00 %
substation2               2  25.00 %
connections               3  opened, at most 100 at once
late starts               0  0.00 %
generator lag   p99 2.000 ms, max 2.000 ms
generator CPU   0.30 s, 10.0 % of a core
energy          130 kWh asked for, 80 booked
"
    );
}

#[test]
fn a_summary_says_what_limited_the_result() {
    let mut report = report();
    report.tester.bottlenecks = vec!["It was late.".into()];
    report.remarks = vec!["The target did not keep up.".into()];
    let text = Summary(&report).to_string();
    assert!(
        text.ends_with(
            "Limited by the load generator: It was late.\nThe target did not keep up.\n"
        ),
        "{text}"
    );
    report.tester.bottlenecks.clear();
    assert!(!Summary(&report).to_string().contains("Limited"));
}

#[test]
fn what_was_not_measured_is_not_zero() {
    let mut report = watched_report();
    let grid = report.grid.as_mut().unwrap();
    (grid.capacity_violations, grid.failed_looks) = (None, 4);
    let counters = report.counters.as_mut().unwrap();
    counters.not_measured = vec!["substation2".into()];
    let text = Summary(&report).to_string();
    for line in [
        "over capacity   not measured\n",
        "unread                    4  readings lacked the load of a substation, and are in no figure\n",
        "counters        all agree on 8 bookings; not measured: substation2\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}
