//! Cars that find no room are told when to come back, and do so: what [`switchyard_balance::promises`] says and keeps.

use std::time::Duration;

use switchyard_balance::promises::{Ask, Wait};

use super::Simulation;
use crate::event::{Car, Event};

/// A wave is counted within so long: within a second, chance alone makes some.
const WINDOW: Duration = Duration::from_secs(5);

/// What became of the cars that came back while it was measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Returns {
    /// By [`WINDOW`].
    windows: Vec<u64>,
    pub(super) found_room: u64,
}

impl Simulation {
    /// Whether a car may enter without taking a place that was promised to another.
    pub(super) fn may_enter(&mut self, car: Car) -> bool {
        let ask = self.ask_of(car);
        let Some(proxy) = self.proxies.get_mut(car.proxy) else {
            return true;
        };
        let picker = &proxy.picker;
        let free = || picker.room_for(car.session.power);
        proxy.promises.count() == 0 || proxy.promises.enter(ask, &proxy.forecast, free)
    }

    /// A car found no room, or was held back for others that were promised what there is. It is told when to come back.
    pub(super) fn refuse(&mut self, car: Car, was_held: bool) {
        if !self.scenario.comes_back {
            return;
        }
        let ask = self.ask_of(car);
        let Some(proxy) = self.proxies.get_mut(car.proxy) else {
            return;
        };
        let free = if was_held {
            proxy.picker.room_for(car.session.power)
        } else {
            0
        };
        let rng = &mut self.rng.waits;
        let seconds = match proxy.promises.promise(ask, &proxy.forecast, free, rng) {
            Wait::Promised(seconds) | Wait::Longer(seconds) => seconds,
            Wait::Unknown => rng.u32(1..=3),
        };
        let at = self.now + Duration::from_secs(seconds.into());
        if at < self.scenario.end() {
            self.queue.plan(at, Event::Return(car));
        }
    }

    /// It comes back, as it was told.
    pub(super) fn come_back(&mut self, car: Car) {
        let measured = self.now.checked_sub(self.scenario.warm_up);
        if let Some(second) = measured {
            self.returns.count(second);
        }
        self.ask(Car {
            is_back: measured.is_some(),
            ..car
        });
    }

    /// The answer says how long the session lasts. Its end is seen with the next poll.
    pub(super) fn note_end(&mut self, car: Car) {
        if let Some(proxy) = self.proxies.get_mut(car.proxy) {
            let lasts = car.session.length + self.scenario.poll.interval;
            proxy.forecast.booked(car.session.power, lasts, self.now);
        }
    }

    fn ask_of(&self, car: Car) -> Ask {
        Ask {
            client: car.number,
            is_named: true,
            load: car.session.power,
            now: self.now,
        }
    }
}

impl Returns {
    fn count(&mut self, since: Duration) {
        let window = usize::try_from(since.as_secs() / WINDOW.as_secs()).unwrap_or_default();
        while self.windows.len() <= window {
            self.windows.push(0);
        }
        if let Some(count) = self.windows.get_mut(window) {
            *count += 1;
        }
    }

    pub(super) fn came_back(&self) -> u64 {
        self.windows.iter().sum()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
    pub(super) fn wave(&self) -> f64 {
        let most = self.windows.iter().max().copied().unwrap_or(0);
        let all = self.came_back().max(1);
        most as f64 * self.windows.len() as f64 / all as f64
    }
}
