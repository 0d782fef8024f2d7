//! Which charts a report has.

use super::chart::{Axis, Chart, Line, Stroke};
use super::scale::{Scale, long, short, span};
use crate::number::{real, share};
use crate::report::{Grid, Moment, Report};

/// Colours of substations: those of the style sheet but the grey.
const COLOURS: usize = 7;

/// More substations than this are drawn in one colour, and not named.
const NAMED: usize = 7;

/// All that there is something to show for.
pub(super) fn all(report: &Report) -> Vec<Chart> {
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
        say: |at| format!("{} s", short(at, 1)),
    }
}

/// Points at the middle of each moment.
fn over<'a>(
    moments: &'a [Moment],
    value: impl Fn(&Moment) -> Option<f64> + 'a,
) -> Vec<(f64, Option<f64>)> {
    let points = moments
        .iter()
        .map(|moment| (moment.at_seconds + moment.seconds / 2.0, value(moment)));
    points.collect()
}

fn rates(report: &Report) -> Chart {
    let timeline = &report.timeline;
    // A last moment that was cut short holds too few requests for a rate.
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
            "of these with an error or a refusal",
            2,
            rate(|moment| moment.refused),
        ));
    }
    if report.unanswered() > 0 {
        lines.push(Line::new("lost", 5, rate(|moment| moment.failed)));
    }
    let highest = lines.iter().flat_map(Line::values).fold(0.0, f64::max);
    Chart {
        title: "Requests a second".into(),
        about: "What was offered, and what was answered. Where the lines part, answers came late or not at all.".into(),
        x: seconds(report.duration_seconds),
        y: Axis { scale: Scale::linear(highest), say: long },
        lines,
    }
}

fn latencies(report: &Report) -> Chart {
    let moments = &report.timeline.moments;
    let lines = vec![
        Line::new("highest", 0, over(moments, |moment| moment.max_seconds)),
        Line::new("p99", 2, over(moments, |moment| moment.p99_seconds)),
        Line::new("median", 1, over(moments, |moment| moment.p50_seconds)),
    ];
    Chart {
        title: "Latency over time".into(),
        about: "From when each request was meant to leave to the end of its answer, on a logarithmic scale.".into(),
        x: seconds(report.duration_seconds),
        y: Axis { scale: Scale::log(lines.iter().flat_map(Line::values)), say: span },
        lines,
    }
}

fn percentiles(report: &Report) -> Chart {
    let curve = report.latency_curve.iter();
    let points: Vec<_> = curve
        .map(|point| (point.percent, Some(point.seconds)))
        .collect();
    let line = Line::new("latency", 1, points).stroke(Stroke::Area);
    Chart {
        title: "Latency by percentile".into(),
        about: "So many percent of the answers came within so much time; each nine is as wide as the one before.".into(),
        x: Axis {
            scale: Scale::percentile(report.achieved.requests),
            say: |percent| short(percent, 3),
        },
        y: Axis { scale: Scale::log(line.values()), say: span },
        lines: vec![line.unlisted()],
    }
}

/// A line for each substation, of what `value` makes of its load and capacity.
fn substations(grid: &Grid, value: impl Fn(f64, Option<f64>) -> Option<f64>) -> Vec<Line> {
    let named = grid.substations.len() <= NAMED;
    let lines = grid
        .samples
        .load
        .iter()
        .enumerate()
        .map(|(number, (name, loads))| {
            let capacity = grid
                .substations
                .get(name)
                .and_then(|station| station.capacity);
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

fn utilisations(grid: &Grid) -> Chart {
    let mut lines = substations(grid, |load, capacity| {
        capacity.map(|capacity| share(load, capacity))
    });
    lines.push(limit("capacity", 0, end(grid), 1.0));
    let highest = lines.iter().flat_map(Line::values).fold(1.0, f64::max);
    Chart {
        title: "How full the substations are".into(),
        about: "Load by capacity. The closer the lines lie together, the evener the load.".into(),
        x: seconds(end(grid)),
        y: Axis {
            scale: Scale::linear(highest),
            say: |part| format!("{} %", short(100.0 * part, 1)),
        },
        lines,
    }
}

fn loads(grid: &Grid) -> Chart {
    let mut lines = substations(grid, |load, _| Some(load));
    let highest = lines.iter().flat_map(Line::values);
    let capacities = grid
        .substations
        .values()
        .filter_map(|station| station.capacity);
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
    Chart {
        title: "Load of each substation".into(),
        about: "In the unit of its gauge; its capacity is the dotted line of the same colour."
            .into(),
        x: seconds(end(grid)),
        y: Axis {
            scale: Scale::linear(highest),
            say: long,
        },
        lines,
    }
}

fn limit(name: &str, colour: usize, end: f64, at: f64) -> Line {
    Line::new(name, colour, vec![(0.0, Some(at)), (end, Some(at))]).stroke(Stroke::Dashed)
}

fn imbalance(grid: &Grid) -> Chart {
    let samples = &grid.samples;
    let points = samples.at_seconds.iter().enumerate().map(|(look, at)| {
        let each = samples.load.iter().map(|(name, loads)| {
            let capacity = grid.substations.get(name)?.capacity?;
            Some(share(*loads.get(look)?, capacity))
        });
        let parts: Option<Vec<f64>> = each.collect();
        let spread = parts.map(|parts| {
            let fullest = parts.iter().copied().fold(0.0, f64::max);
            let emptiest = parts.iter().copied().fold(f64::INFINITY, f64::min);
            100.0 * (fullest - emptiest)
        });
        (*at, spread)
    });
    let line = Line::new("fullest − emptiest", 2, points.collect()).stroke(Stroke::Area);
    let highest = line.values().fold(2.0, f64::max);
    Chart {
        title: "How uneven it is".into(),
        about: "The fullest substation's utilisation minus the emptiest's, in percentage points."
            .into(),
        x: seconds(end(grid)),
        y: Axis {
            scale: Scale::linear(highest),
            say: |points| short(points, 2),
        },
        lines: vec![line.unlisted(), limit("2 points", 0, end(grid), 2.0)],
    }
}
