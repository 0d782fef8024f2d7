//! A report for people.

use std::fmt::{self, Formatter, Write};

use crate::number::{grouped, real, share};
use crate::report::{Latency, Peak, Report, Unplugged};

/// Shows a report as aligned lines with units, and says it when the tester was the bottleneck.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(pub &'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let (offered, achieved) = (report.offered, report.achieved);
        line(out, "target", &report.target)?;
        line(out, "load", &report.scenario)?;
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
        self.tester(out)?;
        self.cars(out)?;
        self.watched(out)?;
        for verdict in &report.checks {
            writeln!(out, "{verdict}")?;
        }
        self.warn(out)
    }
}

impl Summary<'_> {
    fn tester(self, out: &mut Formatter<'_>) -> fmt::Result {
        let tester = &self.0.tester;
        if let Some(lag) = &tester.lag_seconds {
            let (p99, max) = (1000.0 * lag.p99, 1000.0 * lag.max);
            line(
                out,
                "tester's lag",
                &format!("p99 {p99:.3} ms, max {max:.3} ms"),
            )?;
        }
        if let (Some(seconds), Some(share)) = (tester.cpu_seconds, tester.cpu_share) {
            let told = format!("{seconds:.2} s, {:.1} % of a core", 100.0 * share);
            line(out, "tester's CPU", &told)?;
        }
        Ok(())
    }

    fn cars(self, out: &mut Formatter<'_>) -> fmt::Result {
        let Report {
            energy_kwh,
            malformed,
            unplugged,
            grid,
            ..
        } = self.0;
        let whole = |kwh: f64| format!("{kwh:.0}");
        let mut told = format!(
            "{} kWh asked, {} booked",
            whole(energy_kwh.asked),
            whole(energy_kwh.booked)
        );
        if let Some(kwh) = grid.as_ref().and_then(|grid| grid.energy_delivered_kwh) {
            let _ = write!(told, ", {} delivered during the run", whole(kwh));
        }
        line(out, "energy", &told)?;
        if malformed.offered > 0 {
            count(
                out,
                "malformed",
                malformed.offered,
                &format!("{} refused", grouped(malformed.refused)),
            )?;
        }
        if let Some(unplugged) = unplugged {
            let Unplugged {
                done,
                already_over,
                failed,
                pending,
                ..
            } = unplugged;
            let told = format!(
                "{done} done, {already_over} already over, {failed} failed, {pending} pending"
            );
            count(out, "unplugged", unplugged.planned, &told)?;
        }
        Ok(())
    }

    fn watched(self, out: &mut Formatter<'_>) -> fmt::Result {
        if let Some(grid) = &self.0.grid {
            let peak = |peak: Option<Peak>, scale: f64, digits: usize, unit: &str| {
                peak.map_or_else(
                    || "-".to_owned(),
                    |Peak {
                         peak,
                         time_weighted,
                     }| {
                        let (peak, mean) = (scale * peak, scale * time_weighted);
                        format!("peak {peak:.digits$}{unit}, over time {mean:.digits$}{unit}")
                    },
                )
            };
            line(out, "utilisation", &peak(grid.utilisation, 100.0, 1, " %"))?;
            let imbalance = peak(grid.imbalance, 1.0, 3, "");
            line(
                out,
                "imbalance",
                &format!("{imbalance}  (fullest ÷ mean, 1 is even)"),
            )?;
            let spread = peak(grid.spread_points, 1.0, 2, " points");
            line(
                out,
                "spread",
                &format!("{spread}  (fullest − emptiest, while there is room)"),
            )?;
            let over = grid.capacity_violations;
            count(
                out,
                "over capacity",
                over,
                &format!("of {} looks", grouped(grid.looks)),
            )?;
        }
        if let Some(counters) = &self.0.counters {
            let told = if counters.agree {
                format!("all agree on {} bookings", grouped(counters.tester_booked))
            } else {
                counters.differences.join("; ")
            };
            line(out, "counters", &told)?;
        }
        Ok(())
    }

    fn warn(self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        for bottleneck in &report.tester.bottlenecks {
            writeln!(out, "THE TESTER IS THE BOTTLENECK: {bottleneck}")?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn it_says_everything_aligned() {
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
tester's lag    p99 2.000 ms, max 2.000 ms
tester's CPU    0.30 s, 10.0 % of a core
energy          130 kWh asked, 80 booked
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
        report.tester.bottlenecks.clear();
        assert!(!Summary(&report).to_string().contains("BOTTLENECK"));
    }
}
