//! An end of a connection, and what is under way from it.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddrV4},
};

use libc::{EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP};

/// How many bytes an end keeps unread, and how many may be under way to it.
const BUFFER: usize = 64 << 10;

/// The number of an end.
pub(crate) type EndId = usize;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Bytes(Vec<u8>),
    /// Open files that go with the byte that follows.
    Rights(Vec<usize>),
    Accepted,
    Acknowledged(u64),
    End,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) due: u64,
    pub(crate) tries: u32,
    pub(crate) what: What,
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "TCP's own states of both directions, in any combination"
)]
pub(crate) struct End {
    /// Its address; none for a unix socket.
    pub(crate) local: Option<SocketAddrV4>,
    pub(crate) remote: Option<SocketAddrV4>,
    /// The machine on which it is.
    pub(crate) machine: Ipv4Addr,
    pub(crate) peer: Option<EndId>,
    pub(crate) owner: Owner,
    pub(crate) is_connected: bool,
    pub(crate) unread: VecDeque<u8>,
    pub(crate) has_ended: bool,
    pub(crate) is_reset: bool,
    pub(crate) error: Option<i32>,
    pub(crate) is_shut: bool,
    pub(crate) is_read_shut: bool,
    pub(crate) resets_at_close: bool,
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) arrived: u64,
    pub(crate) read: u64,
    pub(crate) rights: VecDeque<(u64, Vec<usize>)>,
    pub(crate) under_way: VecDeque<Segment>,
    pub(crate) is_scheduled: bool,
    pub(crate) is_stalled: bool,
    pub(crate) last_due: u64,
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

    pub(crate) fn room(&self) -> usize {
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

    /// Whether so many bytes more are too many.
    pub(crate) fn has_no_room(&self, bytes: usize) -> bool {
        self.owner != Owner::Closed && !self.is_reset && self.unread.len() + bytes > BUFFER
    }
}
