//! Connections: two ends, and the segments that are under way between them.
//!
//! An end keeps what TCP promises: bytes arrive in order, once, or the connection ends. It also keeps what programs rely on
//! beyond that: a close with unread bytes is a reset, bytes that reach a closed end are answered by one, and what has
//! arrived is acknowledged in the order in which all else travels. What is sent over a link that is cut is sent again, after
//! longer and longer pauses, until TCP gives up.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddrV4},
};

use libc::{
    EAGAIN, ECONNREFUSED, ECONNRESET, ENOTCONN, EPIPE, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT,
    EPOLLRDHUP, ETIMEDOUT,
};

use crate::{links::backoff, state::Kernel, timers::Due};

/// How many bytes an end keeps unread, and how many may be under way to it.
const BUFFER: usize = 64 << 10;
/// The bytes of a segment, as over Ethernet.
const SEGMENT: usize = 1_448;
/// After so many tries TCP gives a connection up: a quarter of an hour.
const MOST_TRIES: u32 = 15;
/// After so many tries TCP gives a request for a connection up: two minutes.
const MOST_REQUESTS: u32 = 6;

/// The number of an end.
pub(crate) type EndId = usize;

#[derive(Debug, PartialEq, Eq)]
enum What {
    Bytes(Vec<u8>),
    /// Open files that go with the byte that follows.
    Rights(Vec<usize>),
    Accepted,
    Acknowledged(u64),
    End,
    Reset,
}

#[derive(Debug)]
struct Segment {
    due: u64,
    tries: u32,
    what: What,
}

/// Who has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It waits to be accepted.
    Queued,
    /// This open file.
    File(usize),
    /// A program has closed it, or its machine lost its power.
    Closed,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    /// Its address; none for a unix socket.
    pub(crate) local: Option<SocketAddrV4>,
    pub(crate) remote: Option<SocketAddrV4>,
    /// The machine on which it is.
    pub(crate) machine: Ipv4Addr,
    peer: Option<EndId>,
    pub(crate) owner: Owner,
    pub(crate) is_connected: bool,
    unread: VecDeque<u8>,
    has_ended: bool,
    is_reset: bool,
    error: Option<i32>,
    pub(crate) is_shut: bool,
    is_read_shut: bool,
    pub(crate) resets_at_close: bool,
    sent: u64,
    pub(crate) acknowledged: u64,
    arrived: u64,
    read: u64,
    rights: VecDeque<(u64, Vec<usize>)>,
    under_way: VecDeque<Segment>,
    is_scheduled: bool,
    is_stalled: bool,
    last_due: u64,
}

impl End {
    /// An end that has no peer yet.
    pub(crate) fn new(
        machine: Ipv4Addr,
        local: Option<SocketAddrV4>,
        remote: Option<SocketAddrV4>,
        owner: Owner,
    ) -> Self {
        Self {
            local,
            remote,
            machine,
            peer: None,
            owner,
            is_connected: false,
            unread: VecDeque::new(),
            has_ended: false,
            is_reset: false,
            error: None,
            is_shut: false,
            is_read_shut: false,
            resets_at_close: false,
            sent: 0,
            acknowledged: 0,
            arrived: 0,
            read: 0,
            rights: VecDeque::new(),
            under_way: VecDeque::new(),
            is_scheduled: false,
            is_stalled: false,
            last_due: 0,
        }
    }

    fn room(&self) -> usize {
        let under_way = usize::try_from(self.sent - self.acknowledged).unwrap_or(usize::MAX);
        BUFFER.saturating_sub(under_way)
    }

    /// What epoll says of it.
    pub(crate) fn ready(&self) -> u32 {
        let mut ready = 0;
        let is_over = self.is_reset || self.error.is_some();
        if !self.unread.is_empty() || self.has_ended || self.is_read_shut || is_over {
            ready |= EPOLLIN;
        }
        if self.has_ended || self.is_read_shut || is_over {
            ready |= EPOLLRDHUP;
        }
        if is_over || (self.is_connected && (self.room() > 0 || self.is_shut)) {
            ready |= EPOLLOUT;
        }
        if self.error.is_some() {
            ready |= EPOLLERR;
        }
        if self.is_reset || (self.has_ended && self.is_shut) || (is_over && !self.is_connected) {
            ready |= EPOLLHUP;
        }
        ready.cast_unsigned()
    }

    /// TCP's number for its state.
    pub(crate) fn tcp_state(&self) -> u8 {
        match (
            self.is_reset || self.error.is_some(),
            self.is_connected,
            self.has_ended,
            self.is_shut,
        ) {
            (true, ..) => 7,
            (_, false, ..) => 2,
            (.., true, true) => 7,
            (.., true, false) => 8,
            (.., false, true) => 4,
            _ => 1,
        }
    }

    /// The error that a program has not heard of yet.
    pub(crate) fn take_error(&mut self) -> i32 {
        self.error.take().unwrap_or(0)
    }

    /// Whether it can be written to or has failed: an attempt to connect is over.
    pub(crate) fn is_decided(&self) -> bool {
        self.is_connected || self.error.is_some() || self.is_reset
    }
}

impl Kernel {
    fn end(&mut self, end: EndId) -> &mut End {
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

    fn notify_end(&mut self, end: EndId, edges: i32) {
        if let Owner::File(file) = self.end(end).owner {
            self.notify(file, edges);
        }
    }

    /// Sends a segment to the peer.
    fn send(&mut self, end: EndId, what: What) {
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

    fn schedule(&mut self, end: EndId) {
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

impl End {
    fn has_no_room(&self, bytes: usize) -> bool {
        self.owner != Owner::Closed && !self.is_reset && self.unread.len() + bytes > BUFFER
    }
}
