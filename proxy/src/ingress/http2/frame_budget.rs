//! Frames that ask for nothing, and how many of them a connection may send.
//!
//! HTTP/2 has frames that each cost work and lead to no request: PING and SETTINGS, which have to be answered, PRIORITY,
//! `WINDOW_UPDATE`, empty DATA, resets, types that nobody has defined. The `h2` crate bounds some of them, but a client that
//! sends the others without end keeps a thread busy. So this counts the frames in the bytes that a client sends, before
//! `h2` reads them.
//!
//! A connection has a budget. Each such frame takes one from it, SETTINGS ten, since they may change every stream. What is
//! useful, and time, give back:
//!
//! | what | gives back |
//! | --- | --- |
//! | a connection | 1,000 to begin with, which is also the most |
//! | a new request | 20 |
//! | a KiB of bodies or answers | 1 |
//! | a second | 10 |
//! | a piece of a body that streams | 1 |
//! | a piece of an answer that streams | 3 |
//!
//! An honest client is far from the bound. Clients send one PING in seconds, and a few for a window that grows (gRPC).
//! They send two updates of windows for a DATA frame that they receive, which has a KiB or is the only one of an answer. After
//! a handshake Firefox sends six PRIORITY frames. Envoy allows a hundred PRIORITY and five `WINDOW_UPDATE` frames a request,
//! and two empty frames in a row; nginx ends a connection that sent eight times as much as its requests and 8 MiB, or has
//! 10,000 answers to PING and SETTINGS in its queue.

use std::time::Duration;

use super::PREFACE;

/// What a connection begins with, and the most that it can have.
const FULL: u32 = 1_000;
/// What a new request gives back.
const PER_REQUEST: u32 = 20;
/// What a second gives back.
const PER_SECOND: u64 = 10;
/// How many useful bytes give one back.
const BYTES_PER_CREDIT: usize = 1_024;
/// What SETTINGS take.
const PER_SETTINGS: u32 = 10;
/// DATA of fewer bytes is worth no more than an empty frame.
const SMALLEST_DATA: usize = 64;

const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// The budget is used up: the client floods the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flood;

/// The budget of one connection, and where in its frames the received bytes end.
#[derive(Debug)]
pub(super) struct FrameBudget {
    /// How many bytes are left of the preface, or of the payload of the current frame.
    skip: usize,
    /// The head of a frame that has not arrived whole.
    head: [u8; FRAME_HEAD],
    arrived: usize,
    /// The length of the current frame's payload.
    length: usize,
    /// The length of the header block that the frames before this one have begun and not ended.
    block: usize,
    /// The newest stream.
    newest: u32,
    credit: u32,
    /// Useful bytes that have given nothing back yet.
    useful: usize,
    /// How much of the connection's time has given back.
    paid: Duration,
}

impl Default for FrameBudget {
    fn default() -> Self {
        Self {
            skip: PREFACE.len(),
            head: [0; FRAME_HEAD],
            arrived: 0,
            length: 0,
            block: 0,
            newest: 0,
            credit: FULL,
            useful: 0,
            paid: Duration::ZERO,
        }
    }
}

impl FrameBudget {
    /// Counts the frames in the next bytes of the client, which arrived when the connection was this `old`.
    pub(super) fn received(&mut self, mut bytes: &[u8], old: Duration) -> Result<(), Flood> {
        self.pay(old);
        while !bytes.is_empty() {
            if self.skip > 0 {
                let here = self.skip.min(bytes.len());
                self.skip -= here;
                bytes = bytes.get(here..).unwrap_or_default();
                continue;
            }
            let here = (FRAME_HEAD - self.arrived).min(bytes.len());
            let (now, later) = bytes.split_at_checked(here).unwrap_or_default();
            if let Some(head) = self.head.get_mut(self.arrived..self.arrived + here) {
                head.copy_from_slice(now);
            }
            self.arrived += here;
            bytes = later;
            if self.arrived == FRAME_HEAD {
                self.arrived = 0;
                self.count()?;
            }
        }
        Ok(())
    }

    /// How many bytes `h2` keeps until the rest of a frame or of a header block has come, at most.
    pub(super) const fn unfinished(&self) -> usize {
        if self.block > 0 {
            self.block.saturating_sub(self.skip)
        } else if self.skip > 0 {
            self.length.saturating_sub(self.skip)
        } else {
            0
        }
    }

    /// Counts bytes that were sent to the client.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.useful += bytes;
        if self.useful >= BYTES_PER_CREDIT {
            let credit = self.useful / BYTES_PER_CREDIT;
            self.useful %= BYTES_PER_CREDIT;
            self.give(u32::try_from(credit).unwrap_or(FULL));
        }
    }

    /// Gives back what the streams have [earned](super::credit).
    pub(super) fn earn(&mut self, credit: u32) {
        self.give(credit);
    }

    /// Counts the frame whose head has arrived.
    fn count(&mut self) -> Result<(), Flood> {
        let [high, middle, low, kind, flags, stream @ ..] = self.head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        self.skip = usize::try_from(length).unwrap_or(usize::MAX);
        self.length = self.skip;
        let is_block = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS == 0;
        self.block = if is_block {
            self.block + self.length
        } else {
            0
        };
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        match kind {
            HEADERS if stream > self.newest => {
                self.newest = stream;
                self.give(PER_REQUEST);
                Ok(())
            }
            DATA if self.skip >= SMALLEST_DATA && flags & PADDED == 0 => {
                self.sent(self.skip);
                Ok(())
            }
            SETTINGS => self.take(PER_SETTINGS),
            _ => self.take(1),
        }
    }

    fn take(&mut self, cost: u32) -> Result<(), Flood> {
        self.credit = self.credit.checked_sub(cost).ok_or(Flood)?;
        Ok(())
    }

    fn give(&mut self, credit: u32) {
        self.credit = self.credit.saturating_add(credit).min(FULL);
    }

    fn pay(&mut self, old: Duration) {
        let unpaid = old.saturating_sub(self.paid);
        let tick = Duration::from_secs(1) / u32::try_from(PER_SECOND).unwrap_or(1);
        if unpaid < tick {
            return;
        }
        let ticks = unpaid.as_millis() / tick.as_millis();
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        self.give(ticks);
        self.paid = self.paid.saturating_add(tick.saturating_mul(ticks));
    }
}

#[cfg(test)]
mod tests;
