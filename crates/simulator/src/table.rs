//! The outcomes as Markdown tables: a line for each scenario, a column for each contender.

use std::fmt::Write;

use crate::contender::Contender;
use crate::outcome::Outcome;
use crate::trial::Trial;

/// Tables of the averages, the peaks and, if there are any, the refusals.
#[must_use]
pub fn markdown(trials: &[Trial]) -> String {
    let mut page = String::new();
    page += "Utilisation of the fullest substation over that of the fleet, averaged over time:\n\n";
    page += &table(trials, |outcome| format!("{:.3}", outcome.average));
    page += "\nThe same at its worst moment:\n\n";
    page += &table(trials, |outcome| format!("{:.2}", outcome.peak));

    let short = |trial: &&Trial| trial.outcomes.iter().any(|(_, o)| o.refused > 0);
    let short: Vec<Trial> = trials.iter().filter(short).cloned().collect();
    if !short.is_empty() {
        page += "\nRequests that got no place, of 1,000:\n\n";
        page += &table(&short, |outcome| {
            format!("{:.1}", of_thousand(outcome.refused, outcome.requests))
        });
    }

    let back = |trial: &&Trial| trial.outcomes.iter().any(|(_, o)| o.came_back > 0);
    let back: Vec<Trial> = trials.iter().filter(back).cloned().collect();
    if !back.is_empty() {
        page += "\nOf 1,000 cars that came back when they were told to, those that found room:\n\n";
        page += &table(&back, |outcome| {
            format!("{:.0}", of_thousand(outcome.found_room, outcome.came_back))
        });
        page += "\nThe most that came back within five seconds, over the mean:\n\n";
        page += &table(&back, |outcome| format!("{:.2}", outcome.wave));
    }
    page
}

fn table(trials: &[Trial], cell: impl Fn(&Outcome) -> String) -> String {
    let mut lines = String::from("| |");
    for contender in Contender::ALL {
        let name = contender.name();
        // Writing to a string cannot fail.
        let _ = match contender {
            Contender::Ledger(_) => write!(lines, " `{name}` |"),
            _ => write!(lines, " {name} |"),
        };
    }
    lines += "\n| --- |";
    lines += &" ---: |".repeat(Contender::ALL.len());
    lines.push('\n');
    for trial in trials {
        let _ = write!(lines, "| {} |", trial.scenario.about);
        for (_, outcome) in &trial.outcomes {
            let _ = write!(lines, " {} |", cell(outcome));
        }
        lines.push('\n');
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn of_thousand(part: u64, all: u64) -> f64 {
    1000.0 * part as f64 / all.max(1) as f64
}
