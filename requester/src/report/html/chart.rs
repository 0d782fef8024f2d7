//! A chart, drawn as SVG.
//!
//! Drawn here rather than by a crate: what is needed is lines over an axis, and what matters is that the
//! picture takes its colours from the page, so that it is as good on a dark screen as on a light one. No
//! crate for charts leaves those to a style sheet.

use std::fmt::{self, Display, Formatter};

use super::escape::Escaped;
use super::scale::Scale;

/// The picture, in its own units; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;

/// More points than the picture has places for are thinned out.
const POINTS: usize = 600;

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stroke {
    /// A line.
    Line,
    /// A line, and what is below it filled.
    Area,
    /// A dashed line, of what is not measured but given.
    Dashed,
}

/// A line of a chart.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What it is, for the legend.
    pub(super) name: String,
    /// The number of its colour in the style sheet.
    pub(super) colour: usize,
    pub(super) stroke: Stroke,
    /// Where something is missing, the line is broken.
    pub(super) points: Vec<(f64, Option<f64>)>,
    /// It has a place in the legend.
    pub(super) listed: bool,
}

impl Line {
    pub(super) fn new(name: &str, colour: usize, points: Vec<(f64, Option<f64>)>) -> Self {
        Self {
            name: name.to_owned(),
            colour,
            stroke: Stroke::Line,
            points,
            listed: true,
        }
    }

    pub(super) fn stroke(self, stroke: Stroke) -> Self {
        Self { stroke, ..self }
    }

    pub(super) fn unlisted(self) -> Self {
        Self {
            listed: false,
            ..self
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }
}

/// An axis.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    /// How a tick is said.
    pub(super) say: fn(f64) -> String,
}

/// A chart with all that stands around it.
pub(super) struct Chart {
    pub(super) title: String,
    /// One sentence: what to look for. Also what a screen reader says.
    pub(super) about: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

impl Display for Chart {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (title, about) = (Escaped(&self.title), Escaped(&self.about));
        write!(
            out,
            "<figure><figcaption><h2>{title}</h2><p>{about}</p></figcaption>"
        )?;
        write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}. {about}\">"
        )?;
        self.grid(out)?;
        for line in &self.lines {
            draw(line, self.x.scale, self.y.scale, out)?;
        }
        out.write_str("</svg>")?;
        let listed = self.lines.iter().filter(|line| line.listed);
        out.write_str("<ul class=\"legend\">")?;
        for line in listed {
            let dashed = if line.stroke == Stroke::Dashed {
                " dashed"
            } else {
                ""
            };
            write!(
                out,
                "<li><i class=\"k{}{dashed}\"></i>{}</li>",
                line.colour,
                Escaped(&line.name)
            )?;
        }
        out.write_str("</ul></figure>\n")
    }
}

impl Chart {
    fn grid(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for tick in self.y.scale.ticks() {
            let y = y(self.y.scale, tick);
            let said = (self.y.say)(tick);
            write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            )?;
            write!(
                out,
                "<text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                Escaped(&said)
            )?;
        }
        let ticks = self.x.scale.ticks();
        for (number, tick) in ticks.iter().enumerate() {
            let x = x(self.x.scale, *tick);
            let said = (self.x.say)(*tick);
            // The last one ends at the edge rather than beyond it.
            let class = if number + 1 == ticks.len() {
                "end"
            } else {
                "middle"
            };
            write!(
                out,
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.0}\">{}</text>",
                HEIGHT - 12.0,
                Escaped(&said)
            )?;
        }
        Ok(())
    }
}

fn x(scale: Scale, value: f64) -> f64 {
    LEFT + scale.place(value) * (WIDTH - LEFT - RIGHT)
}

fn y(scale: Scale, value: f64) -> f64 {
    HEIGHT - BOTTOM - scale.place(value) * (HEIGHT - TOP - BOTTOM)
}

fn draw(line: &Line, across: Scale, up: Scale, out: &mut Formatter<'_>) -> fmt::Result {
    let class = match line.stroke {
        Stroke::Line | Stroke::Area => "line",
        Stroke::Dashed => "line dashed",
    };
    write!(
        out,
        "<g class=\"c{}\"><title>{}</title>",
        line.colour,
        Escaped(&line.name)
    )?;
    let stride = line.points.len().div_ceil(POINTS).max(1);
    for run in line.points.split(|(_, value)| value.is_none()) {
        let last = run.len().saturating_sub(1);
        let points = run.iter().enumerate();
        let points = points.filter(|(number, _)| number % stride == 0 || *number == last);
        let points: Vec<_> = points
            .filter_map(|(_, (at, value))| Some((x(across, *at), y(up, (*value)?))))
            .collect();
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            continue;
        };
        let path = Path(&points);
        if line.stroke == Stroke::Area {
            let floor = HEIGHT - BOTTOM;
            write!(
                out,
                "<path class=\"area\" d=\"{path}L{:.1} {floor:.1}L{:.1} {floor:.1}Z\"/>",
                last.0, first.0
            )?;
        }
        write!(out, "<path class=\"{class}\" d=\"{path}\"/>")?;
    }
    out.write_str("</g>")
}

/// The points of a line, as the attribute of a path says them.
struct Path<'a>(&'a [(f64, f64)]);

impl Display for Path<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (number, (x, y)) in self.0.iter().enumerate() {
            let how = if number == 0 { "M" } else { "L" };
            write!(out, "{how}{x:.1} {y:.1}")?;
        }
        // A single point is a dot, which a round cap draws.
        if let [(x, y)] = self.0 {
            write!(out, "L{x:.1} {y:.1}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::scale::short;

    fn chart(points: Vec<(f64, Option<f64>)>) -> String {
        let say = |value| short(value, 1);
        let chart = Chart {
            title: "Load <a>".into(),
            about: "how much".into(),
            x: Axis {
                scale: Scale::linear(10.0),
                say,
            },
            y: Axis {
                scale: Scale::linear(100.0),
                say,
            },
            lines: vec![Line::new("one \"&\" only", 3, points).stroke(Stroke::Area)],
        };
        chart.to_string()
    }

    #[test]
    fn a_value_lies_between_its_ticks() {
        let svg = chart(vec![(0.0, Some(0.0)), (10.0, Some(100.0))]);
        assert!(svg.contains("d=\"M78.0 246.0L624.0 14.0\""), "{svg}");
        assert!(
            svg.contains(">100</text>") && svg.contains(">20</text>"),
            "{svg}"
        );
    }

    #[test]
    fn a_gap_breaks_the_line_and_a_lone_point_is_still_seen() {
        let svg = chart(vec![(0.0, Some(0.0)), (1.0, None), (5.0, Some(50.0))]);
        assert_eq!(svg.matches("class=\"line\"").count(), 2, "{svg}");
        assert!(svg.contains("M351.0 130.0L351.0 130.0"), "{svg}");
    }

    #[test]
    fn names_are_text_and_no_markup() {
        let svg = chart(vec![]);
        assert!(
            svg.contains("Load &lt;a&gt;") && svg.contains("one &quot;&amp;&quot; only"),
            "{svg}"
        );
    }

    #[test]
    fn ever_so_many_points_make_a_picture_and_not_a_book() {
        let points = (0..100_000)
            .map(|at| (f64::from(at) / 1e4, Some(1.0)))
            .collect();
        assert!(chart(points).len() < 40_000);
    }
}
