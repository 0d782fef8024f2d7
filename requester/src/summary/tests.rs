//! The summary of a report that is known.

use super::*;
use crate::build_report::tests::report;

#[test]
fn a_summary_has_all_figures_aligned() {
    let mut report = report();
    report.late_starts = 0;
    report.errors.by_kind.insert("not_sent".into(), 0);
    report.tester.bottlenecks.clear();
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
fn a_summary_warns_if_the_generator_was_the_bottleneck() {
    let mut report = report();
    let text = Summary(&report).to_string();
    assert!(
        text.contains("30.8 % of the requests left more than 1 ms late"),
        "{text}"
    );
    assert!(
        text.contains("1 requests found all 100 connections busy"),
        "{text}"
    );
    assert!(text.contains("The 1 requests that timed out"), "{text}");
    report.tester.bottlenecks.clear();
    assert!(!Summary(&report).to_string().contains("BOTTLENECK"));
}
