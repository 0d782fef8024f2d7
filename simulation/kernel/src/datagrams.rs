//! Datagrams, which arrive once, late or never.

use std::{collections::VecDeque, net::SocketAddrV4};

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
