//! What programs do with an end: write, read, shut, close; and what becomes of it without them.

use std::{collections::VecDeque, net::Ipv4Addr};

use libc::{EAGAIN, ECONNRESET, ENOTCONN, EPIPE, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP};

use crate::{
    ends::{EndId, Owner, What},
    state::Kernel,
};

/// The bytes of a segment, as over Ethernet.
const SEGMENT: usize = 1_448;

impl Kernel {
    /// Writes bytes. Returns how many were taken, or the error.
    pub(crate) fn write_end(&mut self, end: EndId, bytes: &[u8]) -> Result<usize, i32> {
        let state = self.end(end);
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.is_reset || state.is_shut {
            return Err(EPIPE);
        }
        if !state.is_connected {
            return Err(if state.peer.is_none() && state.remote.is_none() {
                ENOTCONN
            } else {
                EAGAIN
            });
        }
        let taken = bytes.len().min(state.room());
        if taken == 0 && !bytes.is_empty() {
            return Err(EAGAIN);
        }
        state.sent += taken as u64;
        let mut rest = &bytes[..taken];
        while !rest.is_empty() {
            // Now and then a segment is short: no program may believe that what is written at once arrives at once.
            let most = rest.len().min(SEGMENT);
            let length = if most > 1 && self.rng.u8(..16) == 0 {
                self.rng.usize(1..most)
            } else {
                most
            };
            let (segment, after) = rest.split_at(length);
            self.send(end, What::Bytes(segment.to_vec()));
            rest = after;
        }
        Ok(taken)
    }

    /// Sends open files, which go with the bytes that are written next.
    pub(crate) fn send_rights(&mut self, end: EndId, files: Vec<usize>) {
        for file in &files {
            self.files.share(*file);
        }
        self.send(end, What::Rights(files));
    }

    /// The open files that go with the next byte.
    pub(crate) fn take_rights(&mut self, end: EndId) -> Vec<usize> {
        let state = self.end(end);
        match state.rights.front() {
            Some((place, _)) if *place <= state.read => state
                .rights
                .pop_front()
                .map(|(_, files)| files)
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Reads bytes into `into`. Returns how many, 0 at the end, or the error.
    pub(crate) fn read_end(
        &mut self,
        end: EndId,
        into: &mut [u8],
        is_peek: bool,
    ) -> Result<usize, i32> {
        let state = self.end(end);
        let count = into.len().min(state.unread.len());
        if count > 0 {
            for (place, byte) in into.iter_mut().zip(state.unread.iter()) {
                *place = *byte;
            }
            if !is_peek {
                state.unread.drain(..count);
                state.read += count as u64;
                self.let_go_on(end);
            }
            return Ok(count);
        }
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.has_ended || state.is_reset || state.is_read_shut || into.is_empty() {
            return Ok(0);
        }
        if !state.is_connected && state.remote.is_none() && state.peer.is_none() {
            return Err(ENOTCONN);
        }
        Err(EAGAIN)
    }

    fn let_go_on(&mut self, end: EndId) {
        if let Some(peer) = self.end(end).peer
            && std::mem::take(&mut self.end(peer).is_stalled)
        {
            self.schedule(peer);
        }
    }

    /// Ends one direction or both, as `shutdown` does.
    pub(crate) fn shut_end(&mut self, end: EndId, reads: bool, writes: bool) -> Result<(), i32> {
        let state = self.end(end);
        if !state.is_connected || state.is_reset {
            return Err(ENOTCONN);
        }
        if reads {
            state.is_read_shut = true;
            state.unread.clear();
        }
        if writes && !std::mem::replace(&mut state.is_shut, true) {
            self.send(end, What::End);
        }
        self.notify_end(end, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
        Ok(())
    }

    /// No program has the end any more.
    pub(crate) fn close_end(&mut self, end: EndId) {
        let state = self.end(end);
        if std::mem::replace(&mut state.owner, Owner::Closed) == Owner::Closed {
            return;
        }
        let is_rude = !state.unread.is_empty() || state.resets_at_close;
        state.unread = VecDeque::new();
        let rights = std::mem::take(&mut state.rights);
        if !state.is_connected || state.is_reset {
            state.under_way.clear();
        } else if is_rude {
            state.is_reset = true;
            // What was acknowledged stays acknowledged; bytes that were not delivered are dropped.
            state
                .under_way
                .retain(|segment| matches!(segment.what, What::Acknowledged(_) | What::Accepted));
            self.send(end, What::Reset);
        } else if !std::mem::replace(&mut state.is_shut, true) {
            self.send(end, What::End);
        }
        self.let_go_on(end);
        for file in rights.into_iter().flat_map(|(_, files)| files) {
            self.unshare(file);
        }
    }

    /// The machine has lost its power: its ends are gone, and nothing says so.
    pub(crate) fn lose_ends(&mut self, machine: Ipv4Addr) {
        for end in 0..self.files.ends.len() {
            let state = self.end(end);
            if state.machine == machine && state.local.is_some() {
                // An end that is closed answers with a reset, once its machine is back.
                state.owner = Owner::Closed;
                state.is_shut = true;
                state.unread = VecDeque::new();
                self.let_go_on(end);
            }
        }
    }

    /// Resets all connections between two machines, at both ends.
    pub(crate) fn reset_between(&mut self, a: Ipv4Addr, b: Ipv4Addr) {
        for end in 0..self.files.ends.len() {
            let Some(peer) = self.end(end).peer else {
                continue;
            };
            let machines = (self.end(end).machine, self.end(peer).machine);
            if machines == (a, b) || machines == (b, a) {
                self.fail(end, ECONNRESET);
            }
        }
    }
}
