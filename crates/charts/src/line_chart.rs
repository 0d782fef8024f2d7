//! Lines over an axis, as a figure for a page.

use std::fmt::Write;

use maud::{Markup, html};

use crate::area::{Area, Axis, grid_line, text, units};

/// The size of the picture, in its own units; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
const AREA: Area = Area {
    left: 78.0,
    right: WIDTH - 16.0,
    top: 14.0,
    bottom: HEIGHT - 34.0,
};

/// The most points of a line; more would not be visible.
const MAX_POINTS: usize = 600;

/// The style sheet of a line chart. The page defines the custom properties that it uses: `--soft`
/// (text), `--rule` (grid), and the colours of the lines, `--c0` to `--c7`.
pub const STYLE: &str = include_str!("line_chart.css");

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stroke {
    /// A line.
    Line,
    /// A line with a filled area below it.
    Area,
    /// A dashed line, for a value that is given and not measured.
    Dashed,
}

/// A line of a chart.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// The number of its colour in the style sheet, 0 to 7.
    pub colour: usize,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Its points. A missing value breaks the line.
    pub points: Vec<(f64, Option<f64>)>,
    /// Whether it is in the legend.
    pub listed: bool,
}

impl Line {
    /// A plain line that is in the legend.
    #[must_use]
    pub fn new(name: &str, colour: usize, points: Vec<(f64, Option<f64>)>) -> Self {
        Self {
            name: name.to_owned(),
            colour,
            stroke: Stroke::Line,
            points,
            listed: true,
        }
    }

    /// The same line with another stroke.
    #[must_use]
    pub fn stroke(self, stroke: Stroke) -> Self {
        Self { stroke, ..self }
    }

    /// The same line without a legend entry.
    #[must_use]
    pub fn unlisted(self) -> Self {
        Self {
            listed: false,
            ..self
        }
    }

    /// The values that are not missing.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, value)| *value)
    }

    fn draw(&self, across: Axis, up: Axis) -> Markup {
        let class = match self.stroke {
            Stroke::Line | Stroke::Area => "line",
            Stroke::Dashed => "line dashed",
        };
        let filled = self.stroke == Stroke::Area;
        html! {
            g class={ "c" (self.colour) } {
                title { (self.name) }
                @for run in self.runs(across, up) {
                    @if filled { path class="area" d=(area_below(&run)) {} }
                    path class=(class) d=(path(&run)) {}
                }
            }
        }
    }

    /// The unbroken parts of the line, as points of the picture.
    fn runs(&self, across: Axis, up: Axis) -> Vec<Vec<(f64, f64)>> {
        let stride = self.points.len().div_ceil(MAX_POINTS).max(1);
        let runs = self.points.split(|(_, value)| value.is_none());
        let runs = runs.filter(|run| !run.is_empty()).map(|run| {
            let last = run.len().saturating_sub(1);
            let points = run.iter().enumerate();
            let points = points.filter(|(number, _)| number % stride == 0 || *number == last);
            let points = points.filter_map(|(_, (at, value))| {
                Some((AREA.x(across.scale, *at), AREA.y(up.scale, (*value)?)))
            });
            points.collect()
        });
        runs.collect()
    }
}

/// A chart with its title, axes and legend.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// The title.
    pub title: String,
    /// One sentence about what the chart shows. A screen reader reads it out.
    pub about: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines; later ones are drawn over earlier ones.
    pub lines: Vec<Line>,
}

impl LineChart {
    /// The chart as an HTML `figure`, for a page with [`STYLE`].
    #[must_use]
    pub fn render(&self) -> Markup {
        html! {
            figure {
                figcaption { h2 { (self.title) } p { (self.about) } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (self.title) ". " (self.about) } {
                    (self.axes())
                    @for line in &self.lines { (line.draw(self.x, self.y)) }
                }
                ul class="legend" {
                    @for line in self.lines.iter().filter(|line| line.listed) {
                        @let dashed = (line.stroke == Stroke::Dashed).then_some("dashed");
                        li { i class={ "k" (line.colour) @if let Some(dashed) = dashed { " " (dashed) } } {} (line.name) }
                    }
                }
            }
        }
    }

    fn axes(&self) -> Markup {
        let ticks = self.x.scale.ticks();
        html! {
            @for tick in self.y.scale.ticks() {
                @let y = AREA.y(self.y.scale, tick);
                (grid_line((AREA.left, y), (AREA.right, y)))
                (text(AREA.left - 8.0, y + 4.0, "end", None, &(self.y.label)(tick)))
            }
            @for (number, tick) in ticks.iter().enumerate() {
                @let x = AREA.x(self.x.scale, *tick);
                // The last label ends at the edge instead of beyond it.
                @let anchor = if number + 1 == ticks.len() { "end" } else { "middle" };
                (text(x, HEIGHT - 12.0, anchor, None, &(self.x.label)(*tick)))
            }
        }
    }
}

/// The path through these points.
fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (number, (x, y)) in points.iter().enumerate() {
        let command = if number == 0 { "M" } else { "L" };
        // Writing to a string cannot fail.
        let _ = write!(path, "{command}{x:.1} {y:.1}");
    }
    // A single point becomes a dot, by its round cap.
    if let [(x, y)] = points {
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    path
}

/// The path around the area below these points.
fn area_below(points: &[(f64, f64)]) -> String {
    let mut around = path(points);
    let floor = units(AREA.bottom);
    for (x, _) in points.last().into_iter().chain(points.first()) {
        let _ = write!(around, "L{x:.1} {floor}");
    }
    around + "Z"
}

#[cfg(test)]
mod tests;
