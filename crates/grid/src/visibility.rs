//! Samples of a gauge that shows bookings late (`load.visibility_lag`).
//!
//! The arithmetic is the ledger's own ([`switchyard_balance::visibility`]). This module has the
//! clock, the timer of the notes, and the notes themselves. Without a lag there are none, and a
//! scrape uses the ledger directly.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use switchyard_balance::{Ledger, visibility::History};
use switchyard_scrape::LagHistory;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::substation::Id;

/// The histories of the ledgers of some gauges; empty where there is no lag.
///
/// Only the scraping task writes and reads them, so no lock is ever contended. The locks are there
/// because its scrapes and its timer take turns.
#[derive(Debug)]
pub(super) struct Visibility {
    began: Instant,
    lag: Duration,
    histories: HashMap<Id, Arc<Mutex<History>>>,
    /// When the next note is due.
    notes: Option<Interval>,
}

impl Visibility {
    /// Histories that begin now, and the timer of the notes. A ledger is known by the id of what it belongs to.
    pub(super) fn new<'l>(lag: Duration, ledgers: impl Iterator<Item = (Id, &'l Ledger)>) -> Self {
        let notes = (!lag.is_zero()).then(|| {
            let mut timer = interval(History::interval(lag));
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
            timer
        });
        let mut visibility = Self {
            began: Instant::now(),
            lag,
            histories: HashMap::new(),
            notes,
        };
        visibility.follow(lag, ledgers);
        visibility
    }

    /// Adapts to a changed lag or other ledgers. Histories of those that stay go on, unless the lag
    /// changed.
    pub(super) fn follow<'l>(
        &mut self,
        lag: Duration,
        ledgers: impl Iterator<Item = (Id, &'l Ledger)>,
    ) {
        if lag != self.lag {
            *self = Self::new(lag, ledgers);
            return;
        }
        let mut before = std::mem::take(&mut self.histories);
        if lag.is_zero() {
            return;
        }
        self.histories = ledgers
            .map(|(id, ledger)| {
                let history = before.remove(&id);
                let begin = || Arc::new(Mutex::new(History::new(lag, ledger)));
                (id, history.unwrap_or_else(begin))
            })
            .collect();
    }

    /// Waits until the next note is due; forever where there is no lag.
    pub(super) async fn due(&mut self) {
        match &mut self.notes {
            Some(timer) => {
                timer.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Adds a note of each ledger to its history.
    pub(super) fn note<'l>(&self, ledgers: impl Iterator<Item = (Id, &'l Ledger)>) {
        let now = self.began.elapsed();
        for (id, ledger) in ledgers {
            if let Some(history) = self.histories.get(&id) {
                history.lock().note(now, ledger);
            }
        }
    }

    /// What a scrape needs beside the ledger; none where there is no lag.
    pub(super) fn of(&self, id: Id) -> Option<LagHistory> {
        let history = self.histories.get(&id)?;
        Some(LagHistory::new(Arc::clone(history), self.began))
    }
}
