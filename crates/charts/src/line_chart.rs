//! Lines over an axis, as a figure for a page.

use std::fmt::Write;

use maud::{Markup, html};

use crate::area::{Area, Axis, grid_line, text, units};

/// The size of the picture, in its own units; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 310.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = HEIGHT - 56.0;

/// Labels keep at least this distance from the edge, and from each other.
const GAP: f64 = 8.0;
/// The least space left of the values, so that charts below each other line up.
const LEFT: f64 = 78.0;

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

    fn draw(&self, area: Area, across: Axis, up: Axis) -> Markup {
        let class = match self.stroke {
            Stroke::Line | Stroke::Area => "line",
            Stroke::Dashed => "line dashed",
        };
        let filled = self.stroke == Stroke::Area;
        html! {
            g class={ "c" (self.colour) } {
                title { (self.name) }
                @for run in self.runs(area, across, up) {
                    @if filled { path class="area" d=(area_below(&run, area.bottom)) {} }
                    path class=(class) d=(path(&run)) {}
                }
            }
        }
    }

    /// The unbroken parts of the line, as points of the picture.
    fn runs(&self, area: Area, across: Axis, up: Axis) -> Vec<Vec<(f64, f64)>> {
        let stride = self.points.len().div_ceil(MAX_POINTS).max(1);
        let runs = self.points.split(|(_, value)| value.is_none());
        let runs = runs.filter(|run| !run.is_empty()).map(|run| {
            let last = run.len().saturating_sub(1);
            let points = run.iter().enumerate();
            let points = points.filter(|(number, _)| number % stride == 0 || *number == last);
            let points = points.filter_map(|(_, (at, value))| {
                Some((area.x(across.scale, *at), area.y(up.scale, (*value)?)))
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
    /// What it shows, with its unit.
    pub x_name: &'static str,
    /// The vertical axis.
    pub y: Axis,
    /// What it shows, with its unit.
    pub y_name: &'static str,
    /// The lines; later ones are drawn over earlier ones.
    pub lines: Vec<Line>,
}

impl LineChart {
    /// The chart as an HTML `figure`, for a page with [`STYLE`].
    #[must_use]
    pub fn render(&self) -> Markup {
        let area = self.area();
        html! {
            figure {
                figcaption { h2 { (self.title) } p { (self.about) } }
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (self.title) ". " (self.about) } {
                    (self.axes(area))
                    @for line in &self.lines { (line.draw(area, self.x, self.y)) }
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

    /// The rectangle of the values: all labels around it fit into the picture.
    fn area(&self) -> Area {
        let widest = widest(self.y);
        let last = self.x.scale.ticks().pop();
        let last = last.map_or(0.0, |tick| width(&(self.x.label)(tick)));
        Area {
            left: LEFT.max(widest + 2.0 * GAP),
            right: WIDTH - GAP.max(last / 2.0),
            top: TOP,
            bottom: BOTTOM,
        }
    }

    fn axes(&self, area: Area) -> Markup {
        let ticks = self.x.scale.ticks();
        // Where labels would overlap, only every second or third has one.
        let room = (area.right - area.left) / units_between(ticks.len());
        let stride = stride(widest(self.x) + GAP, room);
        html! {
            (text(GAP, TOP - 16.0, "start", Some("axis"), self.y_name))
            (text(area.right, HEIGHT - 10.0, "end", Some("axis"), self.x_name))
            @for tick in self.y.scale.ticks() {
                @let y = area.y(self.y.scale, tick);
                (grid_line((area.left, y), (area.right, y)))
                (text(area.left - GAP, y + 4.0, "end", None, &(self.y.label)(tick)))
            }
            @for tick in ticks.iter().step_by(stride) {
                @let x = area.x(self.x.scale, *tick);
                (text(x, BOTTOM + 22.0, "middle", None, &(self.x.label)(*tick)))
            }
        }
    }
}

/// The widest label of an axis.
fn widest(axis: Axis) -> f64 {
    let labels = axis.scale.ticks().into_iter().map(axis.label);
    labels.map(|label| width(&label)).fold(0.0, f64::max)
}

/// How wide a text is at most, in units of the picture: in the largest font of the style sheet,
/// which is that of narrow windows, and in a wide typeface.
fn width(text: &str) -> f64 {
    let each = text.chars().map(|character| match character {
        '.' | ',' | ' ' => 6.0,
        '%' | 'm' | 'W' | 'M' => 17.5,
        _ => 11.5,
    });
    each.sum()
}

/// The number of spaces between this many ticks.
fn units_between(ticks: usize) -> f64 {
    u32::try_from(ticks.saturating_sub(1))
        .map_or(1.0, f64::from)
        .max(1.0)
}

/// Every how many ticks there is room for a label. No scale has more than forty ticks.
fn stride(label: f64, room: f64) -> usize {
    let fits = |stride: &u8| f64::from(*stride) * room >= label;
    (1..=40).find(fits).map_or(40, usize::from)
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
fn area_below(points: &[(f64, f64)], floor: f64) -> String {
    let mut around = path(points);
    let floor = units(floor);
    for (x, _) in points.last().into_iter().chain(points.first()) {
        let _ = write!(around, "L{x:.1} {floor}");
    }
    around + "Z"
}

#[cfg(test)]
mod tests;
