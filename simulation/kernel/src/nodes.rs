//! Processes on machines: a name, an address, a clock that may be wrong.

use std::net::Ipv4Addr;

use crate::threads::ThreadId;

/// A process of the simulated world.
#[derive(Debug)]
pub(crate) struct NodeState {
    pub(crate) name: String,
    pub(crate) ip: Ipv4Addr,
    /// Its first thread, once that has been started.
    pub(crate) main: Option<ThreadId>,
    pub(crate) has_ended: bool,
    /// How far its wall clock is off, in nanoseconds.
    pub(crate) wall_offset: i64,
    /// Calls that its threads have made: what it has "computed".
    pub(crate) calls: u64,
}

/// All processes there were.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    all: Vec<NodeState>,
    /// The node of the next thread that is made, if not that of the thread that makes it.
    pub(crate) next: Option<u32>,
}

impl Nodes {
    /// A new process, which has no thread yet.
    pub(crate) fn add(&mut self, name: &str, ip: Ipv4Addr) -> u32 {
        self.all.push(NodeState {
            name: name.to_owned(),
            ip,
            main: None,
            has_ended: false,
            wall_offset: 0,
            calls: 0,
        });
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, node: u32) -> &NodeState {
        &self.all[node as usize]
    }

    pub(crate) fn get_mut(&mut self, node: u32) -> &mut NodeState {
        &mut self.all[node as usize]
    }
}
