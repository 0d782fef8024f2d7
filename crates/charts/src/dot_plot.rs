//! Dots on a common scale, one row each, as an SVG file of its own.

use maud::{Markup, PreEscaped, html};

use crate::area::{Area, Axis, grid_line, text, units};

/// The picture, in its own units.
const WIDTH: f64 = 900.0;
const TOP: f64 = 44.0;
const MARGIN: f64 = 12.0;
/// The height of a row, and the space above a group for its title.
const ROW: f64 = 17.0;
const GAP: f64 = 34.0;

/// A line break between elements, so that the file can be compared line by line.
const BREAK: PreEscaped<&str> = PreEscaped("\n");

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("dot_plot.css"));

/// The colour of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// The best that is possible.
    Reference,
    /// What the picture is about.
    Own,
    /// What it is compared with.
    Other,
}

/// A row: a dot, and a thin line from it to a second value.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name, left of the scale.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// Whether its name stands out.
    pub bold: bool,
    /// The value of the dot.
    pub value: f64,
    /// The value at the end of the line.
    pub extreme: f64,
}

/// Rows under a common title.
#[derive(Clone, Debug)]
pub struct Group {
    /// The title.
    pub title: String,
    /// The rows, from top to bottom.
    pub rows: Vec<Row>,
}

/// A picture of groups of rows on one scale.
#[derive(Clone, Debug)]
pub struct DotPlot {
    /// The heading.
    pub title: String,
    /// What the picture shows. A screen reader reads it out.
    pub about: String,
    /// The scale, horizontal.
    pub x: Axis,
    /// The groups, from top to bottom.
    pub groups: Vec<Group>,
}

impl DotPlot {
    /// The picture as an SVG document, with colours for light and dark screens.
    #[must_use]
    pub fn render(&self) -> String {
        let mut y = TOP;
        let mut rows = Vec::new();
        let area = |bottom| Area {
            left: 190.0,
            right: WIDTH - 30.0,
            top: TOP,
            bottom,
        };
        for group in &self.groups {
            y += GAP;
            rows.push(text(MARGIN, y - 12.0, "start", Some("head"), &group.title));
            for row in &group.rows {
                rows.push(row.draw(area(y), self.x, y + 5.0));
                y += ROW;
            }
        }
        let height = y + 16.0;
        let area = area(height);
        let markup = html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(self.about) {
                (BREAK) style { (BREAK) (STYLE) } (BREAK)
                rect class="page" width=(WIDTH) height=(height) {} (BREAK)
                (text(MARGIN, 18.0, "start", Some("head"), &self.title)) (BREAK)
                @for tick in self.x.scale.ticks() {
                    @let x = area.x(self.x.scale, tick);
                    (grid_line((x, area.top), (x, area.bottom)))
                    (text(x, area.top - 5.0, "middle", Some("quiet"), &(self.x.label)(tick))) (BREAK)
                }
                @for row in &rows { (row) (BREAK) }
            }
            (BREAK)
        };
        markup.into_string()
    }
}

impl Row {
    fn draw(&self, area: Area, axis: Axis, y: f64) -> Markup {
        let tone = match self.tone {
            Tone::Reference => "reference",
            Tone::Own => "own",
            Tone::Other => "other",
        };
        let (dot, end) = (
            area.x(axis.scale, self.value),
            area.x(axis.scale, self.extreme),
        );
        let weight = self.bold.then_some("head");
        html! {
            (text(area.left - 10.0, y + 4.0, "end", weight, &self.name))
            line class={ (tone) " range" } x1=(units(dot)) x2=(units(end)) y1=(units(y)) y2=(units(y)) {}
            circle class=(tone) cx=(units(dot)) cy=(units(y)) r="4" {}
        }
    }
}

#[cfg(test)]
mod tests;
