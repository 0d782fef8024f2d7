//! What will be written.

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use switchyard_config::{Aggregate, Lasts, check_name};
use switchyard_survey::{Known, Unit};

use super::{
    Options,
    sources::{Place, Source},
};

/// Pages that take longer need a scrape's limit above the default, of 200 ms.
const QUICK: Duration = Duration::from_millis(100);
/// By how much the limit of a scrape is longer than the slowest page took.
const MARGIN: u32 = 3;

/// What will be written.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) places: Vec<Place>,
    pub(super) sources: Vec<Source>,
    pub(super) path: String,
    pub(super) ca: Option<String>,
    pub(super) token_file: Option<String>,
    /// As `load.metric` has it; `None`: the default.
    pub(super) metric: Option<String>,
    pub(super) aggregate: Aggregate,
    /// How many pages show it, of how many; `None` if none was looked at.
    pub(super) shown: Option<(usize, usize)>,
    pub(super) capacity_metric: Option<String>,
    pub(super) capacity: Option<f64>,
    pub(super) unit: Unit,
    pub(super) known: Option<&'static Known>,
    pub(super) lasts: Option<Lasts>,
    /// Limit and interval of a scrape, where the defaults are too short.
    pub(super) pace: Option<(Duration, Duration)>,
}

impl Plan {
    /// What the options say.
    pub(super) fn of(options: &Options) -> Self {
        Self {
            listen: options.listen,
            admin: options.admin,
            places: options.substation.clone(),
            sources: options.discover.clone(),
            path: options.path.clone(),
            ca: options.ca.clone(),
            token_file: options.token_file.clone(),
            metric: options.metric.as_ref().map(ToString::to_string),
            aggregate: Aggregate::None,
            shown: None,
            capacity_metric: options.capacity_metric.as_ref().map(ToString::to_string),
            capacity: options.capacity,
            unit: if options.metric.is_some() {
                Unit::Other
            } else {
                Unit::Power
            },
            known: None,
            lasts: options.lasts,
            pace: None,
        }
    }

    /// Whether it says nothing of where substations are.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.sources.is_empty()
    }

    pub(super) fn take(&mut self, (places, sources): (Vec<Place>, Vec<Source>)) {
        self.places = places;
        self.sources = sources;
    }

    /// The same with addresses in place of host names, for a check that looks nothing up.
    pub(super) fn without_names(&self) -> Self {
        let mut plan = self.clone();
        for (at, place) in plan.places.iter_mut().enumerate() {
            if place.address.parse::<SocketAddr>().is_err() {
                place.address = format!("127.1.{}.{}:1", at / 250, at % 250 + 1);
            }
        }
        plan
    }

    /// Gives scrapes the time that the slowest page took, and some more.
    pub(super) fn set_pace(&mut self, slowest: Duration) {
        if slowest > QUICK {
            let tenths = (slowest * MARGIN).as_millis().div_ceil(100);
            let limit = Duration::from_millis(u64::try_from(tenths * 100).unwrap_or(u64::MAX));
            self.pace = Some((limit, limit * 2));
        }
    }

    /// The places with a name for each: the user's, the first word of its host, or a number.
    pub(super) fn named(&self) -> Vec<(String, &str)> {
        let given = self.places.iter().filter_map(|one| one.name.clone());
        let mut taken: HashSet<_> = given.collect();
        let mut names = Vec::new();
        for (number, place) in (1..).zip(&self.places) {
            let own = place.name.clone();
            let name = own.or_else(|| {
                let host = host_word(&place.address)?;
                taken.insert(host.clone()).then_some(host)
            });
            let name = name.unwrap_or_else(|| {
                let mut free = (number..).map(|number| format!("substation{number}"));
                free.find(|name| taken.insert(name.clone()))
                    .unwrap_or_default()
            });
            names.push((name, place.address.as_str()));
        }
        names
    }
}

/// The first word of a host name; `None` of an IP address.
fn host_word(address: &str) -> Option<String> {
    let (host, _) = address.rsplit_once(':')?;
    if address.parse::<SocketAddr>().is_ok() || host == "localhost" {
        return None;
    }
    let word = host.split('.').next()?;
    check_name(word).ok().map(|()| word.to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    /// What is planned for these arguments.
    pub(in crate::init) fn plan(arguments: &[&str]) -> Plan {
        let line = ["init"].iter().chain(arguments);
        Plan::of(&Line::parse_from(line).options)
    }

    #[test]
    fn each_place_has_a_name_of_its_own() {
        let plan = plan(&[
            "--substation",
            "10.0.0.1:1",
            "north.example:1",
            "north.other:1",
            "substation1=10.0.0.2:1",
            "localhost:5",
            "[::1]:5",
        ]);
        let names: Vec<_> = plan.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "substation2",
                "north",
                "substation3",
                "substation1",
                "substation5",
                "substation6"
            ]
        );
    }

    #[test]
    fn slow_pages_get_the_time_that_they_take() {
        let mut plan = plan(&["--substation", "10.0.0.1:1"]);
        plan.set_pace(Duration::from_millis(90));
        assert_eq!(plan.pace, None);
        plan.set_pace(Duration::from_millis(310));
        let times = (Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!(plan.pace, Some(times));
    }
}
