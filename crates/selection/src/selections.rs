//! All that requests may ask for in one grid.

use std::sync::Arc;

use switchyard_balance::Mask;

use crate::{
    bits::Bits,
    cache::Cache,
    labels::{ANYTHING, LabelSet, NOTHING, Values},
    rule::{MOST_RULES, Rule},
    selection::{NoMatch, Selection},
    stages::stages,
    wanted::Wanted,
};

/// The rules, and what the substations of one grid have.
#[derive(Debug)]
pub struct Selections {
    rules: Box<[Rule]>,
    values: Box<[Values]>,
    /// The number of substations.
    count: usize,
    cache: Cache,
}

impl Selections {
    /// Of these rules, in their order, and the labels of the substations at their positions. None without a rule.
    #[must_use]
    pub fn new(rules: Vec<Rule>, substations: &[&LabelSet]) -> Option<Self> {
        if rules.is_empty() {
            return None;
        }
        let values = rules.iter().take(MOST_RULES).map(|rule| {
            let all = substations.iter().copied();
            Values::new(&rule.label, rule.is_number, all)
        });
        Some(Self {
            values: values.collect(),
            count: substations.len(),
            rules: rules.into(),
            cache: Cache::new(),
        })
    }

    /// Whether a rule reads the body of a request.
    #[must_use]
    pub fn reads_fields(&self) -> bool {
        self.rules.iter().any(|rule| !rule.is_header())
    }

    /// Begins to read a request. `is_keyed` asks for its [`Wanted::digest`].
    #[must_use]
    pub fn wanted(&self, is_keyed: bool) -> Wanted<'_> {
        Wanted::new(&self.rules, &self.values, is_keyed)
    }

    /// What a request wants; none if it names nothing. `mask` makes a mask of the positions for which its argument is true.
    ///
    /// While there are no substations at all, nobody can say what they will have: then nothing matches, and nothing is
    /// amiss.
    pub fn resolve(
        &self,
        wanted: &Wanted<'_>,
        mask: impl Fn(&dyn Fn(usize) -> bool) -> Mask,
    ) -> Result<Option<Arc<Selection>>, NoMatch> {
        if let Some((rule, value)) = &wanted.missing
            && self.count > 0
        {
            return Err(self.no_match(*rule, value.clone(), false));
        }
        // What nobody has is preferred in vain.
        let is_preference = |at: usize| self.rules.get(at).is_some_and(|rule| rule.is_preference);
        let mut numbers = wanted.numbers;
        for (at, number) in numbers.iter_mut().enumerate() {
            if *number == NOTHING && is_preference(at) {
                *number = ANYTHING;
            }
        }
        if numbers.iter().all(|number| *number == ANYTHING) {
            return Ok(None);
        }
        let selection = self.cache.get(&numbers, || self.make(numbers, &mask));
        match selection.needs {
            Err(rule) if self.count > 0 => {
                let number = numbers.get(rule).copied().unwrap_or(ANYTHING);
                let values = self.values.get(rule);
                let value = match (values, wanted.named.get(rule)) {
                    (Some(Values::Numbers(_)), Some(named)) => named.to_string(),
                    (values, _) => values.map_or_else(String::new, |all| all.shown(number)),
                };
                Err(self.no_match(rule, value, true))
            }
            _ => Ok(Some(selection)),
        }
    }

    /// The first of what is needed that the substation at this position has not.
    #[must_use]
    pub fn lacking(&self, selection: &Selection, at: usize) -> Option<NoMatch> {
        let needs = self.rules.iter().zip(&self.values).zip(selection.numbers);
        let mut needs = needs
            .enumerate()
            .filter(|(_, ((rule, _), number))| !rule.is_preference && *number != ANYTHING);
        let at = u32::try_from(at).ok();
        let (rule, ((_, values), number)) = needs.find(|(_, ((_, values), number))| {
            let mut have = values.positions(*number).iter();
            !have.any(|position| Some(*position) == at)
        })?;
        Some(self.no_match(rule, values.shown(number), false))
    }

    fn no_match(&self, rule: usize, value: String, is_together: bool) -> NoMatch {
        let label = self.rules.get(rule).map(|rule| rule.label.clone());
        NoMatch {
            label: label.unwrap_or_default(),
            value,
            is_together,
        }
    }

    fn make(
        &self,
        numbers: [u32; MOST_RULES],
        mask: &impl Fn(&dyn Fn(usize) -> bool) -> Mask,
    ) -> Selection {
        let applied = || {
            let all = self.rules.iter().zip(&self.values).zip(numbers).enumerate();
            all.filter(|(_, (_, number))| *number != ANYTHING)
        };
        let mut needed = Bits::all(self.count);
        let (mut emptied, mut needs_any, mut number) = (None, false, 0_u64);
        for (at, ((rule, values), wanted)) in applied() {
            if rule.is_preference {
                continue;
            }
            needs_any = true;
            let value = u64::try_from(at).unwrap_or(0) << 32 | u64::from(wanted);
            number = (number ^ value)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29);
            needed.keep(values.positions(wanted));
            if needed.count() == 0 {
                emptied = emptied.or(Some(at));
            }
        }
        let preferred = applied().filter(|(_, ((rule, _), _))| rule.is_preference);
        let preferred = preferred.map(|(_, ((rule, values), wanted))| {
            let mut bits = needed.clone();
            bits.keep(values.positions(wanted));
            (bits, rule.spill_at)
        });
        let preferred: Vec<_> = preferred.collect();
        let stages = stages(&needed, &preferred);
        let stages = stages.iter().take(MOST_RULES);
        let stages = stages.map(|(bits, spill_at)| (mask(&|at| bits.has(at)), *spill_at));
        let preferred = stages.collect();
        let needs_of = applied().filter(|(_, ((rule, _), _))| !rule.is_preference);
        let words = needs_of.map(|(_, ((rule, values), wanted))| {
            let relation = if rule.is_number { ">=" } else { "=" };
            format!("{} {relation} {:?}", rule.label, values.shown(wanted))
        });
        let words = words.collect::<Vec<_>>().join(", ").into();
        let shown = applied().map(|(_, ((rule, values), wanted))| {
            let mut shown = values.shown(wanted);
            if rule.is_number {
                shown.insert_str(0, ">= ");
            }
            (rule.label.as_str().into(), shown)
        });
        let needs = match emptied {
            Some(rule) if self.count > 0 => Err(rule),
            _ => Ok(needs_any.then(|| mask(&|at| needed.has(at)))),
        };
        Selection {
            numbers,
            values: shown.collect(),
            words,
            needs,
            number: if needs_any { number.max(1) } else { 0 },
            preferred,
        }
    }
}

#[cfg(test)]
mod tests;
