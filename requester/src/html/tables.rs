//! The figures behind the charts.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::charts::COLOURS;
use crate::format::{decimal, grouped, grouped_decimal, time_span};
use crate::number::real;
use crate::report::Report;

/// The columns of the table of substations.
const COLUMNS: [&str; 8] = [
    "name",
    "answers",
    "share",
    "accepted by its own count",
    "capacity",
    "peak load",
    "peak utilisation",
    "above capacity",
];

/// The columns of the table of feeders.
const FEEDER_COLUMNS: [&str; 5] = [
    "name",
    "capacity",
    "peak load",
    "peak utilisation",
    "above capacity",
];

/// The columns of the table of labels.
const LABEL_COLUMNS: [&str; 6] = [
    "asked for",
    "offered",
    "booked",
    "refused for lack of capacity",
    "no match",
    "others",
];

/// All tables of a report.
pub(super) fn all(report: &Report) -> Markup {
    html! {
        (feeders(report))
        (substations(report))
        (labels(report))
        div class="pair" {
            (outcomes(report))
            (generator(report))
        }
    }
}

fn substations(report: &Report) -> Markup {
    let loads = report.grid.as_ref().map(|grid| &grid.substations);
    let mut names: BTreeSet<_> = report.substations.keys().collect();
    names.extend(loads.into_iter().flatten().map(|(name, _)| name));
    if names.is_empty() {
        return html! {};
    }
    let dash = || "–".to_owned();
    html! {
        section {
            h2 { "Substations" }
            table class="wide" {
                thead { tr { @for name in COLUMNS { th { (name) } } } }
                tbody {
                    @for (number, name) in names.into_iter().enumerate() {
                        @let share = report.substations.get(name);
                        @let load = loads.and_then(|loads| loads.get(name));
                        @let counters = report.counters.as_ref().and_then(|all| all.substations.get(name));
                        @let not_measured = || report.counters.as_ref().map_or_else(dash, |_| "not measured".into());
                        @let cells = [
                            html! { (name) },
                            html! { (share.map_or_else(dash, |share| grouped(share.requests))) },
                            html! { (share.map_or_else(dash, |share| format!("{} %", decimal(100.0 * share.share, 2)))) },
                            html! { (counters.map_or_else(not_measured, |counters| grouped(counters.accepted))) },
                            html! { (load.and_then(|load| load.capacity).map_or_else(dash, grouped_decimal)) },
                            html! { (load.and_then(|load| load.load).map_or_else(dash, |load| grouped_decimal(load.peak))) },
                            load.and_then(|load| load.utilisation)
                                .map_or_else(|| html! { (dash()) }, |part| bar(number, part.peak)),
                            html! {
                                (load.and_then(|load| load.over_capacity_seconds).map_or_else(dash, span_or_never))
                            },
                        ];
                        // In a narrow window each cell is a line, with the name of its column.
                        tr { @for (column, cell) in COLUMNS.iter().zip(cells) { td data-column=(column) { (cell) } } }
                    }
                }
            }
        }
    }
}

/// The limits that several substations share.
fn feeders(report: &Report) -> Markup {
    let feeders = report.grid.as_ref().map(|grid| &grid.feeders);
    let Some(feeders) = feeders.filter(|feeders| !feeders.is_empty()) else {
        return html! {};
    };
    html! {
        section {
            h2 { "Feeders" }
            table class="wide" {
                thead { tr { @for name in FEEDER_COLUMNS { th { (name) } } } }
                tbody {
                    @for (number, (name, feeder)) in feeders.iter().enumerate() {
                        @let cells = [
                            html! { (name) },
                            html! { (grouped_decimal(feeder.capacity)) },
                            html! { (grouped_decimal(feeder.load.map_or(0.0, |load| load.peak))) },
                            bar(number, feeder.peak_utilisation.unwrap_or(0.0)),
                            html! { (span_or_never(feeder.over_capacity_seconds)) },
                        ];
                        tr { @for (column, cell) in FEEDER_COLUMNS.iter().zip(cells) { td data-column=(column) { (cell) } } }
                    }
                }
            }
        }
    }
}

/// What cars asked for, and what became of it.
fn labels(report: &Report) -> Markup {
    if report.labels.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "What cars asked for" }
            table class="wide" {
                thead { tr { @for name in LABEL_COLUMNS { th { (name) } } } }
                tbody {
                    @for label in &report.labels {
                        @for (value, counts) in &label.values {
                            @let value = if value.is_empty() { "(none)" } else { value };
                            @let cells = [
                                format!("{}: {value}", label.name),
                                grouped(counts.offered),
                                grouped(counts.booked),
                                grouped(counts.refused),
                                grouped(counts.no_match),
                                grouped(counts.others()),
                            ];
                            tr { @for (column, cell) in LABEL_COLUMNS.iter().zip(cells) { td data-column=(column) { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

fn span_or_never(seconds: f64) -> String {
    if seconds > 0.0 {
        time_span(seconds)
    } else {
        "never".to_owned()
    }
}

fn bar(number: usize, part: f64) -> Markup {
    let percent = 100.0 * part;
    let width = percent.clamp(0.0, 100.0);
    html! {
        span class={ "bar c" (1 + number % COLOURS) } { b style={ "width:" (format!("{width:.1}")) "%" } {} }
        (decimal(percent, 1)) " %"
    }
}

/// A table of names and figures.
fn rows(title: &str, about: &str, rows: &[(String, String)]) -> Markup {
    html! {
        section {
            h2 { (title) }
            p { (about) }
            table {
                tbody {
                    @for (name, figure) in rows {
                        tr { td { (name) } td { (figure) } }
                    }
                }
            }
        }
    }
}

fn outcomes(report: &Report) -> Markup {
    let part = |count: u64| {
        let percent = decimal(100.0 * report.part_of(real(count)), 2);
        format!("{}  ({percent} %)", grouped(count))
    };
    let kwh = |kwh: f64| format!("{} kWh", grouped_decimal(kwh.round()));
    let mut table = Vec::new();
    let mut row = |name: String, figure: String| table.push((name, figure));
    for (status, count) in &report.answers {
        row(format!("status {status}"), part(*count));
    }
    for (code, count) in &report.errors.by_code {
        row(format!("code {code}"), part(*count));
    }
    for (kind, count) in &report.errors.by_kind {
        let first = report.errors.first.get(kind);
        let why = first.map(|why| format!(": {why}")).unwrap_or_default();
        row(format!("{}{why}", kind.replace('_', " ")), part(*count));
    }
    row("energy asked for".into(), kwh(report.energy_kwh.asked));
    row("energy booked".into(), kwh(report.energy_kwh.booked));
    let grid = report.grid.as_ref();
    if let Some(delivered) = grid.and_then(|grid| grid.energy_delivered_kwh) {
        row("energy delivered during the run".into(), kwh(delivered));
    }
    let malformed = report.malformed;
    if malformed.offered > 0 {
        let (offered, refused) = (grouped(malformed.offered), grouped(malformed.refused));
        row(
            "malformed on purpose".into(),
            format!("{offered}, of which refused {refused}"),
        );
    }
    if let Some(unplugged) = report.unplugged {
        let (done, planned) = (grouped(unplugged.done), grouped(unplugged.planned));
        row("unplugged early".into(), format!("{done} of {planned}"));
    }
    let about = "Each offered request ends in exactly one way.";
    rows("Outcomes", about, &table)
}

fn generator(report: &Report) -> Markup {
    let tester = &report.tester;
    let mut table = Vec::new();
    let mut row = |name: &str, figure: String| table.push((name.to_owned(), figure));
    if let Some(lag) = &tester.lag_seconds {
        for (name, seconds) in [
            ("lag, p50", lag.p50),
            ("lag, p99", lag.p99),
            ("lag, max", lag.max),
        ] {
            row(name, time_span(seconds));
        }
    }
    row("left more than 1 ms late", grouped(report.late_starts));
    if let (Some(seconds), Some(share)) = (tester.cpu_seconds, tester.cpu_share) {
        let percent = decimal(100.0 * share, 1);
        row(
            "CPU time",
            format!("{}, {percent} % of a core", time_span(seconds)),
        );
    }
    let connections = report.connections;
    row(
        "connections opened",
        format!(
            "{}, at most {} at once",
            grouped(connections.opened),
            grouped(connections.limit)
        ),
    );
    let about = "Lag is the part of the latencies that the load generator itself caused. A wait for a new \
                 connection to the target is not part of it.";
    rows("Load generator", about, &table)
}
