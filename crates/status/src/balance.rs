//! How even the load is: which substation is the fullest, and how far above the mean.

use serde::{Deserialize, Serialize};

use crate::{limit::utilisation, substation::Substation};

/// Below this mean utilisation the imbalance, a quotient of two small numbers, means nothing.
const WORTH_COMPARING: f64 = 0.05;

/// How even the load is. All of it is over the substations in rotation: what takes no sessions lends no capacity, and is
/// neither the fullest nor part of a mean.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Balance {
    /// The highest utilisation divided by the mean one: 1 when perfectly even. By load where no
    /// capacity is known. None while there is too little load to compare.
    pub imbalance: Option<f64>,
    /// The mean utilisation; none where no capacity is known.
    pub mean_utilisation: Option<f64>,
    /// The total estimated load.
    pub load: f64,
    /// The total capacity of those whose capacity is known; where a limit in force is less, that.
    pub capacity: f64,
    /// The substation with the highest utilisation; where no capacity is known, with the highest
    /// load.
    pub fullest: Option<Fullest>,
    /// The substation with the oldest sample of those that were ever sampled.
    pub oldest_sample: Option<Oldest>,
    /// What utilisations there are; none where nothing is in rotation.
    #[serde(default)]
    pub spread: Option<Spread>,
}

/// The utilisations in rotation; the loads where no capacity is known.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spread {
    /// The lowest.
    pub least: f64,
    /// The mean.
    pub mean: f64,
    /// The highest.
    pub most: f64,
}

/// A substation, as far as the balance goes.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether requests are sent to it.
    pub in_rotation: bool,
    /// Its capacity, if known, or the limit in force if that is less.
    pub capacity: Option<f64>,
    /// The estimate of its load now.
    pub estimated_load: f64,
    /// How old its sample is.
    pub sample_age_seconds: Option<f64>,
}

impl Member<'_> {
    /// The estimate divided by the capacity, if that is known.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        utilisation(self.estimated_load, self.capacity)
    }
}

impl<'a> From<&'a Substation> for Member<'a> {
    fn from(one: &'a Substation) -> Self {
        Self {
            name: &one.name,
            in_rotation: one.in_rotation,
            capacity: one.bound(),
            estimated_load: one.estimated_load,
            sample_age_seconds: one.sample_age_seconds,
        }
    }
}

/// The fullest substation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fullest {
    /// Its name.
    pub name: String,
    /// Its estimate divided by its capacity, if that is known.
    pub utilisation: Option<f64>,
    /// The estimate of its load.
    #[serde(rename = "estimate")]
    pub estimated_load: f64,
}

/// The substation with the oldest sample.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Oldest {
    /// Its name.
    pub name: String,
    /// How old the sample is.
    pub age_seconds: f64,
}

impl Balance {
    /// The balance of these substations.
    #[must_use]
    pub fn of(substations: &[Substation]) -> Self {
        Self::over(substations.iter().map(Member::from))
    }

    /// The balance of these substations, which are looked at once and not kept.
    #[must_use]
    pub fn over<'a>(members: impl Iterator<Item = Member<'a>>) -> Self {
        let (mut load, mut capacity) = (0.0, 0.0);
        let (mut utilisations, mut loads) = (Range::default(), Range::default());
        let mut fullest: Option<Member<'a>> = None;
        let mut oldest: Option<(&str, f64)> = None;
        for one in members.filter(|one| one.in_rotation) {
            load += one.estimated_load;
            capacity += one.capacity.unwrap_or(0.0);
            loads.add(one.estimated_load);
            if let Some(part) = one.utilisation() {
                utilisations.add(part);
            }
            let fullness = |one: &Member<'_>| (one.utilisation(), one.estimated_load);
            let is_fuller = |than: &Member<'_>| fullness(&one) >= fullness(than);
            if one.estimated_load > 0.0 && fullest.as_ref().is_none_or(is_fuller) {
                fullest = Some(one);
            }
            if let Some(age) = one.sample_age_seconds
                && oldest.is_none_or(|(_, than)| age >= than)
            {
                oldest = Some((one.name, age));
            }
        }
        let (compared, least) = if utilisations.count > 0.0 {
            (&utilisations, WORTH_COMPARING)
        } else {
            (&loads, 0.0)
        };
        Self {
            imbalance: compared
                .spread()
                .filter(|spread| spread.mean > least)
                .map(|Spread { mean, most, .. }| most / mean),
            mean_utilisation: utilisations.spread().map(|spread| spread.mean),
            load,
            capacity,
            fullest: fullest.map(|one| Fullest {
                name: one.name.to_owned(),
                utilisation: one.utilisation(),
                estimated_load: one.estimated_load,
            }),
            oldest_sample: oldest.map(|(name, age_seconds)| Oldest {
                name: name.to_owned(),
                age_seconds,
            }),
            spread: compared.spread(),
        }
    }
}

/// Values, as far as a [`Spread`] needs them.
#[derive(Default)]
struct Range {
    count: f64,
    sum: f64,
    ends: Option<(f64, f64)>,
}

impl Range {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        let (least, most) = self.ends.unwrap_or((value, value));
        self.ends = Some((least.min(value), most.max(value)));
    }

    fn spread(&self) -> Option<Spread> {
        self.ends.map(|(least, most)| Spread {
            least,
            mean: self.sum / self.count,
            most,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A substation in rotation, freshly sampled.
    pub(crate) fn substation(name: &str, estimate: f64, capacity: Option<f64>) -> Substation {
        Substation {
            name: name.to_owned(),
            address: "127.0.0.1:5001".to_owned(),
            state: "up".into(),
            in_rotation: true,
            current_load: Some(estimate),
            capacity,
            estimated_load: estimate,
            unseen_load: 0.0,
            sample_age_seconds: Some(0.1),
            in_flight: 0,
            assigned_total: 0,
            distrusted: false,
            drain: None,
            feeder: None,
            binding: None,
            limit: None,
            note: None,
        }
    }

    fn close(left: Option<f64>, right: f64) {
        assert!(
            (left.unwrap() - right).abs() < 1e-12,
            "{left:?} and {right}"
        );
    }

    #[test]
    fn the_fullest_has_the_highest_utilisation_and_not_the_highest_load() {
        let mut all = [
            substation("large", 500.0, Some(1_000.0)),
            substation("small", 90.0, Some(100.0)),
        ];
        all[0].sample_age_seconds = Some(3.0);
        let balance = Balance::of(&all);
        assert_eq!(balance.fullest.unwrap().name, "small");
        assert_eq!(balance.oldest_sample.unwrap().name, "large");
        close(balance.mean_utilisation, 0.7);
        close(balance.imbalance, 0.9 / 0.7);
        close(Some(balance.load), 590.0);
        close(Some(balance.capacity), 1_100.0);
    }

    #[test]
    fn a_substation_out_of_rotation_lends_nothing_and_is_not_the_fullest() {
        for state in ["down", "ejected", "draining"] {
            let mut all = [
                substation("a", 50.0, Some(100.0)),
                substation("b", 30.0, Some(100.0)),
                substation("out", 99.0, Some(100.0)),
            ];
            all[2].state = state.into();
            all[2].in_rotation = false;
            all[2].sample_age_seconds = Some(600.0);
            let balance = Balance::of(&all);
            close(balance.imbalance, 0.5 / 0.4);
            close(balance.mean_utilisation, 0.4);
            close(Some(balance.load), 80.0);
            close(Some(balance.capacity), 200.0);
            assert_eq!(balance.fullest.unwrap().name, "a", "{state}");
            assert_ne!(balance.oldest_sample.unwrap().name, "out", "{state}");
            let spread = balance.spread.unwrap();
            assert_eq!((spread.least, spread.most), (0.3, 0.5), "{state}");
            assert_eq!(Balance::of(&all[2..]), Balance::default(), "{state}");
        }
    }

    #[test]
    fn without_capacities_loads_are_compared() {
        let balance = Balance::of(&[substation("a", 30.0, None), substation("b", 10.0, None)]);
        close(balance.imbalance, 1.5);
        assert_eq!(balance.mean_utilisation, None);
        let fullest = balance.fullest.unwrap();
        assert_eq!((fullest.name.as_str(), fullest.utilisation), ("a", None));
    }

    #[test]
    fn too_little_load_has_no_imbalance() {
        let idle = Balance::of(&[substation("a", 0.0, Some(100.0))]);
        assert_eq!((idle.imbalance, idle.fullest), (None, None));
        let little = [
            substation("a", 4.0, Some(100.0)),
            substation("b", 0.0, Some(100.0)),
        ];
        assert_eq!(
            Balance::of(&little).imbalance,
            None,
            "too little to compare"
        );
        assert_eq!(Balance::of(&[]), Balance::default());
    }
}
