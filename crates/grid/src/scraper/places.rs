//! The places of substations in a round: in the order of the grid, with what waits for its turn.
//!
//! A place is found by its position, so a scrape looks nothing up. A slot belongs to a substation
//! and not to a position: when the grid changes, a substation that stays keeps its slot, with its
//! connection and its turn, and a new one is due before all others.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use switchyard_scrape::Gauges;
use tokio::time::Instant;

use super::slot::ScrapeSlot;
use crate::substation::{Id, Substation};

/// All places, and the positions that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Vec<Place>,
    /// Never scraped yet: due at once.
    new: VecDeque<usize>,
    /// The rest of the round.
    due: VecDeque<usize>,
}

#[derive(Debug)]
struct Place {
    id: Id,
    was_asked: bool,
    /// When the first scrape began that was not answered, up to now: the one under way, or one that has failed.
    asked_in_vain: Option<Instant>,
    /// None while its scrape is under way.
    slot: Option<Box<ScrapeSlot>>,
}

impl Places {
    /// Gives each of the substations a place, and forgets those that have left.
    pub(super) fn follow(&mut self, substations: &[Arc<Substation>], gauges: &Gauges) {
        let waits = self.due.iter().chain(&self.new);
        let waits: HashSet<Id> = waits.filter_map(|at| Some(self.all.get(*at)?.id)).collect();
        let mut before: HashMap<Id, Place> = std::mem::take(&mut self.all)
            .into_iter()
            .map(|place| (place.id, place))
            .collect();
        self.new.clear();
        self.due.clear();
        for (at, substation) in substations.iter().enumerate() {
            let id = substation.id();
            let place = before.remove(&id).unwrap_or_else(|| Place {
                id,
                was_asked: false,
                asked_in_vain: None,
                slot: Some(ScrapeSlot::new(substation, gauges)),
            });
            if !place.was_asked && place.slot.is_some() {
                self.new.push_back(at);
            } else if waits.contains(&id) {
                self.due.push_back(at);
            }
            self.all.push(place);
        }
    }

    /// Begins a round: all are due. A round that has not ended goes on instead, or its last
    /// substations would never have a turn. Returns whether it began.
    pub(super) fn begin_round(&mut self) -> bool {
        let is_over = self.due.is_empty();
        if is_over {
            self.due.extend(0..self.all.len());
        }
        is_over
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether none waits for its turn.
    pub(super) fn is_none_due(&self) -> bool {
        self.due.is_empty() && self.new.is_empty()
    }

    /// Takes the slot of the next new substation whose scrape is not under way, with its position.
    pub(super) fn take_new(&mut self, now: Instant) -> Option<(usize, Box<ScrapeSlot>)> {
        take(&mut self.new, &mut self.all, now)
    }

    /// Takes the slot of the next one of the round whose scrape is not under way, with its position.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(usize, Box<ScrapeSlot>)> {
        take(&mut self.due, &mut self.all, now)
    }

    /// Where the substation is now that was at position `was`; none if it has left.
    pub(super) fn position(&self, was: usize, id: Id) -> Option<usize> {
        if self.all.get(was).is_some_and(|place| place.id == id) {
            return Some(was);
        }
        self.all.iter().position(|place| place.id == id)
    }

    /// Since when the gauge of the substation at a position has been asked in vain: until its next answer, from the
    /// first scrape on that has none. None if the last scrape was answered.
    pub(super) fn asked_in_vain(&self, at: usize) -> Option<Instant> {
        self.all.get(at)?.asked_in_vain
    }

    /// Gives a slot back after its scrape. `is_answered` says that the scrape does not count as one in vain.
    pub(super) fn give_back(&mut self, at: usize, slot: Box<ScrapeSlot>, is_answered: bool) {
        if let Some(place) = self.all.get_mut(at) {
            place.was_asked = true;
            if is_answered {
                place.asked_in_vain = None;
            }
            place.slot = Some(slot);
        }
    }

    /// Whether each was scraped once, whatever came of it.
    pub(super) fn all_were_asked(&self) -> bool {
        self.all.iter().all(|place| place.was_asked)
    }
}

fn take(
    turns: &mut VecDeque<usize>,
    places: &mut [Place],
    now: Instant,
) -> Option<(usize, Box<ScrapeSlot>)> {
    loop {
        let at = turns.pop_front()?;
        if let Some(place) = places.get_mut(at)
            && let Some(slot) = place.slot.take()
        {
            place.asked_in_vain.get_or_insert(now);
            return Some((at, slot));
        }
    }
}

#[cfg(test)]
mod tests;
