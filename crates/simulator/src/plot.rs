//! The outcomes as a picture (SVG): a group of rows for each scenario, a row for each contender.
//!
//! It shows how far the highest utilisation exceeds the mean, on a logarithmic scale.
//! A dot is the average over time, and a thin line ends at the worst moment.

use switchyard_balance::Policy;
use switchyard_charts::{Axis, DotPlot, Group, Row, Scale, Tone};

use crate::contender::Contender;
use crate::outcome::Outcome;
use crate::trial::Trial;

/// The ends of the scale, as powers of ten: an excess of 0.1 %, and of 100 times the mean.
const FROM: i32 = -3;
const TO: i32 = 2;

/// Draws all trials, one below the other.
#[must_use]
pub fn svg(trials: &[Trial]) -> String {
    let groups = trials.iter().map(|trial| Group {
        title: trial.scenario.about.to_owned(),
        rows: trial
            .outcomes
            .iter()
            .map(|(contender, outcome)| row(*contender, outcome))
            .collect(),
    });
    let plot = DotPlot {
        title: "How far the highest utilisation exceeds the mean: average over time (dot) to worst moment"
            .to_owned(),
        about: "Excess of the highest utilisation over the mean".to_owned(),
        x: Axis {
            scale: Scale::Log { from: FROM, to: TO },
            label: excess,
        },
        groups: groups.collect(),
    };
    plot.render()
}

/// An excess as a percentage, or, from ten times the mean on, as a factor.
fn excess(excess: f64) -> String {
    if excess < 10.0 {
        format!("{} %", 100.0 * excess)
    } else {
        format!("{excess} ×")
    }
}

fn row(contender: Contender, outcome: &Outcome) -> Row {
    Row {
        name: contender.name().to_owned(),
        tone: match contender {
            Contender::Oracle => Tone::Reference,
            Contender::Ledger(_) => Tone::Own,
            _ => Tone::Other,
        },
        bold: contender == Contender::Ledger(Policy::LeastLoad),
        value: outcome.average - 1.0,
        extreme: outcome.peak - 1.0,
    }
}
