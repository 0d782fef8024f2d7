//! What all grids of a process have in common, whatever configuration each was made from.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use parking_lot::Mutex;
use tracing::{info, warn};

use switchyard_config as config;

use crate::{
    choice::ChoiceMetrics,
    clock::{Clock, Moment},
    condition::Census,
    substation::Substation,
};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) choice_metrics: ChoiceMetrics,
    pub(super) census: Arc<Census>,
    is_first_round_done: AtomicBool,
    panic: Mutex<Panic>,
}

/// Whether so few are left that those ejected for failing are used as well.
#[derive(Debug, Default)]
struct Panic {
    is_on: bool,
    /// Below this share in rotation.
    below: f64,
    /// The newest grid's: a report may come through an older one.
    members: Arc<[Arc<Substation>]>,
}

impl Common {
    pub(super) fn new(clock: Clock, choice_metrics: ChoiceMetrics) -> Self {
        Self {
            clock,
            choice_metrics,
            census: Arc::default(),
            is_first_round_done: AtomicBool::new(false),
            panic: Mutex::default(),
        }
    }

    pub(super) fn is_first_round_done(&self) -> bool {
        self.is_first_round_done.load(Relaxed)
    }

    pub(super) fn set_first_round_done(&self) {
        self.is_first_round_done.store(true, Relaxed);
    }

    pub(super) fn is_panicking(&self) -> bool {
        self.panic.lock().is_on
    }

    /// From now on these are the members, under these rules.
    pub(super) fn set_members(&self, members: &[Arc<Substation>], rules: &config::Health) {
        self.census.set_rules(members.len(), rules);
        let mut panic = self.panic.lock();
        panic.below = rules.panic;
        panic.members = members.into();
    }

    /// After `changed` has: are so few left that those ejected for failing are to be used?
    pub(super) fn review(&self, changed: &Substation) {
        let mut panic = self.panic.lock();
        let was_on = panic.is_on;
        if panic.judge(&self.census) == was_on {
            press(changed, was_on, self.clock.now());
        } else {
            panic.press_all(self.clock.now());
        }
    }

    /// The same after members have come or gone.
    pub(super) fn take_stock(&self) {
        let mut panic = self.panic.lock();
        panic.judge(&self.census);
        panic.press_all(self.clock.now());
    }
}

impl Panic {
    #[expect(clippy::cast_precision_loss, reason = "at most 10,000 substations")]
    fn judge(&mut self, census: &Census) -> bool {
        let (fit, all) = census.fit_of();
        let is_too_few = (fit as f64) < self.below * all as f64;
        if std::mem::replace(&mut self.is_on, is_too_few) != is_too_few {
            if is_too_few {
                warn!(
                    fit,
                    all, "Too few in rotation: those that fail are used as well"
                );
            } else {
                info!(fit, all, "Enough in rotation again");
            }
        }
        is_too_few
    }

    fn press_all(&self, now: Moment) {
        for substation in &*self.members {
            press(substation, self.is_on, now);
        }
    }
}

fn press(substation: &Substation, is_pressed: bool, now: Moment) {
    let ledger = substation.ledger();
    substation.condition().press(ledger, is_pressed, now);
}
