//! Datagrams, which arrive once, late or never.

use std::{collections::VecDeque, net::SocketAddrV4};

use libc::EPOLLIN;

use crate::{
    files::{File, Kind},
    state::Kernel,
    timers::Due,
};

/// The most datagrams that a socket keeps.
const MOST: usize = 256;

/// A datagram under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) bytes: Vec<u8>,
}

/// A socket for datagrams.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    pub(crate) local: Option<SocketAddrV4>,
    pub(crate) remote: Option<SocketAddrV4>,
    pub(crate) unread: VecDeque<Datagram>,
}

impl Datagrams {
    pub(crate) fn is_empty(&self) -> bool {
        self.unread.is_empty()
    }
}

impl Kernel {
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
}
