//! Samples of a gauge that shows bookings late (`load.visibility_lag`).
//!
//! The arithmetic is the ledger's own ([`switchyard_balance::visibility`]). This module has the
//! clock, the timer of the notes, and the notes themselves. Without a lag there are none, and a
//! scrape uses the ledger directly.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use switchyard_balance::visibility::History;
use switchyard_scrape::LagHistory;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::substation::{Id, Substation};

/// The histories of all substations; empty where there is no lag.
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
    /// Histories that begin now, and the timer of the notes.
    pub(super) fn new(lag: Duration, substations: &[Arc<Substation>]) -> Self {
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
        visibility.follow(lag, substations);
        visibility
    }

    /// Adapts to a changed lag or other substations. Histories of substations that stay go on,
    /// unless the lag changed.
    pub(super) fn follow(&mut self, lag: Duration, substations: &[Arc<Substation>]) {
        if lag != self.lag {
            *self = Self::new(lag, substations);
            return;
        }
        let mut before = std::mem::take(&mut self.histories);
        let late = substations.iter().filter(|_| !lag.is_zero());
        self.histories = late
            .map(|substation| {
                let history = before.remove(&substation.id());
                let begin = || Arc::new(Mutex::new(History::new(lag, substation.ledger())));
                (substation.id(), history.unwrap_or_else(begin))
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
    pub(super) fn note(&self, substations: &[Arc<Substation>]) {
        let now = self.began.elapsed();
        for substation in substations {
            if let Some(history) = self.histories.get(&substation.id()) {
                history.lock().note(now, substation.ledger());
            }
        }
    }

    /// What a scrape of `substation` needs beside its ledger; none where there is no lag.
    pub(super) fn of(&self, substation: &Substation) -> Option<LagHistory> {
        let history = self.histories.get(&substation.id())?;
        Some(LagHistory::new(Arc::clone(history), self.began))
    }
}
