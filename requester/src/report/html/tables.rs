//! The figures behind the charts.

use std::fmt::{self, Formatter};

use super::escape::Escaped;
use super::scale::{long, short, span};
use crate::number::{grouped, real};
use crate::report::Report;

/// All tables of a report.
pub(super) fn all(report: &Report, out: &mut Formatter<'_>) -> fmt::Result {
    substations(report, out)?;
    out.write_str("<div class=\"pair\">\n")?;
    outcomes(report, out)?;
    tester(report, out)?;
    out.write_str("</div>\n")
}

fn substations(report: &Report, out: &mut Formatter<'_>) -> fmt::Result {
    let mut names: Vec<_> = report.substations.keys().collect();
    if let Some(grid) = &report.grid {
        names.extend(
            grid.substations
                .keys()
                .filter(|name| !report.substations.contains_key(*name)),
        );
    }
    if names.is_empty() {
        return Ok(());
    }
    out.write_str(
        "<section><h2>Substations</h2>\n<table><thead><tr><th>name</th><th>answers</th><th>share</th>\
         <th>accepted by its own count</th><th>capacity</th><th>peak load</th><th>peak utilisation</th>\
         <th>over capacity</th></tr></thead>\n<tbody>\n",
    )?;
    for (number, name) in names.into_iter().enumerate() {
        let dash = || "–".to_owned();
        let part = report.substations.get(name);
        let station = report
            .grid
            .as_ref()
            .and_then(|grid| grid.substations.get(name));
        let counted = report
            .counters
            .as_ref()
            .and_then(|counters| counters.substations.get(name));
        let load = station.and_then(|station| station.load);
        let full = station
            .and_then(|station| station.utilisation)
            .map(|over| over.peak);
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(name),
            part.map_or_else(dash, |part| grouped(part.requests)),
            part.map_or_else(dash, |part| format!("{} %", short(100.0 * part.share, 2))),
            counted.map_or_else(dash, |counted| grouped(counted.accepted)),
            station
                .and_then(|station| station.capacity)
                .map_or_else(dash, long),
            load.map_or_else(dash, |load| long(load.peak)),
            full.map_or_else(dash, |full| bar(number, full)),
            station.map_or_else(dash, |station| span_or_never(station.over_capacity_seconds)),
        )?;
    }
    out.write_str("</tbody></table></section>\n")
}

fn span_or_never(seconds: f64) -> String {
    if seconds > 0.0 {
        span(seconds)
    } else {
        "never".to_owned()
    }
}

fn bar(number: usize, part: f64) -> String {
    format!(
        "<span class=\"bar c{}\"><b style=\"width:{:.1}%\"></b></span>{} %",
        1 + number % 7,
        100.0 * part.clamp(0.0, 1.0),
        short(100.0 * part, 1)
    )
}

/// A table of names and figures.
fn rows(
    title: &str,
    about: &str,
    rows: &[(String, String)],
    out: &mut Formatter<'_>,
) -> fmt::Result {
    writeln!(
        out,
        "<section><h2>{title}</h2><p>{about}</p>\n<table><tbody>"
    )?;
    for (name, figure) in rows {
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td></tr>",
            Escaped(name),
            Escaped(figure)
        )?;
    }
    out.write_str("</tbody></table></section>\n")
}

fn outcomes(report: &Report, out: &mut Formatter<'_>) -> fmt::Result {
    let part = |count: u64| {
        format!(
            "{}  ({} %)",
            grouped(count),
            short(100.0 * report.part_of(real(count)), 2)
        )
    };
    let mut found: Vec<_> = report
        .answers
        .iter()
        .map(|(status, count)| (format!("status {status}"), part(*count)))
        .collect();
    let codes = report.errors.by_code.iter();
    found.extend(codes.map(|(code, count)| (format!("code {code}"), part(*count))));
    for (kind, count) in &report.errors.by_kind {
        let why = report
            .errors
            .first
            .get(kind)
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        found.push((format!("{}{why}", kind.replace('_', " ")), part(*count)));
    }
    let energy = report.energy_kwh;
    found.push((
        "energy asked for".into(),
        format!("{} kWh", long(energy.asked.round())),
    ));
    found.push((
        "energy booked".into(),
        format!("{} kWh", long(energy.booked.round())),
    ));
    if let Some(kwh) = report
        .grid
        .as_ref()
        .and_then(|grid| grid.energy_delivered_kwh)
    {
        found.push((
            "energy delivered during the run".into(),
            format!("{} kWh", long(kwh.round())),
        ));
    }
    if report.malformed.offered > 0 {
        let (offered, refused) = (
            grouped(report.malformed.offered),
            grouped(report.malformed.refused),
        );
        found.push((
            "malformed on purpose".into(),
            format!("{offered}, of which refused {refused}"),
        ));
    }
    if let Some(unplugged) = report.unplugged {
        let (done, planned) = (grouped(unplugged.done), grouped(unplugged.planned));
        found.push(("unplugged early".into(), format!("{done} of {planned}")));
    }
    rows(
        "What became of them",
        "Each offered request ends in exactly one way.",
        &found,
        out,
    )
}

fn tester(report: &Report, out: &mut Formatter<'_>) -> fmt::Result {
    let tester = &report.tester;
    let mut found = Vec::new();
    if let Some(lag) = &tester.lag_seconds {
        found.push(("lag: median".to_owned(), span(lag.p50)));
        found.push(("lag: p99".to_owned(), span(lag.p99)));
        found.push(("lag: highest".to_owned(), span(lag.max)));
    }
    found.push((
        "left more than 1 ms late".into(),
        grouped(report.late_starts),
    ));
    if let (Some(seconds), Some(share)) = (tester.cpu_seconds, tester.cpu_share) {
        found.push((
            "processor time".into(),
            format!("{}, {} % of a core", span(seconds), short(100.0 * share, 1)),
        ));
    }
    let connections = report.connections;
    let limit = grouped(u64::try_from(connections.limit).unwrap_or(u64::MAX));
    found.push((
        "connections opened".into(),
        format!("{} of at most {limit} at once", grouped(connections.opened)),
    ));
    let about = "Lag is the part of the latencies that is the tester's own: from when a request was meant to leave \
                 to when a connection took it.";
    rows("The tester itself", about, &found, out)
}
