//! A report as a page: one HTML file that needs nothing else.
//!
//! From top to bottom it answers the usual questions in their usual order. Did it work? Did the
//! load generator keep up? How long did answers take? Was the load even? Can the figures be
//! trusted?
//!
//! The markup is written with `maud`, which escapes all text: substations choose their own names.

mod charts;
mod sections;
mod tables;

use std::fmt::{self, Display, Formatter};

use maud::{PreEscaped, html};

use crate::format::time_span;
use crate::report::Report;

/// Shows a report as an HTML page without scripts and without anything from a network.
#[derive(Clone, Copy, Debug)]
pub struct Html<'a>(pub &'a Report);

impl Display for Html<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let page = html! {
            (PreEscaped("<!doctype html>\n"))
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (report.scenario) }
                    style {
                        (PreEscaped(include_str!("html/page.css")))
                        (PreEscaped(switchyard_charts::STYLE))
                    }
                }
                body {
                    main {
                        header {
                            h1 { (report.scenario) }
                            p {
                                (report.target) " · seed " (report.seed) " · "
                                (time_span(report.duration_seconds))
                            }
                        }
                        (sections::cards(report))
                        (sections::notices(report))
                        div class="charts" {
                            @for chart in charts::all(report) { (chart.render()) }
                        }
                        (tables::all(report))
                        footer {
                            "Latency counts from when each request was due. requester "
                            (env!("CARGO_PKG_VERSION"))
                        }
                    }
                }
            }
        };
        out.write_str(&page.into_string())?;
        out.write_str("\n")
    }
}

#[cfg(test)]
mod tests;
