//! All that the simulated kernel knows, and the way to it.
//!
//! One thread runs at a time, so the lock around the state is never waited for: a thread that finds it taken is inside the
//! kernel already, which is a fault of the kernel's.

use std::{
    cell::Cell,
    sync::{Mutex, TryLockError},
};

use crate::{
    files::Files,
    links::Links,
    names::Names,
    nodes::Nodes,
    threads::{ThreadId, Threads},
    timers::Timers,
};

/// The whole simulated kernel.
pub(crate) struct Kernel {
    pub(crate) rng: fastrand::Rng,
    /// For actors: what they draw does not depend on what the kernel drew.
    pub(crate) actors: fastrand::Rng,
    pub(crate) timers: Timers,
    pub(crate) threads: Threads,
    pub(crate) nodes: Nodes,
    pub(crate) files: Files,
    pub(crate) links: Links,
    pub(crate) names: Names,
}

static KERNEL: Mutex<Option<Box<Kernel>>> = Mutex::new(None);

const NOT_SIMULATED: u32 = u32::MAX;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(NOT_SIMULATED) };
}

/// The calling thread, if it is simulated.
pub(crate) fn current() -> Option<ThreadId> {
    let current = CURRENT.get();
    (current != NOT_SIMULATED).then_some(ThreadId(current))
}

/// Makes the calling thread a simulated one, or none again.
pub(crate) fn become_thread(thread: Option<ThreadId>) {
    CURRENT.set(thread.map_or(NOT_SIMULATED, |thread| thread.0));
}

/// Makes a world that begins now, by this seed.
pub(crate) fn begin(seed: u64) {
    let kernel = Kernel {
        rng: fastrand::Rng::with_seed(seed ^ 0x6b65_726e_656c),
        actors: fastrand::Rng::with_seed(seed ^ 0x0061_6374_6f72_7300),
        timers: Timers::default(),
        threads: Threads::default(),
        nodes: Nodes::default(),
        files: Files::default(),
        links: Links::default(),
        names: Names::default(),
    };
    let mut place = KERNEL
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    assert!(place.is_none(), "a process simulates one world, once");
    *place = Some(Box::new(kernel));
}

/// Does something with the kernel. It must not call what `symbols` stands in for: that would come back here.
pub(crate) fn with<T>(work: impl FnOnce(&mut Kernel) -> T) -> T {
    let mut place = match KERNEL.try_lock() {
        Ok(place) => place,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => fatal("the kernel was entered twice"),
    };
    match place.as_deref_mut() {
        Some(kernel) => work(kernel),
        None => fatal("no world has begun"),
    }
}

/// The simulation can't go on.
pub(crate) fn fatal(message: &str) -> ! {
    become_thread(None);
    eprintln!("simulated kernel: {message}");
    std::process::abort()
}
