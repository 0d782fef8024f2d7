//! Threads: how they start, end, and wait for each other.

use std::{
    cell::Cell,
    ffi::{c_int, c_long, c_void},
};

use crate::{
    baton::Baton,
    memory,
    raw::{self, Hidden},
    schedule::{block, end_current, yield_now},
    state,
    symbols::{clock::moment, enter, int},
    threads::{ThreadId, Wait, Woken},
    timers::Timers,
};

type Routine = extern "C" fn(*mut c_void) -> *mut c_void;

struct Start {
    routine: Routine,
    argument: *mut c_void,
    thread: ThreadId,
    node: u32,
    baton: &'static Baton,
}

/// Passes the baton on once everything else of a thread has been dropped.
struct AtEnd(Cell<bool>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if self.0.get() {
            memory::belong_to(None);
            end_current();
        }
    }
}

thread_local! {
    static AT_END: AtEnd = const { AtEnd(Cell::new(false)) };
}

extern "C" fn begin(start: *mut c_void) -> *mut c_void {
    // SAFETY: `pthread_create` below made it by `Box::into_raw`, for this thread alone.
    let Start {
        routine,
        argument,
        thread,
        node,
        baton,
    } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    // The first that is registered is dropped last.
    AT_END.with(|at_end| at_end.0.set(true));
    // Nothing of the kernel may be touched before: another thread runs.
    baton.take();
    state::become_thread(Some(thread));
    memory::belong_to(Some(node));
    routine(argument)
}

/// Starts a thread: of a simulated one, a simulated one.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pthread_create(
    handle: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    type Create = unsafe extern "C" fn(
        *mut libc::pthread_t,
        *const libc::pthread_attr_t,
        Routine,
        *mut c_void,
    ) -> c_int;
    static REAL: Hidden = Hidden::new(c"pthread_create");
    // SAFETY: this is the type of the C library's function.
    let create: Create = unsafe { std::mem::transmute(REAL.get()) };
    let Some(parent) = state::current() else {
        // SAFETY: the caller answers for the arguments.
        return unsafe { create(handle, attributes, routine, argument) };
    };
    let (thread, node, baton) = state::with(|kernel| {
        let node = kernel
            .nodes
            .next
            .take()
            .unwrap_or_else(|| kernel.threads.node(parent));
        let thread = kernel.threads.add(node);
        if kernel.nodes.get(node).main.is_none() {
            kernel.nodes.get_mut(node).main = Some(thread);
        }
        (thread, node, kernel.threads.baton(thread))
    });
    let start = Box::into_raw(Box::new(Start {
        routine,
        argument,
        thread,
        node,
        baton,
    }));
    // SAFETY: `begin` takes what is passed here; the rest is the caller's.
    let result = unsafe { create(handle, attributes, begin, start.cast()) };
    if result == 0 {
        // SAFETY: the C library has written it.
        let handle = unsafe { *handle };
        state::with(|kernel| kernel.threads.set_handle(thread, handle as usize));
    } else {
        state::with(|kernel| kernel.threads.end(thread));
    }
    result
}

/// Waits until a thread has ended.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pthread_join(
    handle: libc::pthread_t,
    result: *mut *mut c_void,
) -> c_int {
    type Join = unsafe extern "C" fn(libc::pthread_t, *mut *mut c_void) -> c_int;
    static REAL: Hidden = Hidden::new(c"pthread_join");
    if state::current().is_some()
        && let Some(thread) = state::with(|kernel| kernel.threads.by_handle(handle as usize))
    {
        while !state::with(|kernel| kernel.threads.has_ended(thread)) {
            block(vec![Wait::Thread(thread)], None);
        }
    }
    // SAFETY: this is the type of the C library's function.
    let join: Join = unsafe { std::mem::transmute(REAL.get()) };
    // SAFETY: the caller answers for the arguments.
    unsafe { join(handle, result) }
}

/// Lets another thread run.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn sched_yield() -> c_int {
    if let Some(thread) = state::current() {
        enter(thread);
        yield_now();
        return 0;
    }
    // SAFETY: it takes no argument.
    int(Ok(
        unsafe { raw::libc_call(libc::SYS_sched_yield, [0; 6]) } as i32
    ))
}

/// The system calls that programs make by their numbers. C declares it with any number of arguments; on the machines for
/// which this is made, a caller passes seven words as it passes any number.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    let Some(thread) = state::current() else {
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(number, [a, b, c, d, e, f]) } as c_long;
    };
    match number {
        // SAFETY: the caller answers for the arguments.
        libc::SYS_futex => unsafe { futex(thread, a as *const u32, b as i32, c as u32, d) },
        // SAFETY: as above.
        libc::SYS_getrandom => unsafe {
            super::clock::getrandom(a as *mut c_void, b, c as u32) as c_long
        },
        libc::SYS_clock_gettime => {
            // SAFETY: as above.
            c_long::from(unsafe { super::clock::clock_gettime(a as i32, b as *mut libc::timespec) })
        }
        // SAFETY: as above.
        _ => unsafe { raw::libc_call(number, [a, b, c, d, e, f]) as c_long },
    }
}

/// Waits for a wake at an address, or wakes those that wait there.
///
/// # Safety
///
/// The address must be that of a living atomic word, and for a wait `time` null or that of a `timespec`.
unsafe fn futex(
    thread: ThreadId,
    word: *const u32,
    operation: i32,
    value: u32,
    time: usize,
) -> c_long {
    enter(thread);
    let wait = Wait::Futex(word as usize);
    match operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) {
        operation @ (libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET) => {
            // SAFETY: the caller passes a living atomic word.
            let now = unsafe { &*word.cast::<std::sync::atomic::AtomicU32>() };
            if now.load(std::sync::atomic::Ordering::SeqCst) != value {
                raw::set_errno(libc::EAGAIN);
                return -1;
            }
            let until = (time != 0).then(|| {
                // SAFETY: the caller passes a `timespec` if it is not null.
                let time = moment(unsafe { &*(time as *const libc::timespec) });
                if operation == libc::FUTEX_WAIT {
                    state::with(|kernel| kernel.timers.now()) + time
                } else {
                    Timers::from_monotonic(time)
                }
            });
            if block(vec![wait], until) == Woken::TimeOut {
                raw::set_errno(libc::ETIMEDOUT);
                return -1;
            }
            0
        }
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
            state::with(|kernel| kernel.threads.wake(wait, value as usize)) as c_long
        }
        other => state::fatal(&format!("futex operation {other} is not simulated")),
    }
}
