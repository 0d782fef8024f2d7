//! Connections: two ends, and the segments that are under way between them.
//!
//! An end keeps what TCP promises: bytes arrive in order, once, or the connection ends. It also keeps what programs rely on
//! beyond that: a close with unread bytes is a reset, bytes that reach a closed end are answered by one, and what has
//! arrived is acknowledged in the order in which all else travels. What is sent over a link that is cut is sent again, after
//! longer and longer pauses, until TCP gives up.

use std::net::Ipv4Addr;

use libc::{
    ECONNREFUSED, ECONNRESET, EPIPE, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, ETIMEDOUT,
};

use crate::{
    datagrams::Datagram,
    ends::{End, EndId, Owner, Segment, What},
    files::{File, Kind},
    links::backoff,
    state::Kernel,
    threads::Wait,
    timers::{Due, nanos},
};

/// The most datagrams that a socket keeps.
const MOST: usize = 256;

/// After so many tries TCP gives a connection up: a quarter of an hour.
const MOST_TRIES: u32 = 15;
/// After so many tries TCP gives a request for a connection up: two minutes.
const MOST_REQUESTS: u32 = 6;

impl Kernel {
    /// How long what is sent now is under way, in nanoseconds. `machine` is the one on which both ends of a connection are
    /// that uses loopback.
    pub(crate) fn travel_time(&mut self, from: Ipv4Addr, to: Ipv4Addr) -> u64 {
        if from == to {
            return 10_000;
        }
        let link = self.links.between(from, to);
        let mut time = nanos(link.delay) + self.rng.u64(..=nanos(link.jitter));
        let mut tries = 0;
        while link.loss > 0.0 && tries < 10 && self.rng.f64() < link.loss {
            time += backoff(tries);
            tries += 1;
        }
        time
    }

    /// Sends a datagram, which a link may lose.
    pub(crate) fn send_datagram(&mut self, datagram: Datagram) {
        let (from, to) = (*datagram.from.ip(), *datagram.to.ip());
        let link = self.links.between(from, to);
        if self.links.is_cut(from, to) || (from != to && self.rng.f64() < link.loss) {
            return;
        }
        let due = self.timers.now() + self.travel_time(from, to);
        self.timers.at(due, Due::Datagram(datagram));
    }

    pub(crate) fn datagram_arrives(&mut self, datagram: Datagram) {
        let Some(file) = self.files.datagrams_at(datagram.to) else {
            return;
        };
        if let Some(File {
            kind: Kind::Datagrams(socket),
            ..
        }) = self.files.file(file)
            && socket.unread.len() < MOST
            && socket.remote.is_none_or(|remote| remote == datagram.from)
        {
            socket.unread.push_back(datagram);
            self.notify(file, EPOLLIN);
        }
    }

    pub(crate) fn end(&mut self, end: EndId) -> &mut End {
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

    pub(crate) fn notify_end(&mut self, end: EndId, edges: i32) {
        if let Owner::File(file) = self.end(end).owner {
            self.notify(file, edges);
        }
    }

    /// Sends a segment to the peer.
    pub(crate) fn send(&mut self, end: EndId, what: What) {
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

    pub(crate) fn schedule(&mut self, end: EndId) {
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
                    self.threads.wake(Wait::File(file), usize::MAX);
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
