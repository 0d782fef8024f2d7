//! The requests on a pipelined connection, in order, and what becomes of each. Without any I/O.
//!
//! Requests are written one after the other and answered in that order, so the state is a queue and the number of
//! bytes written. Each waiting request holds a ticket. With it the request collects its outcome, or it gives up
//! because its time ran out. If any of it had left, its entry stays, because its answer will still come and must be
//! discarded. Otherwise the entry goes.
//!
//! Two waiting requests have a duty, which follows from their position alone. The *writer* is the first request that
//! has not left whole; the *reader* is the first without an answer. So no task has to drive the connection, and a
//! request that gives up always passes its duty on.

use std::{collections::VecDeque, ops::Range, task::Waker};

use tokio::time::Instant;

use super::Progress;
use switchyard_http1::Malformed;
use switchyard_transport::Refusal;

/// Identifies an entry in the queue of one connection; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// How a request ended.
#[derive(Debug)]
pub(super) enum Outcome<A> {
    /// Answered.
    Answered(A),
    /// Certainly not booked: no byte of it had left, or the substation had announced that it would read no further.
    Unprocessed,
    /// Certainly not booked: the substation refused the client certificate, so it has read no request.
    Refused(Refusal),
    /// The answer is larger than the limit.
    TooLarge(Malformed),
    /// The connection was lost, or the bytes that came over it were not a valid answer.
    Lost {
        /// What happened.
        reason: String,
        /// Where the request begins, in bytes from the first of the connection.
        begins: u64,
        /// The substation closed before the first byte of an answer, in a way after which the kernel may know whether
        /// the request arrived.
        is_clean: bool,
    },
}

/// The requests of one connection, in the order of their bytes.
#[derive(Debug)]
pub(super) struct PipelineQueue<A> {
    entries: VecDeque<Entry<A>>,
    /// The ticket of the first entry.
    first: u64,
    /// Bytes written to the connection since it began.
    written: u64,
    /// Where the next request will begin.
    end: u64,
}

#[derive(Debug)]
struct Entry<A> {
    begins: u64,
    ends: u64,
    /// When it was queued; once it is written, when that was.
    since: Instant,
    waker: Option<Waker>,
    state: EntryState<A>,
}

#[derive(Debug)]
enum EntryState<A> {
    Waiting,
    /// The request was given up, but its answer will come.
    Abandoned,
    Ended(Outcome<A>),
    /// The outcome was collected, or the request was given up before it left.
    Collected,
}

impl<A> PipelineQueue<A> {
    /// An empty queue for a connection over which `written` bytes have been sent.
    pub(super) fn new(written: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            written,
            end: written,
        }
    }

    /// Adds a request of `length` bytes behind those still to be written.
    pub(super) fn push(&mut self, length: usize, now: Instant) -> Ticket {
        let begins = self.end;
        self.end += length as u64;
        self.entries.push_back(Entry {
            begins,
            ends: self.end,
            since: now,
            waker: None,
            state: EntryState::Waiting,
        });
        Ticket(self.first + self.entries.len() as u64 - 1)
    }

    /// Sets the waker of a request, to be woken when it has something to do.
    pub(super) fn set_waker(&mut self, ticket: Ticket, waker: &Waker) {
        if let Some(entry) = self.entry(ticket) {
            match &mut entry.waker {
                Some(known) => known.clone_from(waker),
                unknown => *unknown = Some(waker.clone()),
            }
        }
    }

    /// Clears the waker of a request that is awake.
    pub(super) fn clear_waker(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entry(ticket) {
            entry.waker = None;
        }
    }

    /// Counts the requests without an answer.
    pub(super) fn unanswered(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_open()).count()
    }

    /// Counts the requests that have not left whole.
    pub(super) fn pending_writes(&self) -> usize {
        let behind = self.entries.iter().rev();
        behind.take_while(|entry| entry.ends > self.written).count()
    }

    /// Whether there is no request left, waiting or abandoned.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether any request still waits for an answer.
    pub(super) fn is_awaited(&self) -> bool {
        let is_waiting = |entry: &Entry<A>| matches!(entry.state, EntryState::Waiting);
        self.entries.iter().any(is_waiting)
    }

    /// Since when the oldest unanswered request has been waiting.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let oldest = self.entries.iter().find(|entry| entry.is_open())?;
        Some(oldest.since)
    }

    /// Bytes that have been written since the connection began.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// The request that has to write, if there is anything to write.
    pub(super) fn writer(&self) -> Option<Ticket> {
        let written = self.written;
        // Usually all has left, and no entry need be looked at.
        if written == self.end {
            return None;
        }
        self.find(|entry| entry.ends > written && matches!(entry.state, EntryState::Waiting))
    }

    /// The request that has to read, if any waits for an answer.
    pub(super) fn reader(&self) -> Option<Ticket> {
        self.find(|entry| matches!(entry.state, EntryState::Waiting))
    }

    /// The waker of a request.
    pub(super) fn waker(&self, ticket: Ticket) -> Option<&Waker> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.entries.get(at)?.waker.as_ref()
    }

    /// Records that `bytes` more were written.
    pub(super) fn wrote(&mut self, bytes: usize, now: Instant) {
        let before = self.written;
        self.written += bytes as u64;
        for entry in self.entries.iter_mut().rev() {
            if entry.ends <= before {
                break;
            }
            if entry.ends <= self.written {
                entry.since = now;
            }
        }
    }

    /// Gives an answer to the first request without one and returns since when that request has waited.
    ///
    /// `None` means that no request has left for which this could be the answer.
    pub(super) fn answered(&mut self, answer: A) -> Option<Instant> {
        let written = self.written;
        let entry = self.entries.iter_mut().find(|entry| entry.is_open())?;
        if entry.ends > written {
            return None;
        }
        let since = entry.since;
        entry.end(Outcome::Answered(answer));
        self.drop_collected();
        Some(since)
    }

    /// Ends every open request, because no further answer will come. Whether the close was clean may differ between
    /// the request whose answer was due and those behind it.
    pub(super) fn lost(&mut self, reason: &str, first_is_clean: bool, rest_is_clean: bool) {
        let written = self.written;
        let mut is_clean = first_is_clean;
        for entry in self.entries.iter_mut().filter(|entry| entry.is_open()) {
            entry.end(if entry.begins >= written {
                Outcome::Unprocessed
            } else {
                Outcome::Lost {
                    reason: reason.to_owned(),
                    begins: entry.begins,
                    is_clean,
                }
            });
            is_clean = rest_is_clean;
        }
        self.drop_collected();
    }

    /// Ends the request whose answer was due: it is larger than the limit.
    pub(super) fn too_large(&mut self, how: Malformed) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.is_open()) {
            entry.end(Outcome::TooLarge(how));
        }
        self.drop_collected();
    }

    /// Ends the requests of which no byte has left, because nothing more will be written.
    pub(super) fn shut(&mut self) {
        let written = self.written;
        self.end_open(|entry| entry.begins >= written);
    }

    /// Ends every open request as unprocessed: the substation announced with its last answer that it would process no
    /// more, and closed.
    pub(super) fn closed(&mut self) {
        self.end_open(|_| true);
    }

    /// Ends every open request: the substation has refused the client certificate.
    pub(super) fn refused(&mut self, refusal: &Refusal) {
        for entry in self.entries.iter_mut().filter(|entry| entry.is_open()) {
            entry.end(Outcome::Refused(refusal.clone()));
        }
        self.drop_collected();
    }

    fn end_open(&mut self, is_meant: impl Fn(&Entry<A>) -> bool) {
        for entry in &mut self.entries {
            if entry.is_open() && is_meant(entry) {
                entry.end(Outcome::Unprocessed);
            }
        }
        self.drop_collected();
    }

    /// Takes the outcome of a request, once there is one, and with it the entry.
    pub(super) fn collect(&mut self, ticket: Ticket) -> Option<Outcome<A>> {
        let entry = self.entry(ticket)?;
        if !matches!(entry.state, EntryState::Ended(_)) {
            return None;
        }
        let EntryState::Ended(end) = std::mem::replace(&mut entry.state, EntryState::Collected)
        else {
            return None;
        };
        self.drop_collected();
        Some(end)
    }

    /// Gives a request up. Returns how far it had got and, if no byte of it has left, its range in the bytes still to
    /// be written, so that the caller can remove them.
    pub(super) fn leave(&mut self, ticket: Ticket) -> (Progress, Option<Range<usize>>) {
        let written = self.written;
        let Some(entry) = self.entry(ticket) else {
            return (Progress::Sent, None);
        };
        entry.waker = None;
        match entry.state {
            EntryState::Waiting if entry.begins >= written => {}
            EntryState::Waiting => {
                entry.state = EntryState::Abandoned;
                return (Progress::Sent, None);
            }
            EntryState::Ended(Outcome::Unprocessed | Outcome::Refused(_)) => {
                entry.state = EntryState::Collected;
                self.drop_collected();
                return (Progress::Unsent, None);
            }
            EntryState::Ended(_) | EntryState::Abandoned | EntryState::Collected => {
                entry.state = EntryState::Collected;
                self.drop_collected();
                return (Progress::Sent, None);
            }
        }
        let (begins, ends) = (entry.begins, entry.ends);
        entry.state = EntryState::Collected;
        entry.ends = begins;
        let length = ends - begins;
        self.end -= length;
        for entry in &mut self.entries {
            if entry.begins >= ends {
                entry.begins -= length;
                entry.ends -= length;
            }
        }
        self.drop_collected();
        let from = usize::try_from(begins - written).unwrap_or(usize::MAX);
        let to = usize::try_from(ends - written).unwrap_or(usize::MAX);
        (Progress::Unsent, Some(from..to))
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry<A>> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(at)
    }

    fn find(&self, is_it: impl Fn(&Entry<A>) -> bool) -> Option<Ticket> {
        let at = self.entries.iter().position(is_it)?;
        Some(Ticket(self.first + at as u64))
    }

    /// Drops collected entries from the front.
    fn drop_collected(&mut self) {
        while matches!(self.entries.front(), Some(entry) if matches!(entry.state, EntryState::Collected))
        {
            self.entries.pop_front();
            self.first += 1;
        }
    }
}

impl<A> Entry<A> {
    /// Whether the answer is still to come.
    fn is_open(&self) -> bool {
        matches!(self.state, EntryState::Waiting | EntryState::Abandoned)
    }

    fn end(&mut self, end: Outcome<A>) {
        self.state = match self.state {
            EntryState::Abandoned => EntryState::Collected,
            _ => EntryState::Ended(end),
        };
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
