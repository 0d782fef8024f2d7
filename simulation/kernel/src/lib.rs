//! A kernel for tests, in which real programs run and a seed decides what happens.
//!
//! Most of what makes a test of a server differ from one run to the next comes from outside the program: when threads run,
//! when packets arrive, what the clock says, what is random. Programs get all of it from the C library. So this crate defines
//! those functions of the C library itself, and the linker binds the whole program to them: the standard library, mio, tokio,
//! hyper and Pingora run unchanged, and none of them knows.
//!
//! - **Threads** are real, and one runs at a time (`schedule`). A thread that waits (for a file, a futex, a time, another
//!   thread) lets another go on, which the seed picks.
//! - **Time** stands still while a thread runs, but for a microsecond a call, and jumps when all wait (`timers`).
//! - **Connections** are two ends and the segments under way between them (`travel`), over links that delay, lose and
//!   are cut (`links`).
//! - **Nodes** are processes on machines. A killed node runs no more, and the kernel closes what it had open.
//!
//! Files are real, and are not simulated, but for their events: there are none, as on a system that has no watch left.
//!
//! A process simulates one world, once: numbers that are handed out once a process, such as those of threads, then begin
//! anew in each world. Who runs many forks for each.

mod baton;
mod datagrams;
mod descriptors;
mod ends;
mod epoll;
mod files;
mod links;
mod memory;
mod names;
mod nodes;
pub mod process;
mod programs;
mod raw;
mod schedule;
mod state;
mod symbols;
mod threads;
mod timers;
mod travel;
mod watching;

use std::{net::Ipv4Addr, time::Duration};

use schedule::block;
use threads::Wait;

pub use links::Link;

/// The address of the node that `run` begins with.
pub const FIRST_NODE: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 1);

/// Runs a simulated world, in which the calling thread is the first. Returns when `main` does; the other threads never run
/// again, so nothing should follow but the end of the process.
///
/// # Panics
///
/// If this process has simulated a world already.
pub fn run(seed: u64, main: impl FnOnce()) {
    state::begin(seed);
    let thread = state::with(|kernel| {
        let node = kernel.nodes.add("world", FIRST_NODE);
        let thread = kernel.threads.add(node);
        kernel.threads.runs(thread);
        kernel.nodes.get_mut(node).main = Some(thread);
        thread
    });
    state::become_thread(Some(thread));
    memory::belong_to(Some(0));
    main();
    memory::belong_to(None);
    state::become_thread(None);
}

/// The time since the start of the world.
#[must_use]
pub fn now() -> Duration {
    Duration::from_nanos(state::with(|kernel| kernel.timers.now()))
}

/// A random number of the seed, for actors: it does not depend on what the kernel drew.
#[must_use]
pub fn random() -> u64 {
    state::with(|kernel| kernel.actors.u64(..))
}

/// Sets how segments travel between machines without a link of their own.
pub fn set_default_link(link: Link) {
    state::with(|kernel| kernel.links.usual = link);
}

/// Sets how segments travel from one machine to another; as by default if there is no link.
pub fn set_link(from: Ipv4Addr, to: Ipv4Addr, link: Option<Link>) {
    state::with(|kernel| match link {
        Some(link) => kernel.links.special.insert((from, to), link),
        None => kernel.links.special.remove(&(from, to)),
    });
}

/// Resets all connections between two machines, at both ends.
pub fn reset_connections(a: Ipv4Addr, b: Ipv4Addr) {
    state::with(|kernel| kernel.reset_between(a, b));
}

/// A machine loses its power: nothing that is sent to it arrives, and its connections are gone without a word.
pub fn vanish(ip: Ipv4Addr) {
    state::with(|kernel| {
        kernel.links.vanished.insert(ip);
        kernel.lose_ends(ip);
    });
}

/// The machine is back. What comes over its earlier connections is answered by a reset.
pub fn reappear(ip: Ipv4Addr) {
    state::with(|kernel| kernel.links.vanished.remove(&ip));
}

/// Sets what a name stands for; nothing, if there is no address.
pub fn set_name(host: &str, addresses: Vec<Ipv4Addr>) {
    state::with(|kernel| kernel.names.set(host, addresses));
}

/// A process of the simulated world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(u32);

/// What a node uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Open descriptors, of real files too.
    pub descriptors: usize,
    /// Threads that have not ended.
    pub threads: usize,
    /// Bytes that its threads have allocated, less what they have freed.
    pub memory: i64,
}

impl Node {
    /// Starts a process on the machine with this address. Its threads belong to it; it ends when `main` does.
    ///
    /// # Panics
    ///
    /// If the system has no thread left.
    pub fn start(name: &str, ip: Ipv4Addr, main: impl FnOnce() + Send + 'static) -> Self {
        let node = state::with(|kernel| {
            let node = kernel.nodes.add(name, ip);
            kernel.nodes.next = Some(node);
            node
        });
        let main = move || {
            main();
            Self(node).finish();
        };
        let started = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(main);
        assert!(started.is_ok(), "no thread left for node {name}");
        Self(node)
    }

    /// Ends a process at once, as SIGKILL does: its threads run no more, and what it had open is closed.
    pub fn kill(self) {
        self.end(None);
    }

    /// The calling thread is the process's first, and ends it.
    fn finish(self) {
        self.end(state::current());
    }

    fn end(self, but: Option<threads::ThreadId>) {
        let real = state::with(|kernel| {
            let node = self.0;
            if std::mem::replace(&mut kernel.nodes.get_mut(node).has_ended, true) {
                return Vec::new();
            }
            for thread in kernel.threads.of(node) {
                if Some(thread) != but {
                    kernel.threads.end(thread);
                }
            }
            let (simulated, real) = kernel.files.of(node);
            for descriptor in simulated {
                kernel.close_dead(descriptor);
            }
            kernel.threads.wake(Wait::Node(node), usize::MAX);
            for descriptor in &real {
                kernel.files.closed_real(*descriptor);
            }
            real
        });
        for descriptor in real {
            // SAFETY: the node opened it, and none of its threads runs again.
            unsafe { raw::call(libc::SYS_close, [descriptor as usize, 0, 0, 0, 0, 0]) };
        }
    }

    /// Whether its first thread has ended, by itself or since it was killed.
    #[must_use]
    pub fn has_ended(self) -> bool {
        state::with(|kernel| {
            let node = kernel.nodes.get(self.0);
            node.has_ended || node.main.is_some_and(|main| kernel.threads.has_ended(main))
        })
    }

    /// Waits until it has ended.
    pub fn wait(self) {
        while !self.has_ended() {
            let main = state::with(|kernel| kernel.nodes.get(self.0).main);
            let thread = main.map(Wait::Thread);
            block(
                [Wait::Node(self.0)].into_iter().chain(thread).collect(),
                None,
            );
        }
    }

    /// What it uses now.
    #[must_use]
    pub fn usage(self) -> Usage {
        state::with(|kernel| Usage {
            descriptors: kernel.files.count(self.0),
            threads: kernel.threads.count(self.0),
            memory: memory::of(self.0),
        })
    }

    /// Sets how far its wall clock is off, in nanoseconds. Its monotonic clock goes on as before.
    pub fn set_wall_offset(self, nanos: i64) {
        state::with(|kernel| kernel.nodes.get_mut(self.0).wall_offset = nanos);
    }
}
