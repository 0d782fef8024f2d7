//! Charts as SVG: a [`LineChart`] is a part of a page, a [`DotPlot`] is a file of its own.
//!
//! They are drawn here, and not by a charting crate, for two reasons. Only two simple kinds of
//! chart are needed. And a chart takes its colours from a style sheet, so that it looks as good on
//! a dark screen as on a light one; charting crates write colours into the picture.
//!
//! Markup is written with `maud`, which escapes all text: names in a chart may come from outside.
//!
//! ```
//! use switchyard_charts::{Axis, Line, LineChart, Scale, Stroke};
//!
//! let label = |value| format!("{value}");
//! let chart = LineChart {
//!     title: "Requests a second".into(),
//!     about: "What was offered.".into(),
//!     x: Axis { scale: Scale::linear(60.0), label },
//!     x_name: "seconds",
//!     y: Axis { scale: Scale::linear(730.0), label },
//!     y_name: "requests a second",
//!     lines: vec![Line::new("offered", 0, vec![(0.0, Some(0.0)), (60.0, Some(730.0))]).stroke(Stroke::Area)],
//! };
//! assert!(chart.render().into_string().contains("<svg"));
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::float_cmp,
        reason = "the positions that the tests compare are exact"
    )
)]

mod area;
mod dot_plot;
mod line_chart;
mod scale;

pub use area::Axis;
pub use dot_plot::{DotPlot, Group, Row, Tone};
pub use line_chart::{Line, LineChart, STYLE, Stroke};
pub use scale::Scale;
