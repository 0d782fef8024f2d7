//! The charts of a report.

use switchyard_charts::{Axis, Line, LineChart, Scale, Stroke};

use crate::format::{decimal, grouped_decimal, time_span};
use crate::number::{real, share};
use crate::report::{Grid, Moment, Report};

/// The number of colours for substations: all of the style sheet except the first, which is grey.
pub(super) const COLOURS: usize = 7;

/// More substations than this are drawn in one colour, and are not named.
const MAX_NAMED: usize = 7;

/// The names of axes.
const SINCE_START: &str = "time since the start";
const LATENCY: &str = "latency";

/// All charts for which the report has figures.
pub(super) fn all(report: &Report) -> Vec<LineChart> {
    let mut charts = vec![rates(report), latencies(report)];
    if !report.latency_curve.is_empty() {
        charts.push(percentiles(report));
    }
    if let Some(grid) = report
        .grid
        .as_ref()
        .filter(|grid| !grid.samples.at_seconds.is_empty())
    {
        charts.extend([utilisations(grid), loads(grid), imbalance(grid)]);
    }
    charts
}

fn seconds(to: f64) -> Axis {
    Axis {
        scale: Scale::linear(to),
        label: |at| format!("{} s", decimal(at, 1)),
    }
}

/// A point in the middle of each moment.
fn over<'a>(
    moments: &'a [Moment],
    value: impl Fn(&Moment) -> Option<f64> + 'a,
) -> Vec<(f64, Option<f64>)> {
    let points = moments
        .iter()
        .map(|moment| (moment.at_seconds + moment.seconds / 2.0, value(moment)));
    points.collect()
}

fn rates(report: &Report) -> LineChart {
    let timeline = &report.timeline;
    // A last moment that was cut short has too few requests for a rate.
    let moments: Vec<_> = timeline
        .moments
        .iter()
        .filter(|moment| moment.seconds >= timeline.interval_seconds / 2.0)
        .copied()
        .collect();
    let rate =
        |count: fn(&Moment) -> u64| over(&moments, move |m| Some(share(real(count(m)), m.seconds)));
    let mut lines = vec![
        Line::new("offered", 0, rate(|moment| moment.offered)).stroke(Stroke::Area),
        Line::new("answered", 1, rate(|moment| moment.answered)),
    ];
    if report
        .timeline
        .moments
        .iter()
        .any(|moment| moment.refused > 0)
    {
        lines.push(Line::new(
            "answered with an error or a refusal",
            2,
            rate(|moment| moment.refused),
        ));
    }
    if report.unanswered() > 0 {
        lines.push(Line::new("lost", 5, rate(|moment| moment.failed)));
    }
    let highest = lines.iter().flat_map(Line::values).fold(0.0, f64::max);
    LineChart {
        title: "Requests a second".into(),
        about: "Offered and answered requests. Where the lines separate, answers came late or not at all.".into(),
        x: seconds(report.duration_seconds),
        x_name: SINCE_START,
        y: Axis { scale: Scale::linear(highest), label: grouped_decimal },
        y_name: "requests a second",
        lines,
    }
}

fn latencies(report: &Report) -> LineChart {
    let moments = &report.timeline.moments;
    let lines = vec![
        Line::new("max", 0, over(moments, |moment| moment.max_seconds)),
        Line::new("p99", 2, over(moments, |moment| moment.p99_seconds)),
        Line::new("p50", 1, over(moments, |moment| moment.p50_seconds)),
    ];
    LineChart {
        title: "Latency over time".into(),
        about: "From when each request was due to the end of its answer, on a logarithmic scale."
            .into(),
        x: seconds(report.duration_seconds),
        x_name: SINCE_START,
        y: Axis {
            scale: Scale::log(lines.iter().flat_map(Line::values)),
            label: time_span,
        },
        y_name: LATENCY,
        lines,
    }
}

fn percentiles(report: &Report) -> LineChart {
    let curve = report.latency_curve.iter();
    let points: Vec<_> = curve
        .map(|point| (point.percent, Some(point.seconds)))
        .collect();
    let line = Line::new("latency", 1, points).stroke(Stroke::Area);
    LineChart {
        title: "Latency by percentile".into(),
        about: "The latency that each percentage of the answers does not exceed. All nines are equally wide.".into(),
        x: Axis {
            scale: Scale::percentile(report.achieved.requests),
            label: |percent| format!("{} %", decimal(percent, 3)),
        },
        x_name: "part of the answers, %",
        y: Axis { scale: Scale::log(line.values()), label: time_span },
        y_name: LATENCY,
        lines: vec![line.unlisted()],
    }
}

/// A line for each substation, of a value computed from its load and capacity.
fn substations(grid: &Grid, value: impl Fn(f64, Option<f64>) -> Option<f64>) -> Vec<Line> {
    let named = grid.substations.len() <= MAX_NAMED;
    let lines = grid
        .samples
        .load
        .iter()
        .enumerate()
        .map(|(number, (name, loads))| {
            let capacity = grid.substations.get(name).and_then(|load| load.capacity);
            let points = grid.samples.at_seconds.iter().zip(loads);
            let points = points.map(|(at, load)| (*at, value(*load, capacity)));
            let colour = if named { 1 + number % COLOURS } else { 1 };
            let line = Line::new(name, colour, points.collect());
            if named { line } else { line.unlisted() }
        });
    lines.collect()
}

fn end(grid: &Grid) -> f64 {
    grid.samples.at_seconds.last().copied().unwrap_or(1.0)
}

fn utilisations(grid: &Grid) -> LineChart {
    let mut lines = substations(grid, |load, capacity| {
        capacity.map(|capacity| share(load, capacity))
    });
    lines.push(limit("capacity", 0, end(grid), 1.0));
    let highest = lines.iter().flat_map(Line::values).fold(1.0, f64::max);
    LineChart {
        title: "Utilisation of each substation".into(),
        about: "Load divided by capacity. The closer the lines are, the more even is the load."
            .into(),
        x: seconds(end(grid)),
        x_name: SINCE_START,
        y: Axis {
            scale: Scale::linear(highest),
            label: |part| format!("{} %", decimal(100.0 * part, 1)),
        },
        y_name: "utilisation, %",
        lines,
    }
}

fn loads(grid: &Grid) -> LineChart {
    let mut lines = substations(grid, |load, _| Some(load));
    let highest = lines.iter().flat_map(Line::values);
    let capacities = grid.substations.values().filter_map(|load| load.capacity);
    let highest = highest.chain(capacities).fold(0.0, f64::max);
    let limits: Vec<_> = grid
        .substations
        .iter()
        .zip(&lines)
        .filter_map(|((name, station), line)| {
            let limit = limit(
                &format!("{name}'s capacity"),
                line.colour,
                end(grid),
                station.capacity?,
            );
            Some(if line.listed { limit } else { limit.unlisted() })
        })
        .collect();
    lines.extend(limits);
    LineChart {
        title: "Load of each substation".into(),
        about: "In the unit of its gauge. The dotted line of the same colour is its capacity."
            .into(),
        x: seconds(end(grid)),
        x_name: SINCE_START,
        y: Axis {
            scale: Scale::linear(highest),
            label: grouped_decimal,
        },
        y_name: "load, in the unit of the gauge (kW for substations of ours)",
        lines,
    }
}

fn limit(name: &str, colour: usize, end: f64, at: f64) -> Line {
    Line::new(name, colour, vec![(0.0, Some(at)), (end, Some(at))]).stroke(Stroke::Dashed)
}

fn imbalance(grid: &Grid) -> LineChart {
    let samples = &grid.samples;
    let points = samples.at_seconds.iter().enumerate().map(|(number, at)| {
        let each = samples.load.iter().map(|(name, loads)| {
            let capacity = grid.substations.get(name)?.capacity?;
            Some(share(*loads.get(number)?, capacity))
        });
        let parts: Option<Vec<f64>> = each.collect();
        let spread = parts.map(|parts| {
            let highest = parts.iter().copied().fold(0.0, f64::max);
            let lowest = parts.iter().copied().fold(f64::INFINITY, f64::min);
            100.0 * (highest - lowest)
        });
        (*at, spread)
    });
    let line = Line::new("highest − lowest", 2, points.collect()).stroke(Stroke::Area);
    let highest = line.values().fold(2.0, f64::max);
    LineChart {
        title: "Spread".into(),
        about: "The highest utilisation minus the lowest, in percentage points.".into(),
        x: seconds(end(grid)),
        x_name: SINCE_START,
        y: Axis {
            scale: Scale::linear(highest),
            label: |points| decimal(points, 2),
        },
        y_name: "percentage points",
        lines: vec![line.unlisted(), limit("2 points", 0, end(grid), 2.0)],
    }
}
