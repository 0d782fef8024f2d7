//! Real programs in simulated worlds: the standard library's and tokio's sockets, threads and clocks.
//!
//! Each world runs in a process of its own.

mod links;
mod nodes;
mod rig;
mod sockets;
mod threads;
