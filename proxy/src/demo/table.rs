//! The live table: what the clients see, and how full each substation is.
//!
//! On a terminal it is drawn in place; into a file or a pipe it becomes one line a second.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use requester::{Progress, Report, Summary};
use substation::Substation;

/// Characters of a full bar.
const BAR: usize = 40;
/// Below this mean utilisation the ratio of two small numbers says nothing.
const WORTH_COMPARING: f64 = 0.05;

/// The table, and what it remembers for the summary.
pub(super) struct Table {
    substations: Vec<(Substation, f64)>,
    worst_imbalance: f64,
    drawn: usize,
    in_place: bool,
}

impl Table {
    pub(super) fn new(substations: &[Substation], capacities_kw: &[f64]) -> Self {
        let substations = substations
            .iter()
            .cloned()
            .zip(capacities_kw.iter().copied())
            .collect();
        Self {
            substations,
            worst_imbalance: 1.0,
            drawn: 0,
            in_place: io::stdout().is_terminal(),
        }
    }

    /// Draws the table anew.
    pub(super) fn show(&mut self, progress: &Progress) {
        let utilisations: Vec<f64> = self.utilisations().collect();
        let imbalance = imbalance(&utilisations);
        self.worst_imbalance = self.worst_imbalance.max(imbalance.unwrap_or(1.0));
        let mut lines = vec![format!(
            "{:>5.0} s  {:>7} booked  {:>5} refused  {:>5} failed  {:>6.0}/s  p50 {}  p99 {}  imbalance {}",
            progress.elapsed.as_secs_f64(),
            progress.answered - progress.refused.min(progress.answered),
            progress.refused,
            progress.failed,
            progress.rate,
            millis(progress.p50),
            millis(progress.p99),
            imbalance.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
        )];
        if self.in_place {
            for ((substation, capacity), utilisation) in self.substations.iter().zip(&utilisations)
            {
                lines.push(format!(
                    "  {:<12} {} {:>5.1} % of {:>6.0} kW  {:>4} cars",
                    substation.name(),
                    bar(*utilisation),
                    utilisation * 100.0,
                    capacity,
                    substation.active_sessions(),
                ));
            }
        } else {
            let full: Vec<_> = utilisations
                .iter()
                .map(|u| format!("{:.1} %", u * 100.0))
                .collect();
            lines.push(format!("         full: {}", full.join(", ")));
        }
        self.draw(&lines);
    }

    /// The summary that stays.
    pub(super) fn close(self, report: &Report) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "\n{}", Summary(report))?;
        writeln!(
            out,
            "worst imbalance   {:.3}  (fullest ÷ mean utilisation, 1 is even)",
            self.worst_imbalance
        )?;
        for (substation, capacity) in &self.substations {
            let booked = substation.sessions_started();
            writeln!(
                out,
                "  {:<12} {capacity:>6.0} kW  {booked:>7} sessions booked",
                substation.name()
            )?;
        }
        writeln!(
            out,
            "\nYours: write config/switchyard.yaml and run `switchyard run`."
        )
    }

    fn utilisations(&self) -> impl Iterator<Item = f64> {
        self.substations
            .iter()
            .map(|(substation, capacity)| substation.current_load_kw() / capacity)
    }

    fn draw(&mut self, lines: &[String]) {
        let mut out = io::stdout().lock();
        let up = if self.in_place && self.drawn > 0 {
            format!("\x1b[{}A\x1b[J", self.drawn)
        } else {
            String::new()
        };
        self.drawn = lines.len();
        // A reader that is gone has seen enough; the rush hour goes on to its summary.
        let _ = writeln!(out, "{up}{}", lines.join("\n")).and_then(|()| out.flush());
    }
}

/// The fullest against the mean; none while there is little to compare.
fn imbalance(utilisations: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a handful of substations")]
    let mean = utilisations.iter().sum::<f64>() / utilisations.len() as f64;
    let fullest = utilisations.iter().copied().fold(0.0, f64::max);
    (mean > WORTH_COMPARING).then(|| fullest / mean)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "from 0 to BAR"
)]
fn bar(utilisation: f64) -> String {
    let full = (utilisation.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "·".repeat(BAR - full))
}

fn millis(duration: Option<Duration>) -> String {
    duration.map_or("-".to_owned(), |duration| {
        format!("{:.1} ms", duration.as_secs_f64() * 1e3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imbalance_is_the_fullest_against_the_mean() {
        assert_eq!(
            imbalance(&[0.4, 0.2, 0.3]).map(|ratio| (ratio * 1e3).round()),
            Some(1_333.0)
        );
        assert_eq!(imbalance(&[0.01, 0.0]), None);
    }

    #[test]
    fn bars_end_at_their_ends() {
        assert_eq!(bar(-1.0), "·".repeat(BAR));
        assert_eq!(bar(2.0), "█".repeat(BAR));
    }
}
