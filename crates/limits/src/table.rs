//! All limits: one a name and source.

use std::{cmp::min, collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    limit::{Limit, Passed},
    order::Order,
    strictest::InForce,
    timestamp::{Now, Timestamp},
};

/// The most sources of one name.
const MOST_SOURCES: usize = 16;
/// The most limits: one for each of ten thousand substations and as many again.
const MOST_LIMITS: usize = 20_000;

/// All limits. Each method that takes [`Now`] expects that [`Limits::advance`] was called with the same one before.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// By name; the limits of one name by their source.
    by_name: BTreeMap<Arc<str>, Vec<Limit>>,
    count: usize,
    due: Due,
}

/// Nothing is due before these: no earlier than it is, perhaps earlier than it must be.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    wall: Option<Timestamp>,
    uptime: Option<Duration>,
}

/// What has changed about one limit, and why.
#[derive(Clone, Debug)]
pub struct Change {
    /// The feeder or the substation.
    pub name: Arc<str>,
    /// Whose limit it is.
    pub source: Arc<str>,
    /// Why.
    pub cause: Cause,
    /// The limit before, if there was one.
    pub before: Option<Limit>,
    /// The limit from now on, if there is one.
    pub after: Option<Limit>,
}

/// Why a limit has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Its source has given an order.
    Put,
    /// It was taken away.
    Delete,
    /// Its source was heard. That alone changes no limit.
    Heartbeat {
        /// Whether it had been silent for too long.
        was_silent: bool,
    },
    /// Its `from` has come.
    From,
    /// Its `until` has come.
    Until,
    /// Its source was silent for longer than its heartbeat.
    Silence,
}

/// There is no room for another limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Full {
    /// So many sources have a limit for the name already.
    Sources(usize),
    /// So many limits there are already.
    Limits(usize),
}

impl Change {
    /// Whether anything is different but when the source was heard.
    #[must_use]
    pub fn is_news(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => before.differs_from(after),
            (None, None) => false,
            _ => true,
        }
    }
}

impl Limits {
    /// Lets all limits come as far as they are by now. Returns what that has changed.
    pub fn advance(&mut self, now: Now) -> Vec<Change> {
        let is_due = self.due.wall.is_some_and(|due| due <= now.wall)
            || self.due.uptime.is_some_and(|due| due <= now.uptime);
        if !is_due {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for (name, limits) in &mut self.by_name {
            limits.retain_mut(|limit| {
                let before = limit.clone();
                let Some(passed) = limit.advance(now) else {
                    return true;
                };
                let after = (passed != Passed::Until).then(|| limit.clone());
                let is_kept = after.is_some();
                changes.push(Change {
                    name: Arc::clone(name),
                    source: Arc::clone(&limit.order.source),
                    cause: match passed {
                        Passed::From => Cause::From,
                        Passed::Until => Cause::Until,
                        Passed::Heartbeat => Cause::Silence,
                    },
                    before: Some(before),
                    after,
                });
                is_kept
            });
        }
        self.by_name.retain(|_, limits| !limits.is_empty());
        self.count = self.by_name.values().map(Vec::len).sum();
        self.due = Due::default();
        for limit in self.by_name.values().flatten() {
            self.due.add(limit);
        }
        changes
    }

    /// How long nothing changes by itself, if the wall clock is not set; `None` for ever.
    #[must_use]
    pub fn next_due(&self, now: Now) -> Option<Duration> {
        let wall = self.due.wall.map(|due| now.wall.until(due));
        let uptime = self.due.uptime.map(|due| due.saturating_sub(now.uptime));
        [wall, uptime].into_iter().flatten().min()
    }

    /// Whether something is due by the wall clock, which may be set at any moment.
    #[must_use]
    pub const fn follows_wall(&self) -> bool {
        self.due.wall.is_some()
    }

    /// Puts an order in the place of what its source has ordered for the name before.
    pub fn put(&mut self, name: &str, order: Order, now: Now) -> Result<Change, Full> {
        let limit = Limit::new(order, now);
        let source = Arc::clone(&limit.order.source);
        let present = self
            .by_name
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let place = present.binary_search_by(|one| one.order.source.cmp(&source));
        if place.is_err() {
            if present.len() >= MOST_SOURCES {
                return Err(Full::Sources(MOST_SOURCES));
            }
            if self.count >= MOST_LIMITS {
                return Err(Full::Limits(MOST_LIMITS));
            }
        }
        self.due.add(&limit);
        let name = match self.by_name.get_key_value(name) {
            Some((name, _)) => Arc::clone(name),
            None => name.into(),
        };
        let limits = self.by_name.entry(Arc::clone(&name)).or_default();
        let before = match place {
            Ok(at) => limits
                .get_mut(at)
                .map(|known| std::mem::replace(known, limit.clone())),
            Err(at) => {
                limits.insert(at, limit.clone());
                self.count += 1;
                None
            }
        };
        Ok(Change {
            name,
            source,
            cause: Cause::Put,
            before,
            after: Some(limit),
        })
    }

    /// The source is heard. `None` if it has no limit for the name.
    pub fn heartbeat(&mut self, name: &str, source: &str, now: Now) -> Option<Change> {
        let (name, _) = self.by_name.get_key_value(name)?;
        let name = Arc::clone(name);
        let limit = self.find_mut(&name, source)?;
        let (before, was_silent) = (limit.clone(), limit.is_silent(now));
        limit.hear(now);
        Some(Change {
            name,
            source: Arc::clone(&before.order.source),
            cause: Cause::Heartbeat { was_silent },
            after: Some(limit.clone()),
            before: Some(before),
        })
    }

    /// Takes a limit away. `None` if the source has none for the name.
    pub fn delete(&mut self, name: &str, source: &str) -> Option<Change> {
        let (name, limits) = self.by_name.get_key_value(name)?;
        let name = Arc::clone(name);
        let at = limits.iter().position(|one| &*one.order.source == source)?;
        let limits = self.by_name.get_mut(&name)?;
        let before = limits.remove(at);
        self.count -= 1;
        if limits.is_empty() {
            self.by_name.remove(&name);
        }
        Some(Change {
            name,
            source: Arc::clone(&before.order.source),
            cause: Cause::Delete,
            before: Some(before),
            after: None,
        })
    }

    /// The strictest limit in force for the name.
    #[must_use]
    pub fn in_force(&self, name: &str) -> Option<InForce> {
        let limits = self.by_name.get(name)?.iter();
        let in_force = limits.filter_map(Limit::in_force);
        in_force.reduce(InForce::stricter)
    }

    /// The limits of one name, by their source; none if the name has none.
    #[must_use]
    pub fn of(&self, name: &str) -> &[Limit] {
        self.by_name
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// All names that have limits, in order.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    /// All limits, by name and source.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &Limit)> {
        let limits = self.by_name.iter();
        limits.flat_map(|(name, limits)| limits.iter().map(move |limit| (name, limit)))
    }

    /// The number of limits.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a limit of another process, unless its source has one for the name already.
    pub(crate) fn adopt(&mut self, name: &str, limit: Limit) -> bool {
        let present = self.of(name);
        let place = present.binary_search_by(|one| one.order.source.cmp(&limit.order.source));
        let Err(at) = place else { return false };
        if present.len() >= MOST_SOURCES || self.count >= MOST_LIMITS {
            return false;
        }
        self.due.add(&limit);
        self.count += 1;
        self.by_name
            .entry(name.into())
            .or_default()
            .insert(at, limit);
        true
    }

    fn find_mut(&mut self, name: &str, source: &str) -> Option<&mut Limit> {
        let mut limits = self.by_name.get_mut(name)?.iter_mut();
        limits.find(|one| &*one.order.source == source)
    }
}

impl Due {
    fn add(&mut self, limit: &Limit) {
        self.wall = earlier(self.wall, limit.due_by_wall());
        self.uptime = earlier(self.uptime, limit.due_by_uptime());
    }
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(min(one, other)),
        (one, other) => one.or(other),
    }
}
