//! Gauges that show a booking only some time after the answer that confirmed it.
//!
//! A ledger takes for granted that what was settled before a scrape left is in its value. Many backends are
//! not so quick: their gauge is worked out by a collector every so often, or comes through another service.
//! Read as if it were fresh, such a gauge makes a proxy forget its own last bookings at each sample, and it
//! sends the next ones to the same place again.
//!
//! Where the delay is at most `lag`, a value read at some moment shows at least what was booked `lag` before. So
//! what was settled `lag` before the scrape left is certainly in the value; whatever was assigned since may or may not be, and the
//! [`ledger`](crate::ledger) does with it what it does with all that is ambiguous: what was known before stands, if the sample
//! allows it. That is right for a gauge that follows by a fixed delay, and for one that is refreshed every so
//! often. (To count the lag's bookings in full was tried: the same for a fixed delay, 1.067 to 1.060 for a refreshed one.
//! By half: 1.067 and 1.090.)
//!
//! What the sums were `lag` ago is looked up in a few notes taken at regular moments. The newest note that is at
//! least `lag` old stands for the moment itself: an older note leaves more to be counted, never less. Notes of all
//! upstreams are taken at the same moments, so what is counted too much is again the same share for all.

use std::time::Duration;

use crate::{Ledger, ledger::ScrapeSent};

/// Notes within one lag. More would be finer than the sessions that are counted are worth.
const NOTES_A_LAG: u32 = 4;
/// Enough for those within one lag, the one before, and one that is late.
const KEPT: usize = NOTES_A_LAG as usize + 2;
/// Notes are not taken more often than this: a lag below it is mostly the way of the scrape itself.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// What one ledger's sums were at some moments of the last while.
///
/// Time is whatever clock the caller has, as the duration since any fixed moment of it.
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
    settled: i64,
}

impl History {
    /// A history of `ledger` that begins now: what it stands at counts as visible already.
    #[must_use]
    pub fn new(lag: Duration, ledger: &Ledger) -> Self {
        let begin = Note::of(ledger, Duration::ZERO);
        Self {
            lag,
            notes: [begin; KEPT],
            newest: begin,
            next: 0,
        }
    }

    /// How often [`History::note`] is to be called for this lag.
    #[must_use]
    pub fn interval(lag: Duration) -> Duration {
        (lag / NOTES_A_LAG).max(SHORTEST_INTERVAL)
    }

    /// Notes what the ledger stands at now, unless the last note is too fresh for another one.
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

    /// To be called right before a scrape is written to the wire, with what [`Ledger::scrape_sent`] said.
    pub fn scrape_sent(&self, sent: ScrapeSent, now: Duration) -> ScrapeSent {
        ScrapeSent {
            settled: self.shown_at(now).settled,
            ..sent
        }
    }

    /// The newest note that is at least the lag older than `moment`; the oldest, where none is.
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
            settled: ledger.settled(),
        }
    }
}

#[cfg(test)]
mod tests;
