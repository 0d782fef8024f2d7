//! Waiting for files: epoll, poll, and the counters that wake.

use std::ffi::{c_int, c_uint};

use crate::{
    epoll::Epoll,
    files::{Kind, is_simulated},
    raw,
    schedule::block,
    state,
    symbols::{enter, home, int},
    threads::{Wait, Woken},
    watching,
};

const MILLISECOND: u64 = 1_000_000;

/// Makes an epoll file.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn epoll_create1(flags: c_int) -> c_int {
    let Some(thread) = state::current() else {
        // SAFETY: the call takes a number.
        return unsafe {
            raw::libc_call(libc::SYS_epoll_create1, [flags as usize, 0, 0, 0, 0, 0]) as c_int
        };
    };
    enter(thread);
    open(Kind::Epoll(Epoll::default()), false)
}

/// Makes a counter.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn eventfd(counter: c_uint, flags: c_int) -> c_int {
    if state::current().is_none() {
        // SAFETY: the call takes numbers.
        return unsafe {
            raw::libc_call(
                libc::SYS_eventfd2,
                [counter as usize, flags as usize, 0, 0, 0, 0],
            ) as c_int
        };
    }
    open(
        Kind::Counter(counter.into()),
        flags & libc::EFD_NONBLOCK != 0,
    )
}

fn open(kind: Kind, is_nonblocking: bool) -> c_int {
    let Some(thread) = state::current() else {
        return -1;
    };
    state::with(|kernel| {
        let (node, machine) = home(kernel, thread);
        let file = kernel.files.open(kind, machine, is_nonblocking);
        kernel.files.describe(file, node)
    })
}

/// Events of files are not simulated: programs look by themselves now and then, as on a system that has none left.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn inotify_init1(flags: c_int) -> c_int {
    if state::current().is_some() {
        return int(Err(libc::EMFILE));
    }
    // SAFETY: the call takes a number.
    unsafe { raw::libc_call(libc::SYS_inotify_init1, [flags as usize, 0, 0, 0, 0, 0]) as c_int }
}

/// Changes what an epoll file watches.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn epoll_ctl(
    epoll: c_int,
    operation: c_int,
    file: c_int,
    event: *mut libc::epoll_event,
) -> c_int {
    if !is_simulated(epoll) {
        let arguments = [
            epoll as usize,
            operation as usize,
            file as usize,
            event as usize,
            0,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { raw::libc_call(libc::SYS_epoll_ctl, arguments) as c_int };
    }
    // SAFETY: it is null or an event.
    let event = (!event.is_null()).then(|| unsafe { event.read_unaligned() });
    let event = event.map(|event| (event.events, event.u64));
    int(state::with(|kernel| kernel.control(epoll, operation, file, event)).map(|()| 0))
}

/// Waits until a watched file has changed.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn epoll_wait(
    epoll: c_int,
    events: *mut libc::epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    let (true, Some(thread)) = (is_simulated(epoll), state::current()) else {
        let arguments = [
            epoll as usize,
            events as usize,
            most as usize,
            timeout as usize,
            0,
            8,
        ];
        // SAFETY: the caller answers for the arguments; there is no mask of signals.
        return unsafe { raw::libc_call(libc::SYS_epoll_pwait, arguments) as c_int };
    };
    enter(thread);
    let found = watching::wait(epoll, usize::try_from(most).unwrap_or(0), until(timeout));
    int(found.map(|found| {
        for (at, (flags, data)) in found.iter().enumerate() {
            let event = libc::epoll_event {
                events: *flags,
                u64: *data,
            };
            // SAFETY: the caller has room for `most`, and no more were found.
            unsafe { events.add(at).write_unaligned(event) };
        }
        i32::try_from(found.len()).unwrap_or(i32::MAX)
    }))
}

/// When a time in milliseconds is over; never, if it is negative.
fn until(timeout: c_int) -> Option<u64> {
    let timeout = u64::try_from(timeout).ok()?;
    Some(state::with(|kernel| kernel.timers.now()) + timeout * MILLISECOND)
}

/// Waits until a file is ready. Of real files it asks the real kernel, which must not have to wait.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn poll(
    files: *mut libc::pollfd,
    count: libc::nfds_t,
    timeout: c_int,
) -> c_int {
    // SAFETY: the caller passes so many.
    let all = unsafe { std::slice::from_raw_parts_mut(files, count as usize) };
    let thread = state::current().filter(|_| all.iter().any(|file| is_simulated(file.fd)));
    let Some(thread) = thread else {
        let arguments = [files as usize, count as usize, timeout as usize, 0, 0, 0];
        // SAFETY: as above.
        return unsafe { raw::libc_call(libc::SYS_poll, arguments) as c_int };
    };
    enter(thread);
    let until = until(timeout);
    let mut is_late = false;
    loop {
        let (ready, waits, now) = state::with(|kernel| {
            let mut waits = Vec::new();
            let mut ready = 0;
            for file in all.iter_mut() {
                file.revents = 0;
                let Some(number) = kernel.files.number(file.fd) else {
                    continue;
                };
                let always = libc::POLLERR | libc::POLLHUP;
                // Both families of flags have the same numbers.
                file.revents = (kernel.files.ready(number) as i16) & (file.events | always);
                ready += i32::from(file.revents != 0);
                waits.push(Wait::File(number));
            }
            (ready, waits, kernel.timers.now())
        });
        if ready > 0 || is_late || until.is_some_and(|until| until <= now) {
            return ready;
        }
        is_late = block(waits, until) == Woken::TimeOut;
    }
}
