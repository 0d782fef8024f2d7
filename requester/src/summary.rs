//! A report for people.

use std::fmt::{self, Formatter};

use crate::number::{real, share};
use crate::{Latency, Report};

/// More late starts than this part of all requests, and the tester is what was measured.
const TOO_LATE: f64 = 0.01;

/// Shows a report as aligned lines with units, and says it when the tester was the bottleneck.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(pub &'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let (offered, achieved) = (report.offered, report.achieved);
        line(out, "target", &report.target)?;
        line(out, "seed", &report.seed.to_string())?;
        line(
            out,
            "duration",
            &format!("{:.2} s", report.duration_seconds),
        )?;
        count(
            out,
            "offered",
            offered.requests,
            &format!("{:.1}/s", offered.rate),
        )?;
        count(
            out,
            "answered",
            achieved.requests,
            &format!("{:.1}/s", achieved.rate),
        )?;
        if let Some(latency) = &report.latency_seconds {
            writeln!(
                out,
                "latency of answers, from when each request was meant to leave"
            )?;
            latencies(out, latency)?;
        }
        let percent = |part, whole| format!("{:.2} %", 100.0 * share(real(part), real(whole)));
        for (status, requests) in &report.answers {
            let part = percent(*requests, offered.requests);
            count(out, &format!("status {status}"), *requests, &part)?;
        }
        for (code, requests) in &report.errors.by_code {
            count(out, &format!("  {code}"), *requests, "")?;
        }
        for (kind, requests) in &report.errors.by_kind {
            if *requests > 0 {
                let why = report.errors.first.get(kind).map_or("", String::as_str);
                let told = format!("{}  {why}", percent(*requests, offered.requests));
                count(out, &kind.replace('_', " "), *requests, &told)?;
            }
        }
        for (name, part) in &report.substations {
            count(
                out,
                name,
                part.requests,
                &format!("{:.2} %", 100.0 * part.share),
            )?;
        }
        let opened = format!("opened, at most {} at once", report.connections.limit);
        count(out, "connections", report.connections.opened, &opened)?;
        let late = percent(report.late_starts, offered.requests);
        count(out, "late starts", report.late_starts, &late)?;
        self.warn(out)
    }
}

impl Summary<'_> {
    fn warn(self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let late = share(real(report.late_starts), real(report.offered.requests));
        if late > TOO_LATE {
            writeln!(
                out,
                "THE TESTER IS THE BOTTLENECK: {:.1} % of the requests left more than 1 ms late, and these \
                 latencies contain that. Lower the rate, or give the tester more of a core.",
                100.0 * late
            )?;
        }
        let not_sent = report.errors.by_kind.get("not_sent").copied().unwrap_or(0);
        if not_sent > 0 {
            writeln!(
                out,
                "THE TESTER IS THE BOTTLENECK: {} requests found all {} connections busy and were not sent. \
                 Allow more connections, or lower the rate.",
                grouped(not_sent),
                report.connections.limit
            )?;
        }
        let timed_out = report.errors.by_kind.get("timed_out").copied().unwrap_or(0);
        if timed_out > 0 && report.latency_seconds.is_some() {
            writeln!(
                out,
                "The {} requests that timed out are not among the latencies; they took longer than all.",
                grouped(timed_out)
            )?;
        }
        Ok(())
    }
}

fn line(out: &mut Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(out, "{name:<14}  {value}")
}

fn count(out: &mut Formatter<'_>, name: &str, count: u64, more: &str) -> fmt::Result {
    let line = format!("{name:<14}  {:>11}  {more}", grouped(count));
    writeln!(out, "{}", line.trim_end())
}

fn latencies(out: &mut Formatter<'_>, latency: &Latency) -> fmt::Result {
    for (name, seconds) in [
        ("  mean", latency.mean),
        ("  p50", latency.p50),
        ("  p90", latency.p90),
        ("  p99", latency.p99),
        ("  p99.9", latency.p999),
        ("  max", latency.max),
    ] {
        writeln!(out, "{name:<14}  {:>11.3} ms", 1000.0 * seconds)?;
    }
    Ok(())
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let numbers = [0, 12, 999, 1000, 123_456, 1_234_567];
        let texts = numbers.map(grouped);
        assert_eq!(texts, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
    }

    #[test]
    fn it_says_everything_aligned() {
        let mut report = report();
        report.late_starts = 0;
        report.errors.by_kind.insert("not_sent".into(), 0);
        report.errors.by_kind.insert("timed_out".into(), 0);
        assert_eq!(
            Summary(&report).to_string(),
            "\
target          http://127.0.0.1:8080/request_charge
seed            7
duration        3.00 s
offered                  13  6.5/s
answered                  9  3.0/s
latency of answers, from when each request was meant to leave
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
"
        );
    }

    #[test]
    fn a_tester_that_was_the_bottleneck_says_so() {
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
        report.late_starts = 0;
        report.errors.by_kind.clear();
        assert!(!Summary(&report).to_string().contains("BOTTLENECK"));
    }
}
