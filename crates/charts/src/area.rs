//! The part of a picture between its axes, and what both kinds of chart draw around it.

use maud::{Markup, html};

use crate::scale::Scale;

/// An axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Where values lie along it.
    pub scale: Scale,
    /// The text at a tick.
    pub label: fn(f64) -> String,
}

/// The rectangle in which values are drawn, in the units of the picture. `y` grows downwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Area {
    pub(crate) fn x(self, scale: Scale, value: f64) -> f64 {
        self.left + scale.position(value) * (self.right - self.left)
    }

    pub(crate) fn y(self, scale: Scale, value: f64) -> f64 {
        self.bottom - scale.position(value) * (self.bottom - self.top)
    }
}

/// A coordinate: a tenth of a unit is finer than any screen.
pub(crate) fn units(value: f64) -> String {
    format!("{value:.1}")
}

/// A line of the grid, from one point to another.
pub(crate) fn grid_line((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Markup {
    html! { line class="grid" x1=(units(x1)) x2=(units(x2)) y1=(units(y1)) y2=(units(y2)) {} }
}

/// A text. `anchor` is the part of it that lies at (x, y): `start`, `middle` or `end`.
pub(crate) fn text(x: f64, y: f64, anchor: &str, class: Option<&str>, content: &str) -> Markup {
    html! { text x=(units(x)) y=(units(y)) class=[class] text-anchor=(anchor) { (content) } }
}
