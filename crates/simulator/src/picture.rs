//! The outcomes as a picture (SVG): for each scenario a row of dots, one for each contender.
//!
//! What is drawn is the excess of the fullest substation over the mean, on a logarithmic scale: a dot for the
//! average over time, and a thin line that ends at the worst moment.

use std::fmt::Write;

use switchyard_balance::Policy;

use crate::{Contender, Outcome, Trial};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 44.0;
const LINE: f64 = 17.0;
const GAP: f64 = 34.0;
/// The scale's ends: an excess of a tenth of a per cent, and of a hundredfold.
const FROM: f64 = 0.001;
const TO: f64 = 100.0;
const TICKS: [(f64, &str); 6] = [
    (0.001, "0.1 %"),
    (0.01, "1 %"),
    (0.1, "10 %"),
    (1.0, "100 %"),
    (10.0, "10 ×"),
    (100.0, "100 ×"),
];

const STYLE: &str = "\
svg { color: #1f2328; font: 12px system-ui, sans-serif; } .page { fill: #ffffff; }
text { fill: currentColor; } .head { font-weight: 600; font-size: 13px; } .quiet { opacity: .7; }
.grid { stroke: currentColor; opacity: .15; }
.other { fill: #8a6d1d; stroke: #8a6d1d; } .ledger { fill: #0969da; stroke: #0969da; }
.best { fill: #1a7f37; stroke: #1a7f37; } .range { stroke-width: 1.5; opacity: .55; }
@media (prefers-color-scheme: dark) {
svg { color: #e6edf3; } .page { fill: #0d1117; }
.other { fill: #d4a72c; stroke: #d4a72c; } .ledger { fill: #4493f8; stroke: #4493f8; }
.best { fill: #3fb950; stroke: #3fb950; }
}
";

/// Draws all trials, one below the other.
#[must_use]
pub fn svg(trials: &[Trial]) -> String {
    let mut y = TOP;
    let mut rows = String::new();
    for trial in trials {
        y += GAP;
        rows += &text(12.0, y - 12.0, "head", "start", trial.scenario.about);
        for (contender, outcome) in &trial.outcomes {
            rows += &row(*contender, outcome, y + 5.0);
            y += LINE;
        }
    }
    let height = y + 16.0;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Excess of the fullest substation over the mean\">\n<style>\n{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" class=\"page\"/>\n"
    );
    let title = "How far the fullest substation stands above the mean: average over time (dot) to worst moment";
    picture += &text(12.0, 18.0, "head", "start", title);
    for (excess, label) in TICKS {
        let x = x(excess);
        let _ = writeln!(
            picture,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height}\"/>"
        );
        picture += &text(x, TOP - 5.0, "quiet", "middle", label);
    }
    picture + &rows + "</svg>\n"
}

fn row(contender: Contender, outcome: &Outcome, y: f64) -> String {
    let class = match contender {
        Contender::Oracle => "best",
        Contender::Ledger(_) => "ledger",
        _ => "other",
    };
    let weight = match contender {
        Contender::Ledger(Policy::LeastLoad) => "head",
        _ => "plain",
    };
    let average = x(outcome.average - 1.0);
    let peak = x(outcome.peak - 1.0);
    let mut row = text(LEFT - 10.0, y + 4.0, weight, "end", contender.name());
    let _ = writeln!(
        row,
        "<line class=\"{class} range\" x1=\"{average:.1}\" x2=\"{peak:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
         <circle class=\"{class}\" cx=\"{average:.1}\" cy=\"{y}\" r=\"4\"/>"
    );
    row
}

/// Where an excess lies on the scale.
fn x(excess: f64) -> f64 {
    let part = (excess.clamp(FROM, TO) / FROM).log10() / (TO / FROM).log10();
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

fn text(x: f64, y: f64, class: &str, anchor: &str, content: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"{anchor}\">{content}</text>\n"
    )
}
