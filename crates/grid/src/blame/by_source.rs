//! Counts failures by client, in a few words of memory however many clients there are.

use super::Source;

/// How many clients are told apart. A client with more than one in that many failures is always among them.
const SLOTS: usize = 4;

/// Failures, and how many of them each of the heaviest clients had. A client that comes late inherits the count of the
/// one it replaces, so a heavy client is never underestimated ("space saving", Metwally et al. 2005).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BySource {
    total: u64,
    slots: [(Source, u64); SLOTS],
}

impl BySource {
    /// Counts one failure of this client.
    pub(crate) fn add(&mut self, source: Source) {
        self.add_many(source, 1);
        self.total += 1;
    }

    /// Counts a failure that no client had a part in.
    pub(crate) fn add_of_nobody(&mut self) {
        self.total += 1;
    }

    /// These failures and those of `other`.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.total += other.total;
        for (source, count) in other.slots.iter().filter(|(_, count)| *count > 0) {
            self.add_many(*source, *count);
        }
        self
    }

    fn add_many(&mut self, source: Source, count: u64) {
        let is_held = |slot: &&mut (Source, u64)| slot.1 > 0 && slot.0 == source;
        let lightest = match self.slots.iter_mut().find(is_held) {
            Some(slot) => Some(slot),
            None => self.slots.iter_mut().min_by_key(|slot| slot.1),
        };
        if let Some(slot) = lightest {
            *slot = (source, slot.1 + count);
        }
    }

    /// The clients that are told apart, by [`Source::number`], with the failures of each.
    pub(crate) fn heavy(&self) -> Vec<(u64, u64)> {
        let heavy = self.slots.iter().filter(|(_, count)| *count > 0);
        heavy
            .map(|(source, count)| (source.number(), *count))
            .collect()
    }

    /// So many failures, and the clients that are told apart.
    pub(crate) fn of(total: u64, heavy: &[(u64, u64)]) -> Self {
        let mut failures = Self {
            total,
            ..Self::default()
        };
        for (slot, (source, count)) in failures.slots.iter_mut().zip(heavy) {
            *slot = (Source::numbered(*source), *count);
        }
        failures
    }

    /// All of them.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The client that has most of them.
    pub(crate) fn heaviest(&self) -> Source {
        let heaviest = self.slots.iter().max_by_key(|slot| slot.1);
        heaviest.map_or(Source::default(), |slot| slot.0)
    }

    /// How many there are if the heaviest client's count at most as much as those of all others together.
    pub(crate) fn of_several(&self) -> u64 {
        let heaviest = self.slots.iter().map(|slot| slot.1).max().unwrap_or(0);
        let rest = self.total.saturating_sub(heaviest);
        rest + heaviest.min(rest)
    }
}
