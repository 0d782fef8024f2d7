//! The outcomes as Markdown tables: a line for each scenario, a column for each contender.

use std::fmt::Write;

use crate::contender::Contender;
use crate::outcome::Outcome;
use crate::trial::Trial;

/// Tables of the averages, the peaks and, if there are any, the refusals; of scenarios with feeders also of what their
/// limits did.
#[must_use]
pub fn markdown(trials: &[Trial]) -> String {
    let (trees, flat): (Vec<_>, Vec<_>) = trials
        .iter()
        .cloned()
        .partition(|trial| !trial.scenario.tree.is_empty());
    let mut page = String::new();
    section(
        &mut page,
        &flat,
        "Utilisation of the fullest substation over that of the fleet, averaged over time:",
        |outcome| format!("{:.3}", outcome.average),
    );
    section(
        &mut page,
        &flat,
        "The same at its worst moment:",
        |outcome| format!("{:.2}", outcome.peak),
    );
    feeders(&mut page, &trees);

    let with = |is: fn(&Outcome) -> bool| -> Vec<Trial> {
        let some = |trial: &&Trial| trial.outcomes.iter().any(|(_, outcome)| is(outcome));
        trials.iter().filter(some).cloned().collect()
    };
    section(
        &mut page,
        &with(|outcome| outcome.refused > 0),
        "Requests that got no place, of 1,000:",
        |outcome| format!("{:.1}", of_thousand(outcome.refused, outcome.requests)),
    );
    let back = with(|outcome| outcome.came_back > 0);
    section(
        &mut page,
        &back,
        "Of 1,000 cars that came back when they were told to, those that found room:",
        |outcome| format!("{:.0}", of_thousand(outcome.found_room, outcome.came_back)),
    );
    section(
        &mut page,
        &back,
        "The most that came back within five seconds, over the mean:",
        |outcome| format!("{:.2}", outcome.wave),
    );
    page
}

fn feeders(page: &mut String, trees: &[Trial]) {
    section(
        page,
        trees,
        "Utilisation of the fullest level, substation or feeder, averaged over time:",
        |outcome| format!("{:.3}", outcome.binding),
    );
    section(page, trees, "The same at its worst moment:", |outcome| {
        format!("{:.3}", outcome.binding_peak)
    });
    section(
        page,
        trees,
        "Of 1,000 bookings, those after which a feeder was beyond its bound:",
        |outcome| format!("{:.1}", of_thousand(outcome.booked_beyond, outcome.booked)),
    );
    section(
        page,
        trees,
        "How far beyond at the worst, in percent of the bound:",
        |outcome| format!("{:.1}", 100.0 * outcome.beyond),
    );
}

/// A heading with its table, unless that has no lines.
fn section(page: &mut String, trials: &[Trial], title: &str, cell: impl Fn(&Outcome) -> String) {
    if trials.is_empty() {
        return;
    }
    if !page.is_empty() {
        page.push('\n');
    }
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{title}\n");
    *page += &table(trials, cell);
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
