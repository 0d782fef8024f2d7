//! An epoll file: what it watches, and what has changed.

use std::collections::{BTreeMap, VecDeque};

use libc::{EPOLLERR, EPOLLHUP};

#[derive(Debug)]
pub(crate) struct Interest {
    pub(crate) file: usize,
    pub(crate) events: u32,
    pub(crate) data: u64,
    pub(crate) is_queued: bool,
}

/// An epoll file.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    pub(crate) interests: BTreeMap<i32, Interest>,
    pub(crate) changed: VecDeque<i32>,
}

/// What is told whether it was asked for or not.
pub(crate) const ALWAYS: u32 = (EPOLLERR | EPOLLHUP).cast_unsigned();

impl Epoll {
    /// A watched descriptor has changed in these ways. Whether that is news.
    pub(crate) fn changed(&mut self, descriptor: i32, edges: u32) -> bool {
        let Some(interest) = self.interests.get_mut(&descriptor) else {
            return false;
        };
        if interest.events == 0 || (interest.events | ALWAYS) & edges == 0 {
            return false;
        }
        if !std::mem::replace(&mut interest.is_queued, true) {
            self.changed.push_back(descriptor);
        }
        true
    }

    pub(crate) fn forget(&mut self, descriptor: i32) {
        self.interests.remove(&descriptor);
        self.changed.retain(|other| *other != descriptor);
    }

    pub(crate) fn has_none(&self) -> bool {
        self.changed.is_empty()
    }

    pub(crate) fn watched(&self) -> Vec<i32> {
        self.interests.keys().copied().collect()
    }
}
