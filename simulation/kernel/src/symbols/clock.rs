//! Time and randomness.

use std::ffi::{c_int, c_uint, c_void};

use crate::{raw, schedule::block, state, symbols::enter, threads::Wait, timers::Timers};

const SECOND: u64 = 1_000_000_000;

/// What one call of a program counts as in its processor time, in nanoseconds.
const CALL: u64 = 2_000;

/// What a `timespec` says, in nanoseconds.
pub(super) fn moment(time: &libc::timespec) -> u64 {
    let (seconds, nanos) = (
        time.tv_sec.max(0).cast_unsigned(),
        time.tv_nsec.max(0).cast_unsigned(),
    );
    seconds.saturating_mul(SECOND).saturating_add(nanos)
}

/// Nanoseconds since a clock's zero.
fn read(clock: libc::clockid_t) -> Option<u64> {
    let thread = state::current()?;
    Some(state::with(|kernel| {
        kernel.timers.pass(std::time::Duration::from_nanos(100));
        let node = kernel.nodes.get(kernel.threads.node(thread));
        match clock {
            libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => {
                kernel.timers.wall(node.wall_offset).max(0).cast_unsigned()
            }
            libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => node.calls * CALL,
            _ => kernel.timers.monotonic(),
        }
    }))
}

/// Reads a clock.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn clock_gettime(
    clock: libc::clockid_t,
    time: *mut libc::timespec,
) -> c_int {
    let Some(nanos) = read(clock) else {
        let arguments = [clock as usize, time as usize, 0, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_clock_gettime, arguments) } as c_int;
    };
    // SAFETY: the caller passes a place for the time.
    unsafe {
        (*time).tv_sec = (nanos / SECOND).cast_signed();
        (*time).tv_nsec = (nanos % SECOND).cast_signed();
    }
    0
}

/// The wall clock.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn gettimeofday(time: *mut libc::timeval, zone: *mut c_void) -> c_int {
    let Some(nanos) = read(libc::CLOCK_REALTIME) else {
        let arguments = [time as usize, zone as usize, 0, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_gettimeofday, arguments) } as c_int;
    };
    // SAFETY: the caller passes a place for the time.
    unsafe {
        (*time).tv_sec = (nanos / SECOND).cast_signed();
        (*time).tv_usec = (nanos % SECOND / 1_000).cast_signed();
    }
    0
}

/// Sleeps.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn nanosleep(
    time: *const libc::timespec,
    left: *mut libc::timespec,
) -> c_int {
    // SAFETY: the caller answers for the arguments.
    let error = unsafe { clock_nanosleep(libc::CLOCK_MONOTONIC, 0, time, left) };
    if error == 0 {
        return 0;
    }
    raw::set_errno(error);
    -1
}

/// Sleeps for a time, or until one.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn clock_nanosleep(
    clock: libc::clockid_t,
    flags: c_int,
    time: *const libc::timespec,
    left: *mut libc::timespec,
) -> c_int {
    let Some(thread) = state::current() else {
        let arguments = [
            clock as usize,
            flags as usize,
            time as usize,
            left as usize,
            0,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        let result = unsafe { raw::call(libc::SYS_clock_nanosleep, arguments) };
        return -(result as c_int);
    };
    enter(thread);
    // SAFETY: the caller passes a time.
    let time = moment(unsafe { &*time });
    let until = if flags & libc::TIMER_ABSTIME == 0 {
        state::with(|kernel| kernel.timers.now()) + time
    } else {
        Timers::from_monotonic(time)
    };
    block(vec![Wait::Time], Some(until));
    0
}

/// Random bytes: of the seed.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(
    into: *mut c_void,
    length: usize,
    flags: c_uint,
) -> isize {
    if state::current().is_none() {
        let arguments = [into as usize, length, flags as usize, 0, 0, 0];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_getrandom, arguments) };
    }
    // SAFETY: the caller passes a place for so many bytes, which need no value before.
    let into = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), length) };
    state::with(|kernel| kernel.rng.fill(into));
    length.cast_signed()
}
