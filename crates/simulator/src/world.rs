//! What of a scenario can be changed on the command line.

use std::time::Duration;

use clap::Args;
use switchyard_simulator::Scenario;
use switchyard_simulator::scenario::{Sessions, Spread};

/// Changes to each scenario that is run. Tables go on calling it by what it was.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "A world of your own, in place of the scenario's")]
pub(crate) struct World {
    /// Cars a second, over all proxies
    #[arg(long, value_name = "PER_SECOND", value_parser = positive)]
    rate: Option<f64>,

    /// The mean length of a session, as in 5s or 1h; warm-up and measurement grow with it
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    session: Option<Duration>,

    /// All sessions last the same, instead of exponentially spread
    #[arg(long)]
    fixed: bool,

    /// The proxies, by the share of the cars that comes to each, as in 7,1,1,1
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    shares: Vec<f64>,

    /// The substations, by their capacities in relation to each other, as in 1,1,2,4
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    capacities: Vec<f64>,

    /// All capacities together, as a multiple of the load expected: 1.03 is nearly full
    #[arg(long, value_name = "FACTOR", value_parser = positive)]
    headroom: Option<f64>,

    /// The powers that cars draw, each as likely as the others, as in 3.7,11,22
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = positive)]
    powers: Vec<f64>,

    /// The time from one round of scrapes to the next
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    poll: Option<Duration>,

    /// How long a scrape takes
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    scrape: Option<Duration>,

    /// How long an answer takes
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    answer: Option<Duration>,
}

impl World {
    /// The scenario with these changes.
    pub(crate) fn changed(&self, scenario: &Scenario) -> Scenario {
        let mut changed = scenario.clone();
        changed.rate = self.rate.unwrap_or(changed.rate);
        if let Some(mean) = self.session {
            // As many session lengths as before, so that arrivals and departures balance again.
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
        changed.poll.interval = self.poll.unwrap_or(changed.poll.interval);
        changed.poll.scrape = self.scrape.unwrap_or(changed.poll.scrape);
        changed.answer = self.answer.unwrap_or(changed.answer);
        changed
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text
        .trim()
        .parse::<f64>()
        .map_err(|error| error.to_string())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("is not above zero".into())
    }
}

#[cfg(test)]
mod tests {
    use switchyard_simulator::catalogue;

    use super::*;

    #[test]
    fn what_is_not_said_is_the_scenarios() {
        let scenario = catalogue::one_proxy();
        let same = World::default().changed(&scenario);
        assert_eq!(format!("{same:?}"), format!("{scenario:?}"));
    }

    #[test]
    fn what_is_said_takes_its_place_and_the_time_grows_with_the_session() {
        let world = World {
            session: Some(Duration::from_secs(50)),
            shares: vec![2.0, 1.0],
            ..World::default()
        };
        let scenario = catalogue::one_proxy();
        let changed = world.changed(&scenario);
        assert_eq!(changed.shares, [2.0, 1.0]);
        assert_eq!(changed.capacities, scenario.capacities);
        assert_eq!(changed.warm_up, scenario.warm_up * 10);
    }

    #[test]
    fn a_number_has_to_be_above_zero() {
        assert!(positive("7").is_ok());
        for wrong in ["0", "-1", "NaN", "inf", "seven"] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
    }
}
