//! Forecasts for what is narrower than the grid: a feeder that is full while others have room, and the substations that
//! requests of one selection can use.
//!
//! Each has the ends of the bookings under it. A feeder knows all of this proxy; a selection knows those of requests that
//! named the same, so what others booked at its substations ends unforeseen. A refused request is promised a place as
//! in the grid, so that clients come back one after the other and not all for the same room. But the room is *not kept*
//! until then: to keep it, other requests would have to go elsewhere.
//!
//! Memory is bounded: a forecast begins with the first booking, and promises with the first refusal. At most
//! 96 feeders and 32 selections have one; a selection without a session to come makes way for another.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    mem::discriminant,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use fastrand::Rng;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use switchyard_balance::{
    Forecast, Load, Promises,
    forecast::CarriedForecast,
    promises::{Ask, BOUNDLESS, CarriedPromises, Wait},
};

/// The most feeders with a forecast.
const MOST_FEEDERS: usize = 96;
/// The most selections with one.
const MOST_SELECTIONS: usize = 32;

/// What a forecast is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::dispatch) enum ScopeName {
    /// A feeder, by its name.
    Feeder(String),
    /// What requests need, in words.
    Selection(String),
}

/// The forecasts that there are.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    all: RwLock<BTreeMap<ScopeName, Arc<Scope>>>,
    /// The second in which one was last looked for that could make way.
    looked: AtomicU64,
}

#[derive(Debug, Default)]
struct Scope {
    forecast: Forecast,
    promises: Mutex<Option<Promises>>,
    /// Number of promises, readable without the lock.
    promised: AtomicUsize,
}

/// One forecast and its promises, for the next process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CarriedScope {
    name: ScopeName,
    forecast: CarriedForecast,
    promises: CarriedPromises,
}

impl Scopes {
    fn get(&self, name: &ScopeName) -> Option<Arc<Scope>> {
        self.all.read().get(name).map(Arc::clone)
    }

    /// The scope of this name, new if it was not there and there is a place for it.
    fn get_or_begin(&self, name: ScopeName, now: Duration) -> Option<Arc<Scope>> {
        if let Some(scope) = self.get(&name) {
            return Some(scope);
        }
        let most = match name {
            ScopeName::Feeder(_) => MOST_FEEDERS,
            ScopeName::Selection(_) => MOST_SELECTIONS,
        };
        let is_alike = |other: &&ScopeName| discriminant(*other) == discriminant(&name);
        let is_full = |all: &BTreeMap<ScopeName, _>| all.keys().filter(is_alike).count() >= most;
        // To look for one that can make way takes a while.
        let second = now.as_secs() + 1;
        if is_full(&self.all.read()) && self.looked.swap(second, Relaxed) == second {
            return None;
        }
        let mut all = self.all.write();
        if !all.contains_key(&name) && is_full(&all) {
            let is_over = |(other, scope): &(&ScopeName, &Arc<Scope>)| {
                is_alike(other) && !scope.forecast.is_any_to_end(now) && scope.count(now) == 0
            };
            let over = all.iter().find(is_over);
            let over = over.map(|(other, _)| other.clone())?;
            all.remove(&over);
        }
        let scope = match all.entry(name) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => place.insert(Arc::default()),
        };
        Some(Arc::clone(scope))
    }

    /// Adds a booking of `load` that ends after `lasts`, by a client that may have been promised it.
    pub(super) fn booked(&self, name: ScopeName, (load, lasts, now): (Load, Duration, Duration)) {
        if let Some(scope) = self.get_or_begin(name, now) {
            scope.forecast.booked(load, lasts, now);
        }
    }

    /// Whether a client that finds room may have been promised some here.
    pub(super) fn has_promised(&self, name: &ScopeName) -> bool {
        self.get(name)
            .is_some_and(|scope| scope.promised.load(Relaxed) > 0)
    }

    /// Notes that a client has found room, whether it was promised some or not.
    pub(super) fn entered(&self, name: &ScopeName, ask: Ask) {
        if let Some(scope) = self.get(name) {
            scope.change(|promises| promises.enter(ask, &scope.forecast, || BOUNDLESS));
        }
    }

    /// Promises a place to a request that found no room.
    pub(super) fn promise(&self, name: &ScopeName, ask: Ask, rng: &mut Rng) -> Wait {
        let Some(scope) = self.get(name) else {
            return Wait::Unknown;
        };
        scope.change(|promises| promises.promise(ask, &scope.forecast, 0, rng))
    }

    /// What the next process needs to go on.
    pub(super) fn carry(&self, now: Duration) -> Vec<CarriedScope> {
        let all = self.all.read();
        let carried = all.iter().map(|(name, scope)| CarriedScope {
            name: name.clone(),
            forecast: scope.forecast.carry(now),
            promises: {
                let mut promises = scope.promises.lock();
                let carried = promises.as_mut().map(|promises| promises.carry(now));
                carried.unwrap_or_default()
            },
        });
        carried.collect()
    }

    /// Goes on from what another process has left `ago`.
    pub(super) fn restore(&self, carried: Vec<CarriedScope>, ago: Duration, now: Duration) {
        for one in carried {
            let Some(scope) = self.get_or_begin(one.name, now) else {
                continue;
            };
            scope.forecast.restore(&one.forecast, ago, now);
            if !one.promises.places.is_empty() {
                scope.change(|promises| promises.restore(&one.promises, ago, now));
            }
        }
    }
}

impl Scope {
    fn change<T>(&self, change: impl FnOnce(&mut Promises) -> T) -> T {
        let mut promises = self.promises.lock();
        let promises = promises.get_or_insert_default();
        let result = change(promises);
        self.promised.store(promises.count(), Relaxed);
        result
    }

    /// Number of promises that are not over.
    fn count(&self, now: Duration) -> usize {
        let mut promises = self.promises.lock();
        promises.as_mut().map_or(0, |promises| {
            promises.lapse(now);
            promises.count()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn load(units: f64) -> Load {
        Load::new(units).unwrap()
    }

    fn feeder(name: &str) -> ScopeName {
        ScopeName::Feeder(name.into())
    }

    fn ask(client: u64, seconds: u32) -> Ask {
        Ask {
            client,
            is_named: true,
            load: load(11.0),
            now: SECOND * seconds,
        }
    }

    #[test]
    fn each_scope_has_its_own_ends_and_its_clients_come_back_one_after_the_other() {
        let (scopes, mut rng) = (Scopes::default(), Rng::with_seed(1));
        scopes.booked(feeder("far"), (load(11.0), SECOND * 60, Duration::ZERO));
        scopes.booked(feeder("near"), (load(11.0), SECOND * 5, Duration::ZERO));
        scopes.booked(feeder("near"), (load(11.0), SECOND * 9, Duration::ZERO));
        let mut promise = |name, client| scopes.promise(&feeder(name), ask(client, 0), &mut rng);
        assert_eq!(promise("near", 1), Wait::Promised(6));
        assert_eq!(promise("near", 2), Wait::Promised(10));
        assert_eq!(promise("near", 1), Wait::Promised(6), "the same client");
        assert_eq!(promise("far", 1), Wait::Promised(61));
        assert_eq!(promise("unknown", 1), Wait::Unknown);
        assert!(scopes.has_promised(&feeder("near")) && !scopes.has_promised(&feeder("unknown")));
        scopes.entered(&feeder("near"), ask(1, 6));
        scopes.entered(&feeder("near"), ask(2, 7));
        assert!(
            !scopes.has_promised(&feeder("near")),
            "both have found room"
        );
    }

    #[test]
    fn the_next_process_goes_on_with_all_of_them() {
        let (old, mut rng) = (Scopes::default(), Rng::with_seed(1));
        let selection = ScopeName::Selection("connector ccs".into());
        old.booked(feeder("near"), (load(11.0), SECOND * 10, SECOND * 100));
        old.booked(selection.clone(), (load(11.0), SECOND * 20, SECOND * 100));
        assert_eq!(
            old.promise(&feeder("near"), ask(1, 100), &mut rng),
            Wait::Promised(11)
        );
        let new = Scopes::default();
        new.restore(old.carry(SECOND * 105), SECOND, SECOND);
        assert!(new.has_promised(&feeder("near")));
        assert_eq!(
            new.promise(&selection, ask(2, 1), &mut rng),
            Wait::Promised(15)
        );
        assert_eq!(
            new.promise(&feeder("near"), ask(1, 1), &mut rng),
            Wait::Promised(5)
        );
    }

    #[test]
    fn selections_that_nobody_books_any_more_make_way_and_feeders_stay() {
        let scopes = Scopes::default();
        let selection = |number: usize| ScopeName::Selection(number.to_string());
        let booking = (load(1.0), SECOND * 10, Duration::ZERO);
        for number in 0..1_000 {
            scopes.booked(selection(number), booking);
            scopes.booked(feeder(&number.to_string()), booking);
        }
        let count = || scopes.all.read().len();
        assert_eq!(count(), MOST_FEEDERS + MOST_SELECTIONS);
        assert!(scopes.get(&selection(31)).is_some() && scopes.get(&selection(32)).is_none());
        let later = (load(1.0), SECOND * 10, SECOND * 20);
        scopes.booked(selection(1_000), later);
        assert!(scopes.get(&selection(1_000)).is_some());
        assert_eq!(count(), MOST_FEEDERS + MOST_SELECTIONS);
    }
}
