//! The parameters of a scenario that the command line can change.

use std::time::Duration;

use clap::Args;
use switchyard_balance::load::LARGEST;
use switchyard_simulator::Scenario;
use switchyard_simulator::scenario::{Sessions, Spread};

/// Changes to each scenario that is run. Tables still show the scenario's own name.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Parameters, in place of the scenario's")]
pub(crate) struct Overrides {
    /// Cars a second, over all proxies
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    rate: Option<f64>,

    /// The mean length of a session, as in 5s or 1h; warm-up and measurement grow with it
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    session: Option<Duration>,

    /// Give all sessions the same length, instead of exponentially distributed lengths
    #[arg(long)]
    fixed: bool,

    /// The proxies, by their shares of the cars, as in 7,1,1,1
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    shares: Vec<f64>,

    /// The substations, by their relative capacities, as in 1,1,2,4
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    capacities: Vec<f64>,

    /// Total capacity, as a multiple of the expected load: 1.03 is nearly full
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    headroom: Option<f64>,

    /// The powers that cars draw, all equally likely, as in 3.7,11,22
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    powers: Vec<f64>,

    /// By how much of its capacity the substation chosen last may be fuller than the best and be chosen again
    #[arg(long, value_name = "SHARE", value_parser = positive)]
    tolerance: Option<f64>,

    /// The time from one round of scrapes to the next
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    poll: Option<Duration>,

    /// The part of that time within which the scrapes of a round begin, from 0 (all at once) to 1
    #[arg(long, value_name = "PART", value_parser = part)]
    spread: Option<f64>,

    /// How long a scrape takes
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    scrape: Option<Duration>,

    /// How long an answer takes
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    answer: Option<Duration>,
}

impl Overrides {
    /// The scenario with these changes.
    pub(crate) fn apply(&self, scenario: &Scenario) -> Scenario {
        let mut changed = scenario.clone();
        changed.rate = self.rate.unwrap_or(changed.rate);
        if let Some(mean) = self.session {
            // As many session lengths as before, so that arrivals and departures balance.
            let longer = mean.as_secs_f64() / changed.sessions.mean.as_secs_f64();
            changed.warm_up = changed.warm_up.mul_f64(longer.max(1.0));
            changed.measured = changed.measured.mul_f64(longer.max(1.0));
            changed.sessions = Sessions {
                mean,
                ..changed.sessions
            };
        }
        if self.fixed {
            changed.sessions.spread = Spread::Fixed;
        }
        for (new, old) in [
            (&self.shares, &mut changed.shares),
            (&self.capacities, &mut changed.capacities),
            (&self.powers, &mut changed.powers),
        ] {
            if !new.is_empty() {
                old.clone_from(new);
            }
        }
        changed.headroom = self.headroom.unwrap_or(changed.headroom);
        changed.tolerance = self.tolerance.unwrap_or(changed.tolerance);
        changed.poll.interval = self.poll.unwrap_or(changed.poll.interval);
        changed.poll.spread = self.spread.unwrap_or(changed.poll.spread);
        changed.poll.scrape = self.scrape.unwrap_or(changed.poll.scrape);
        changed.answer = self.answer.unwrap_or(changed.answer);
        changed
    }
}

fn part(text: &str) -> Result<f64, String> {
    let number = text
        .trim()
        .parse::<f64>()
        .map_err(|error| error.to_string())?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err("must be from 0 to 1".into())
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text
        .trim()
        .parse::<f64>()
        .map_err(|error| error.to_string())?;
    if number > LARGEST {
        Err(format!("must be at most {LARGEST:e}"))
    } else if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("must be above zero".into())
    }
}

#[cfg(test)]
mod tests;
