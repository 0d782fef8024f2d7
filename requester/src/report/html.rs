//! A report to be looked at: one page that needs nothing but itself.
//!
//! From top to bottom it answers what one asks in that order: did it work, did it keep up, how long did it
//! take, did the load lie evenly, and may one believe the figures.

mod chart;
mod charts;
mod escape;
mod scale;
mod tables;

use std::fmt::{self, Display, Formatter};

use super::{Peak, Report};
use crate::number::grouped;
use escape::Escaped;
use scale::{short, span};

/// Shows a report as a page of HTML: one file, no script, nothing from a network.
#[derive(Clone, Copy, Debug)]
pub struct Html<'a>(pub &'a Report);

impl Display for Html<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let scenario = Escaped(&report.scenario);
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{scenario}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n",
            include_str!("html/style.css")
        )?;
        writeln!(
            out,
            "<header><h1>{scenario}</h1><p>{} · seed {} · {}</p></header>",
            Escaped(&report.target),
            report.seed,
            span(report.duration_seconds)
        )?;
        cards(report, out)?;
        says(report, out)?;
        out.write_str("<div class=\"charts\">\n")?;
        for chart in charts::all(report) {
            write!(out, "{chart}")?;
        }
        out.write_str("</div>\n")?;
        tables::all(report, out)?;
        write!(
            out,
            "<footer>Latency counts from when each request was meant to leave. requester {}</footer>\n\
             </main>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        )
    }
}

/// The figures that matter most.
fn cards(report: &Report, out: &mut Formatter<'_>) -> fmt::Result {
    let percent = |part: f64| format!("{} %", short(100.0 * part, 2));
    let mut cards = vec![
        (
            "Offered",
            grouped(report.offered.requests),
            format!("{}/s on average", short(report.offered.rate, 1)),
            "",
        ),
        (
            "Booked",
            grouped(report.succeeded()),
            percent(report.part_of(crate::number::real(report.succeeded()))),
            "",
        ),
        (
            "Refused for want of room",
            grouped(report.refused()),
            percent(report.part_of(crate::number::real(report.refused()))),
            if report.refused() > 0 { "warn" } else { "" },
        ),
        (
            "Lost, without an answer",
            grouped(report.unanswered()),
            format!("{} errors in all", grouped(report.errors())),
            if report.unanswered() > 0 {
                "bad"
            } else {
                "good"
            },
        ),
    ];
    if let Some(latency) = &report.latency_seconds {
        cards.push((
            "Median latency",
            span(latency.p50),
            format!("mean {}", span(latency.mean)),
            "",
        ));
        cards.push((
            "p99 latency",
            span(latency.p99),
            format!("highest {}", span(latency.max)),
            "",
        ));
    }
    let whole = |kwh: f64| match kwh {
        kwh if kwh < 10_000.0 => format!("{} kWh", scale::long(kwh.round())),
        kwh => format!("{} MWh", scale::long((kwh / 1000.0).round())),
    };
    let energy = report.energy_kwh;
    cards.push((
        "Energy booked",
        whole(energy.booked),
        format!("of {} asked for", whole(energy.asked)),
        "",
    ));
    let over = |Peak {
                    peak,
                    time_weighted,
                }: Peak,
                scale: f64,
                digits,
                unit: &str| {
        let say = |value: f64| format!("{}{unit}", short(scale * value, digits));
        (say(peak), say(time_weighted))
    };
    if let Some(grid) = &report.grid {
        if let Some(peak) = grid.utilisation {
            let (peak, mean) = over(peak, 100.0, 1, " %");
            cards.push(("Peak utilisation", peak, format!("{mean} over time"), ""));
        }
        if let Some(imbalance) = grid.imbalance {
            let (peak, mean) = over(imbalance, 1.0, 3, "");
            cards.push((
                "Imbalance, fullest ÷ mean",
                mean,
                format!("peak {peak}; 1 is even"),
                "",
            ));
        }
        if let Some(spread) = grid.spread_points {
            let (peak, mean) = over(spread, 1.0, 2, " points");
            cards.push((
                "Fullest − emptiest, at most",
                peak,
                format!("{mean} over time"),
                "",
            ));
        }
    }
    out.write_str("<div class=\"cards\">\n")?;
    for (name, figure, more, class) in cards {
        writeln!(
            out,
            "<dl class=\"card\" style=\"margin:0\"><dt>{name}</dt><dd class=\"{class}\">{figure}</dd><dd>{more}</dd></dl>"
        )?;
    }
    out.write_str("</div>\n")
}

/// What somebody must not overlook, in sentences.
fn says(report: &Report, out: &mut Formatter<'_>) -> fmt::Result {
    out.write_str("<div class=\"says\">\n")?;
    let mut say = |class: &str, text: &str| {
        writeln!(
            out,
            "<p class=\"say {class}\"><span>{}</span></p>",
            Escaped(text)
        )
    };
    for bottleneck in &report.tester.bottlenecks {
        say(
            "bad",
            &format!("The tester is the bottleneck: {bottleneck}"),
        )?;
    }
    for check in &report.checks {
        let (class, how) = if check.passed {
            ("good", "Passed")
        } else {
            ("bad", "Failed")
        };
        say(
            class,
            &format!("{how}: fail if {}. Found {}.", check.fail_if, check.found),
        )?;
    }
    match report
        .grid
        .as_ref()
        .map(|grid| (grid.capacity_violations, grid.looks))
    {
        Some((0, _)) | None => {}
        Some((violations, looks)) => say(
            "bad",
            &format!("A substation was above its capacity {violations} times in {looks} looks."),
        )?,
    }
    if let Some(counters) = &report.counters {
        let booked = grouped(counters.tester_booked);
        if counters.agree {
            say(
                "good",
                &format!(
                    "Tester, proxy and substations counted the same, to the request: {booked} bookings."
                ),
            )?;
        } else {
            say(
                "bad",
                &format!("The counts differ: {}.", counters.differences.join("; ")),
            )?;
        }
    }
    out.write_str("</div>\n")
}

#[cfg(test)]
#[path = "html/tests.rs"]
mod tests;
