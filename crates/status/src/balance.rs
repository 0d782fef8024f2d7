//! How even the load is: which substation is the fullest, and how far above the mean.

use serde::{Deserialize, Serialize};

use crate::substation::Substation;

/// Below this mean utilisation the imbalance, a quotient of two small numbers, means nothing.
const WORTH_COMPARING: f64 = 0.05;

/// How even the load is: over the substations in rotation, unless a field says otherwise.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Balance {
    /// The highest utilisation divided by the mean one: 1 when perfectly even. By load where no
    /// capacity is known. None while there is too little load to compare.
    pub imbalance: Option<f64>,
    /// The mean utilisation; none where no capacity is known.
    pub mean_utilisation: Option<f64>,
    /// The total estimated load of all substations.
    pub load: f64,
    /// The total capacity of all substations whose capacity is known.
    pub capacity: f64,
    /// The substation with the highest utilisation of all; where no capacity is known, with the
    /// highest load.
    pub fullest: Option<Fullest>,
    /// The substation with the oldest sample of all that were ever sampled.
    pub oldest_sample: Option<Oldest>,
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
        let in_rotation = || substations.iter().filter(|one| one.in_rotation);
        let utilisations: Vec<_> = in_rotation().filter_map(Substation::utilisation).collect();
        let (imbalance, mean_utilisation) = if utilisations.is_empty() {
            let loads: Vec<_> = in_rotation().map(|one| one.estimated_load).collect();
            (above_mean(&loads, 0.0), None)
        } else {
            let imbalance = above_mean(&utilisations, WORTH_COMPARING);
            (imbalance, Some(mean(&utilisations)))
        };
        let fullness = |one: &Substation| (one.utilisation(), one.estimated_load);
        let fullest = substations
            .iter()
            .filter(|one| one.estimated_load > 0.0)
            .max_by(|a, b| {
                fullness(a)
                    .partial_cmp(&fullness(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
        let sampled = substations
            .iter()
            .filter_map(|one| Some((one, one.sample_age_seconds?)));
        let oldest = sampled.max_by(|(_, a), (_, b)| a.total_cmp(b));
        Self {
            imbalance,
            mean_utilisation,
            load: substations.iter().map(|one| one.estimated_load).sum(),
            capacity: substations.iter().filter_map(|one| one.capacity).sum(),
            fullest: fullest.map(|one| Fullest {
                name: one.name.clone(),
                utilisation: one.utilisation(),
                estimated_load: one.estimated_load,
            }),
            oldest_sample: oldest.map(|(one, age_seconds)| Oldest {
                name: one.name.clone(),
                age_seconds,
            }),
        }
    }
}

/// The highest value divided by the mean, if the mean is above `least`.
fn above_mean(values: &[f64], least: f64) -> Option<f64> {
    let mean = mean(values);
    let highest = values.iter().copied().fold(0.0, f64::max);
    (mean > least).then(|| highest / mean)
}

#[expect(clippy::cast_precision_loss, reason = "some thousand substations")]
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
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
    fn a_substation_out_of_rotation_can_be_the_fullest_but_does_not_count_as_uneven() {
        let mut all = [
            substation("a", 50.0, Some(100.0)),
            substation("b", 50.0, Some(100.0)),
            substation("drained", 99.0, Some(100.0)),
        ];
        all[2].in_rotation = false;
        let balance = Balance::of(&all);
        close(balance.imbalance, 1.0);
        assert_eq!(balance.fullest.unwrap().name, "drained");
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
