//! A report as text for a terminal.

use std::fmt::{self, Formatter, Write};

use crate::format::grouped;
use crate::number::{real, share};
use crate::report::{Latency, Peak, Report, Unplugged};

/// Shows a report as aligned lines with units, and says what limited the result.
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
            writeln!(out, "latency of answers, from when each request was due")?;
            latencies(out, latency)?;
            self.not_answered(out)?;
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
                let rest = format!("{}  {why}", percent(*requests, offered.requests));
                count(out, &kind.replace('_', " "), *requests, &rest)?;
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
        self.labels(out)?;
        self.cars(out)?;
        self.watched(out)?;
        for verdict in &report.checks {
            writeln!(out, "{verdict}")?;
        }
        self.warn(out)
    }
}

impl Summary<'_> {
    /// What the latencies above leave out.
    fn not_answered(self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let (unanswered, all) = (report.unanswered(), report.latency_of_all_seconds);
        let Some(all) = all.filter(|_| unanswered > 0) else {
            return Ok(());
        };
        writeln!(
            out,
            "latency of all requests; {} without an answer are slower than any",
            grouped(unanswered)
        )?;
        for (name, seconds) in [("  p50", all.p50), ("  p99", all.p99)] {
            let text = seconds.map_or_else(
                || "not answered".to_owned(),
                |seconds| format!("{:>11.3} ms", 1000.0 * seconds),
            );
            line(out, name, &text)?;
        }
        Ok(())
    }

    fn tester(self, out: &mut Formatter<'_>) -> fmt::Result {
        let tester = &self.0.tester;
        if let Some(lag) = &tester.lag_seconds {
            let (p99, max) = (1000.0 * lag.p99, 1000.0 * lag.max);
            line(
                out,
                "generator lag",
                &format!("p99 {p99:.3} ms, max {max:.3} ms"),
            )?;
        }
        if let (Some(seconds), Some(share)) = (tester.cpu_seconds, tester.cpu_share) {
            let text = format!("{seconds:.2} s, {:.1} % of a core", 100.0 * share);
            line(out, "generator CPU", &text)?;
        }
        Ok(())
    }

    fn labels(self, out: &mut Formatter<'_>) -> fmt::Result {
        for label in &self.0.labels {
            for (value, counts) in &label.values {
                let mut text = format!("{} booked", grouped(counts.booked));
                for (count, name) in [
                    (counts.refused, "refused"),
                    (counts.no_match, "no match"),
                    (counts.others(), "others"),
                ] {
                    if count > 0 {
                        let _ = write!(text, ", {} {name}", grouped(count));
                    }
                }
                let value = if value.is_empty() { "(none)" } else { value };
                let name = format!("{}={value}", label.name);
                count(out, &name, counts.offered, &text)?;
            }
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
        let mut text = format!(
            "{} kWh asked for, {} booked",
            whole(energy_kwh.asked),
            whole(energy_kwh.booked)
        );
        if let Some(kwh) = grid.as_ref().and_then(|grid| grid.energy_delivered_kwh) {
            let _ = write!(text, ", {} delivered during the run", whole(kwh));
        }
        line(out, "energy", &text)?;
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
            let text = format!(
                "{done} done, {already_over} already over, {failed} failed, {pending} pending"
            );
            count(out, "unplugged", unplugged.planned, &text)?;
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
                &format!("{imbalance}  (highest utilisation ÷ mean, 1 is even)"),
            )?;
            let spread = peak(grid.spread_points, 1.0, 2, " points");
            line(
                out,
                "spread",
                &format!("{spread}  (highest − lowest utilisation, while the mean is below 95 %)"),
            )?;
            let readings = format!("of {} readings", grouped(grid.looks));
            match grid.capacity_violations {
                Some(over) => count(out, "over capacity", over, &readings)?,
                None => line(out, "over capacity", "not measured")?,
            }
            for (name, feeder) in &grid.feeders {
                let load = feeder.load.map_or(0.0, |load| load.peak);
                let percent = 100.0 * feeder.peak_utilisation.unwrap_or(0.0);
                let over = feeder.over_capacity_readings;
                let text = format!(
                    "at most {load:.0} of {:.0}, {percent:.1} %; above it in {over} readings",
                    feeder.capacity
                );
                line(out, name, &text)?;
            }
            if grid.failed_looks > 0 {
                let failed = "readings lacked the load of a substation, and are in no figure";
                count(out, "unread", grid.failed_looks, failed)?;
            }
        }
        if let Some(counters) = &self.0.counters {
            line(out, "counters", &counters.to_string())?;
        }
        Ok(())
    }

    fn warn(self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        for bottleneck in &report.tester.bottlenecks {
            writeln!(out, "Limited by the load generator: {bottleneck}")?;
        }
        for remark in &report.remarks {
            writeln!(out, "{remark}")?;
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
mod tests;
