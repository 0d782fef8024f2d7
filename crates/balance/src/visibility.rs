//! Gauges that show a booking only some time after the answer that confirmed it.
//!
//! A ledger assumes that load settled before a scrape was sent is in the sample's value. Many backends are not that
//! fast: a collector computes their gauge at intervals, or the gauge comes through another service. If such a gauge is
//! read as if it were fresh, a proxy forgets its own last bookings at each sample and sends the next ones to the same
//! upstream again.
//!
//! If the delay is at most `lag`, a value shows at least the bookings that are `lag` old when it is read. So load that
//! was settled `lag` before the scrape was sent is certainly in the value. Load assigned since then may or may not be,
//! and the [`ledger`](crate::ledger) treats it like all ambiguous load: the previous estimate stays if the sample
//! allows it. That is right for a gauge with a fixed delay, and for a gauge that is refreshed at intervals.
//! (Two alternatives were tried. Counting the bookings of the lag in full gives the same imbalance for a fixed delay,
//! and 1.067 instead of 1.060 for a refreshed gauge. Counting half of them gives 1.067 and 1.090.)
//!
//! The own sums of `lag` ago come from a few notes that are taken at regular intervals. The newest note that is at
//! least `lag` old is used: an older note leaves more load ambiguous, never less. The notes of all upstreams are taken
//! at the same moments, so the excess is the same share for all.

use std::time::Duration;

use crate::{
    Ledger,
    ledger::{ScrapeSent, Sums},
};

/// Notes within one lag. More would be finer than the counted sessions need.
const NOTES_A_LAG: u32 = 4;
/// Enough for the notes within one lag, the note before, and a late one.
const KEPT: usize = NOTES_A_LAG as usize + 2;
/// Notes are not taken more often than this: a shorter lag is mostly the travel time of the scrape itself.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// The own sums of one ledger at some recent moments.
///
/// Times are durations since a fixed moment, by any clock of the caller.
#[derive(Clone, Debug)]
pub struct History {
    lag: Duration,
    notes: [Note; KEPT],
    newest: Note,
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    at: Duration,
    sums: Sums,
}

impl History {
    /// A history of `ledger` that begins now: everything settled so far counts as visible, except what was
    /// [restored](Ledger::restore) since its last sample.
    #[must_use]
    pub fn new(lag: Duration, ledger: &Ledger) -> Self {
        let begin = Note {
            at: Duration::ZERO,
            sums: ledger.shown_sums(),
        };
        Self {
            lag,
            notes: [begin; KEPT],
            newest: begin,
            next: 0,
        }
    }

    /// The interval between two calls of [`History::note`] for this lag.
    #[must_use]
    pub fn interval(lag: Duration) -> Duration {
        (lag / NOTES_A_LAG).max(SHORTEST_INTERVAL)
    }

    /// Notes the ledger's own sums, unless the last note is too recent.
    pub fn note(&mut self, now: Duration, ledger: &Ledger) {
        if now < self.newest.at + self.lag / NOTES_A_LAG {
            return;
        }
        self.newest = Note::of(ledger, now);
        if let Some(oldest) = self.notes.get_mut(self.next) {
            *oldest = self.newest;
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// Corrects the result of [`Ledger::scrape_sent`] for the lag. To be called right before a scrape is written to the
    /// wire.
    pub fn scrape_sent(&self, sent: ScrapeSent, now: Duration) -> ScrapeSent {
        ScrapeSent {
            sums: self.shown_at(now).sums,
            ..sent
        }
    }

    /// The newest note that is at least `lag` older than `moment`, or the oldest note if there is none.
    fn shown_at(&self, moment: Duration) -> Note {
        let is_shown = |note: &Note| note.at + self.lag <= moment;
        let better = |best: Note, note: Note| {
            let is_better = match (is_shown(&best), is_shown(&note)) {
                (true, true) => note.at > best.at,
                (true, false) => false,
                (false, true) => true,
                (false, false) => note.at < best.at,
            };
            if is_better { note } else { best }
        };
        self.notes.iter().copied().fold(self.newest, better)
    }
}

impl Note {
    fn of(ledger: &Ledger, at: Duration) -> Self {
        Self {
            at,
            sums: ledger.sums_at_send(),
        }
    }
}

#[cfg(test)]
mod tests;
