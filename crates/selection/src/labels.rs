//! What the substations have of one label: each value, and which of them have it.

use std::collections::{BTreeMap, HashMap};

/// The labels of one substation.
pub type LabelSet = BTreeMap<String, String>;

/// No substation has the value.
pub(crate) const NOTHING: u32 = u32::MAX;
/// Up to so many values are found by a look at each.
const FEW: usize = 16;
/// The request names none.
pub(crate) const ANYTHING: u32 = 0;

/// The values of a label. Each is known by a number from 1 on.
#[derive(Debug)]
pub(crate) enum Values {
    Texts(Texts),
    Numbers(Numbers),
}

/// Values as texts.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    numbers: HashMap<Box<str>, u32>,
    in_order: Vec<Box<str>>,
    /// The positions that have each of them.
    have: Vec<Vec<u32>>,
}

/// Values as numbers. A value's number is that of the least which reaches it.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// All that there are, in order, and where in `positions` those begin that have it.
    steps: Vec<(f64, usize)>,
    /// Ordered by what they have.
    positions: Vec<u32>,
}

impl Values {
    /// Of the label `name`, as these substations have it, by their positions.
    pub(crate) fn new<'a>(
        name: &str,
        is_number: bool,
        all: impl Iterator<Item = &'a LabelSet>,
    ) -> Self {
        let labelled = (0..).zip(all);
        let labelled = labelled.filter_map(|(at, labels): (u32, _)| Some((at, labels.get(name)?)));
        let listed = labelled.map(|(at, list)| (at, list.split(',').map(str::trim)));
        if is_number {
            Self::Numbers(Numbers::new(listed))
        } else {
            Self::Texts(Texts::new(listed))
        }
    }

    /// The positions that have the value of this number.
    pub(crate) fn positions(&self, number: u32) -> &[u32] {
        let Some(index) = index(number) else {
            return &[];
        };
        let positions = match self {
            Self::Texts(texts) => texts.have.get(index).map(Vec::as_slice),
            Self::Numbers(numbers) => {
                let step = numbers.steps.get(index);
                step.and_then(|(_, from)| numbers.positions.get(*from..))
            }
        };
        positions.unwrap_or_default()
    }

    /// The value of this number, to be shown.
    pub(crate) fn shown(&self, number: u32) -> String {
        let shown = index(number).and_then(|index| match self {
            Self::Texts(texts) => texts.in_order.get(index).map(ToString::to_string),
            Self::Numbers(numbers) => numbers.steps.get(index).map(|(least, _)| least.to_string()),
        });
        shown.unwrap_or_default()
    }
}

impl Texts {
    fn new<'a>(listed: impl Iterator<Item = (u32, impl Iterator<Item = &'a str>)>) -> Self {
        let mut all = Self::default();
        for (at, values) in listed {
            for value in values.filter(|value| !value.is_empty()) {
                let new = all.number_of_next();
                let number = *all.numbers.entry(value.into()).or_insert(new);
                if number == new {
                    all.in_order.push(value.into());
                    all.have.push(Vec::new());
                }
                let have = index(number).and_then(|index| all.have.get_mut(index));
                if let Some(have) = have.filter(|have| have.last() != Some(&at)) {
                    have.push(at);
                }
            }
        }
        all
    }

    fn number_of_next(&self) -> u32 {
        u32::try_from(self.in_order.len() + 1).unwrap_or(NOTHING - 1)
    }

    pub(crate) fn number_of(&self, value: &str) -> u32 {
        if self.in_order.len() <= FEW {
            let at = self.in_order.iter().position(|text| **text == *value);
            let number = at.and_then(|at| u32::try_from(at + 1).ok());
            return number.unwrap_or(NOTHING);
        }
        self.numbers.get(value).copied().unwrap_or(NOTHING)
    }
}

impl Numbers {
    fn new<'a>(listed: impl Iterator<Item = (u32, impl Iterator<Item = &'a str>)>) -> Self {
        let largest = |values: &mut dyn Iterator<Item = &'a str>| {
            let numbers = values.filter_map(|value| value.parse::<f64>().ok());
            numbers
                .filter(|number| number.is_finite())
                .max_by(f64::total_cmp)
        };
        let reached = listed.filter_map(|(at, mut values)| Some((largest(&mut values)?, at)));
        let mut reached: Vec<_> = reached.collect();
        reached.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        let mut steps: Vec<(f64, usize)> = Vec::new();
        for (from, (number, _)) in reached.iter().enumerate() {
            if steps.last().is_none_or(|(last, _)| last < number) {
                steps.push((*number, from));
            }
        }
        Self {
            steps,
            positions: reached.into_iter().map(|(_, at)| at).collect(),
        }
    }

    pub(crate) fn number_of(&self, value: f64) -> u32 {
        let at = self.steps.partition_point(|(number, _)| *number < value);
        if at == self.steps.len() {
            return NOTHING;
        }
        u32::try_from(at + 1).unwrap_or(NOTHING)
    }
}

/// The place of a value in a list, by its number.
fn index(number: u32) -> Option<usize> {
    let index = number.checked_sub(1)?;
    usize::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(values: &[&str]) -> Vec<LabelSet> {
        let one = |value: &&str| BTreeMap::from([("l".to_owned(), (*value).to_owned())]);
        values.iter().map(one).collect()
    }

    fn values(of: &[&str], is_number: bool) -> Values {
        let mut all = labelled(of);
        all.push(LabelSet::new());
        Values::new("l", is_number, all.iter())
    }

    #[test]
    fn each_value_of_a_list_is_found_and_blanks_around_it_do_not_count() {
        let values = values(&["ccs, type2", " ccs ,,ccs", "type2", ""], false);
        let Values::Texts(texts) = &values else {
            panic!("texts");
        };
        let have = |text| values.positions(texts.number_of(text));
        assert_eq!(have("ccs"), [0, 1]);
        assert_eq!(have("type2"), [0, 2]);
        for nothing in ["", "CCS", "ccs, type2", "type"] {
            assert_eq!(texts.number_of(nothing), NOTHING, "{nothing}");
        }
        assert_eq!(values.shown(texts.number_of("type2")), "type2");
        assert_eq!(values.positions(ANYTHING), []);
        assert_eq!(values.positions(NOTHING), []);
    }

    #[test]
    fn many_values_are_found_as_few_are() {
        let many: Vec<_> = (0..FEW + 5).map(|at| format!("v{at}")).collect();
        for count in [1, FEW, FEW + 1, FEW + 5] {
            let of: Vec<_> = many.iter().take(count).map(String::as_str).collect();
            let values = values(&of, false);
            let Values::Texts(texts) = &values else {
                panic!("texts");
            };
            for (at, value) in many.iter().enumerate() {
                let own = [u32::try_from(at).unwrap()];
                let have = if at < count { &own[..] } else { &[] };
                assert_eq!(values.positions(texts.number_of(value)), have, "{value}");
            }
        }
    }

    #[test]
    fn a_number_is_reached_by_all_that_have_as_much() {
        let values = values(&["150", "22", "3.7,50", "x", "22.0", "nan", "inf"], true);
        let Values::Numbers(numbers) = &values else {
            panic!("numbers");
        };
        for (number, reach) in [
            (0.0, &[1, 4, 2, 0][..]),
            (22.0, &[1, 4, 2, 0]),
            (22.1, &[2, 0]),
            (50.0, &[2, 0]),
            (150.0, &[0]),
            (150.1, &[]),
        ] {
            let number_of = numbers.number_of(number);
            assert_eq!(values.positions(number_of), reach, "{number}");
            assert_eq!(number_of == NOTHING, reach.is_empty(), "{number}");
        }
        assert_eq!(values.shown(numbers.number_of(100.0)), "150");
    }
}
