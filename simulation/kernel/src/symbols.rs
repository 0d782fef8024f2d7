//! The functions of the C library that the simulated kernel stands in for.
//!
//! The linker binds the whole program's calls to these. A thread that is not simulated gets what the real kernel answers, and
//! so does a simulated one for a real file.

mod clock;
mod connect;
mod files;
mod io;
mod messages;
mod names;
mod options;
mod poll;
mod sockaddr;
mod sockets;
mod streams;
mod threads;

use std::time::Duration;

use crate::{
    raw,
    schedule::yield_now,
    state::{self, Kernel},
    threads::ThreadId,
};

/// What a call takes.
const CALL: Duration = Duration::from_micros(1);

/// One in so many calls lets another thread run, so that threads meet between any two calls.
const YIELDS: u32 = 24;

/// A simulated thread makes a call: time passes, and sometimes another thread goes first.
fn enter(thread: ThreadId) {
    let yields = state::with(|kernel| {
        kernel.timers.pass(CALL);
        let node = kernel.threads.node(thread);
        kernel.nodes.get_mut(node).calls += 1;
        kernel.threads.is_any_runnable() && kernel.rng.u32(..YIELDS) == 0
    });
    if yields {
        yield_now();
    }
}

/// As C wants it: −1 and `errno` for an error.
fn answer(result: Result<isize, i32>) -> isize {
    match result {
        Ok(result) => result,
        Err(error) => {
            raw::set_errno(error);
            -1
        }
    }
}

/// The same for functions that return an `int`.
fn int(result: Result<i32, i32>) -> i32 {
    i32::try_from(answer(result.map(|result| result as isize))).unwrap_or(-1)
}

/// The node of a thread, and its machine.
fn home(kernel: &Kernel, thread: ThreadId) -> (u32, std::net::Ipv4Addr) {
    let node = kernel.threads.node(thread);
    (node, kernel.nodes.get(node).ip)
}
