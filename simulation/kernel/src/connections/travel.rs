//! What is under way between two ends: requests for connections, and segments.

use std::net::Ipv4Addr;

use libc::{
    ECONNREFUSED, ECONNRESET, EPIPE, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, ETIMEDOUT,
};

use super::end::{End, EndId, Owner, Segment, What};
use crate::{links::backoff, state::Kernel, timers::Due};

/// After so many tries TCP gives a connection up: a quarter of an hour.
const MOST_TRIES: u32 = 15;
/// After so many tries TCP gives a request for a connection up: two minutes.
const MOST_REQUESTS: u32 = 6;

impl Kernel {
    pub(super) fn end(&mut self, end: EndId) -> &mut End {
        &mut self.files.ends[end]
    }

    pub(crate) fn add_end(&mut self, end: End) -> EndId {
        self.files.ends.push(end);
        self.files.ends.len() - 1
    }

    /// Two ends that are connected to each other, on one machine, without addresses.
    pub(crate) fn pair(&mut self, machine: Ipv4Addr, owners: [Owner; 2]) -> [EndId; 2] {
        let ends = owners.map(|owner| self.add_end(End::new(machine, None, None, owner)));
        for (end, peer) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            self.end(end).peer = Some(peer);
            self.end(end).is_connected = true;
        }
        ends
    }

    /// Asks for a connection to the end's remote address.
    pub(crate) fn request(&mut self, end: EndId) {
        let (from, to) = (self.end(end).machine, self.machine_of_remote(end));
        let due = self.timers.now() + self.travel_time(from, to);
        self.timers.at(due, Due::Request(end, 0));
    }

    fn machine_of_remote(&mut self, end: EndId) -> Ipv4Addr {
        let end = self.end(end);
        match end.remote {
            Some(remote) if !remote.ip().is_loopback() => *remote.ip(),
            _ => end.machine,
        }
    }

    pub(crate) fn request_arrives(&mut self, end: EndId, tries: u32) {
        let (owner, from) = (self.end(end).owner, self.end(end).machine);
        let (Owner::File(_), Some(remote)) = (owner, self.end(end).remote) else {
            return;
        };
        let to = self.machine_of_remote(end);
        let listener = self.files.listener(to, remote);
        let is_lost = self.links.is_cut(from, to)
            || self.links.is_cut(to, from)
            || listener.is_some_and(|file| self.files.is_queue_full(file));
        if is_lost {
            if tries >= MOST_REQUESTS {
                self.fail(end, ETIMEDOUT);
            } else {
                let due = self.timers.now() + (1_000_000_000 << tries);
                self.timers.at(due, Due::Request(end, tries + 1));
            }
            return;
        }
        let Some(listener) = listener else {
            self.fail(end, ECONNREFUSED);
            return;
        };
        let mut accepted = End::new(to, Some(remote), self.end(end).local, Owner::Queued);
        accepted.peer = Some(end);
        accepted.is_connected = true;
        let accepted = self.add_end(accepted);
        self.end(end).peer = Some(accepted);
        self.files.enqueue(listener, accepted);
        self.notify(listener, EPOLLIN);
        self.send(accepted, What::Accepted);
    }

    /// The connection has ended with this error.
    pub(crate) fn fail(&mut self, end: EndId, error: i32) {
        let state = self.end(end);
        if state.owner == Owner::Closed || state.is_reset {
            return;
        }
        state.error = Some(error);
        state.is_reset = true;
        state.under_way.clear();
        self.notify_end(end, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLERR | EPOLLHUP);
    }

    pub(super) fn notify_end(&mut self, end: EndId, edges: i32) {
        if let Owner::File(file) = self.end(end).owner {
            self.notify(file, edges);
        }
    }

    /// Sends a segment to the peer.
    pub(super) fn send(&mut self, end: EndId, what: What) {
        let Some(peer) = self.end(end).peer else {
            return;
        };
        let (from, to) = (self.end(end).machine, self.files.ends[peer].machine);
        let due = self.timers.now() + self.travel_time(from, to);
        let state = self.end(end);
        let due = due.max(state.last_due);
        state.last_due = due;
        state.under_way.push_back(Segment {
            due,
            tries: 0,
            what,
        });
        if !state.is_scheduled {
            state.is_scheduled = true;
            self.timers.at(due, Due::Segment(end));
        }
    }

    /// The first segment under way from `end` arrives, or is lost.
    pub(crate) fn segment_arrives(&mut self, end: EndId) {
        let now = self.timers.now();
        let (Some(peer), from) = (self.end(end).peer, self.end(end).machine) else {
            return;
        };
        let to = self.files.ends[peer].machine;
        let is_cut = self.links.is_cut(from, to);
        let state = &mut self.files.ends[end];
        state.is_scheduled = false;
        let Some(first) = state.under_way.front_mut() else {
            return;
        };
        if first.due > now {
            state.is_scheduled = true;
            self.timers.at(first.due, Due::Segment(end));
            return;
        }
        if is_cut {
            first.tries += 1;
            if first.tries > MOST_TRIES {
                self.fail(end, ETIMEDOUT);
                return;
            }
            first.due = now + backoff(first.tries - 1);
            state.is_scheduled = true;
            let due = first.due;
            self.timers.at(due, Due::Segment(end));
            return;
        }
        let bytes = if let What::Bytes(bytes) = &first.what {
            bytes.len()
        } else {
            0
        };
        if bytes > 0 && self.files.ends[peer].has_no_room(bytes) {
            self.files.ends[end].is_stalled = true;
            return;
        }
        let first = self.end(end).under_way.pop_front();
        if let Some(segment) = first {
            self.arrive(peer, segment.what);
        }
        self.schedule(end);
    }

    pub(super) fn schedule(&mut self, end: EndId) {
        let state = self.end(end);
        if !state.is_scheduled
            && let Some(next) = state.under_way.front()
        {
            let due = next.due;
            state.is_scheduled = true;
            self.timers.at(due, Due::Segment(end));
        }
    }

    fn arrive(&mut self, end: EndId, what: What) {
        let state = self.end(end);
        let is_closed = state.owner == Owner::Closed;
        match what {
            What::Bytes(_) if is_closed => {
                if !std::mem::replace(&mut state.is_reset, true) {
                    self.send(end, What::Reset);
                }
            }
            What::Bytes(_) | What::End if state.is_reset => {}
            What::Bytes(bytes) => {
                state.arrived += bytes.len() as u64;
                if state.is_read_shut {
                    state.read += bytes.len() as u64;
                } else {
                    state.unread.extend(bytes);
                }
                let arrived = state.arrived;
                self.notify_end(end, EPOLLIN);
                self.send(end, What::Acknowledged(arrived));
            }
            What::Rights(files) => {
                let place = state.arrived;
                state.rights.push_back((place, files));
            }
            What::Accepted => {
                state.is_connected = true;
                self.notify_end(end, EPOLLOUT);
            }
            What::Acknowledged(bytes) => {
                let was_full = state.room() == 0;
                state.acknowledged = state.acknowledged.max(bytes);
                if was_full {
                    self.notify_end(end, EPOLLOUT);
                } else if let Owner::File(file) = state.owner {
                    self.threads
                        .wake(crate::threads::Wait::File(file), usize::MAX);
                }
            }
            What::End => {
                state.has_ended = true;
                self.notify_end(end, EPOLLIN | EPOLLRDHUP);
            }
            What::Reset => {
                let error = if state.has_ended { EPIPE } else { ECONNRESET };
                self.fail(end, error);
            }
        }
    }
}
