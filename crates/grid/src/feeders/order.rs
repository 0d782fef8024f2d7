//! The order in which the substations stand in the roster.
//!
//! A choice looks at groups of neighbours. Substations under one feeder, and those with the same labels, stand together,
//! so that a feeder that is full, or a label that is wanted, decides about whole groups. People see the order of the
//! configuration.

use std::cmp::Reverse;

use switchyard_balance::Load;
use switchyard_config::{Config, Select, Substation};

use super::Feeders;

/// From places in the configuration to positions in the roster, and back.
#[derive(Debug, Default)]
pub(crate) struct Order(Option<Both>);

#[derive(Debug)]
struct Both {
    /// The place of each position.
    places: Box<[usize]>,
    /// The position of each place.
    positions: Box<[usize]>,
}

impl Order {
    /// The order for the substations of `config`. Without feeders and labels it is that of the configuration.
    pub(crate) fn of(config: &Config, feeders: &Feeders) -> Self {
        if config.feeders.is_empty() && config.selects().next().is_none() {
            return Self::default();
        }
        let ranks = ranks(feeders);
        let rank = |one: &Substation| {
            let feeder = feeders.position(one.feeder.as_deref());
            feeder.and_then(|at| ranks.get(at).copied())
        };
        let listed = config.substations.iter();
        let keys = listed.map(|one| (rank(one), class(config.selects(), one)));
        let keys: Vec<_> = keys.collect();
        let mut places: Box<[usize]> = (0..keys.len()).collect();
        places.sort_by_key(|place| keys.get(*place));
        if places.is_sorted() {
            return Self::default();
        }
        let mut positions: Box<[usize]> = (0..keys.len()).collect();
        positions.sort_by_key(|place| places.get(*place));
        Self(Some(Both { places, positions }))
    }

    /// What stands at each position, where `listed` is in the order of the configuration.
    pub(crate) fn arrange<'l, T>(&self, listed: &'l [T]) -> impl Iterator<Item = &'l T> + Clone {
        (0..listed.len()).filter_map(move |at| listed.get(self.place(at)))
    }

    fn place(&self, position: usize) -> usize {
        let both = self.0.as_ref();
        let known = both.and_then(|both| both.places.get(position));
        known.copied().unwrap_or(position)
    }

    /// The position of a place in the configuration.
    pub(crate) fn position(&self, place: usize) -> usize {
        let both = self.0.as_ref();
        let known = both.and_then(|both| both.positions.get(place));
        known.copied().unwrap_or(place)
    }
}

/// What a request can want of a substation, one part for each label that is named. Numbers stand in their order.
fn class<'s, 'c>(
    selects: impl Iterator<Item = &'c Select>,
    substation: &'s Substation,
) -> Vec<(Reverse<Option<Load>>, Option<&'s str>)> {
    let parts = selects.map(|wanted| {
        let value = substation.labels.get(&wanted.label).map(String::as_str);
        let number = value.filter(|_| wanted.at_least);
        let number = number.and_then(|value| value.trim().parse().ok());
        (Reverse(number.and_then(Load::new)), value)
    });
    parts.collect()
}

/// The rank of each feeder, depth first: all that is below a feeder stands together.
fn ranks(feeders: &Feeders) -> Vec<usize> {
    let count = feeders.all().len();
    let mut children = vec![Vec::new(); count];
    let mut next: Vec<_> = Vec::new();
    for at in (0..count).rev() {
        match feeders
            .parent(at)
            .and_then(|parent| children.get_mut(parent))
        {
            Some(siblings) => siblings.push(at),
            None => next.push(at),
        }
    }
    // Those behind are ranked first: both lists begin with the last of the configuration.
    let mut ranks = vec![count; count];
    let mut rank = 0;
    while let Some(at) = next.pop() {
        if let Some(place) = ranks.get_mut(at) {
            *place = rank;
            rank += 1;
        }
        next.extend(children.get_mut(at).map(std::mem::take).unwrap_or_default());
    }
    ranks
}
