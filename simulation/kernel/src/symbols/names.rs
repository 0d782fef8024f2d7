//! Names of machines.

use std::{
    ffi::{CStr, c_char, c_int},
    mem::size_of,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use crate::{
    raw::Hidden,
    schedule::block,
    state,
    symbols::{enter, sockaddr::inet},
    threads::Wait,
    timers::nanos,
};

/// How long a look-up takes.
const LOOKUP: Duration = Duration::from_millis(1);

/// An answer's entry and its address, in one block.
#[repr(C)]
struct Entry {
    info: libc::addrinfo,
    address: libc::sockaddr_in,
}

/// Looks a name up.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getaddrinfo(
    host: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    result: *mut *mut libc::addrinfo,
) -> c_int {
    type Real = unsafe extern "C" fn(
        *const c_char,
        *const c_char,
        *const libc::addrinfo,
        *mut *mut libc::addrinfo,
    ) -> c_int;
    static REAL: Hidden = Hidden::new(c"getaddrinfo");
    let Some(thread) = state::current() else {
        // SAFETY: this is the type of the C library's function.
        let real: Real = unsafe { std::mem::transmute(REAL.get()) };
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(host, service, hints, result) };
    };
    enter(thread);
    let text = |at: *const c_char| {
        // SAFETY: it is null or text that ends with a zero.
        (!at.is_null()).then(|| unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned())
    };
    let port = text(service)
        .and_then(|service| service.parse().ok())
        .unwrap_or(0);
    let host = text(host).unwrap_or_else(|| "localhost".to_owned());
    let addresses = if let Ok(address) = host.parse::<Ipv4Addr>() {
        vec![address]
    } else {
        let until = state::with(|kernel| kernel.timers.now()) + nanos(LOOKUP);
        block(vec![Wait::Time], Some(until));
        state::with(|kernel| kernel.names.get(&host))
    };
    let kind = if hints.is_null() {
        libc::SOCK_STREAM
    } else {
        // SAFETY: it is not null, so it is hints.
        unsafe { (*hints).ai_socktype }
    };
    let mut first = std::ptr::null_mut();
    for address in addresses.into_iter().rev() {
        let entry = Box::into_raw(Box::new(Entry {
            // SAFETY: zeros are a valid entry.
            info: unsafe { std::mem::zeroed() },
            address: inet(SocketAddrV4::new(address, port)),
        }));
        // SAFETY: it was made just now.
        unsafe {
            let info = &mut (*entry).info;
            info.ai_family = libc::AF_INET;
            info.ai_socktype = kind;
            info.ai_protocol = if kind == libc::SOCK_DGRAM {
                libc::IPPROTO_UDP
            } else {
                libc::IPPROTO_TCP
            };
            info.ai_addrlen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            info.ai_addr = (&raw mut (*entry).address).cast();
            info.ai_next = first;
        }
        first = entry.cast();
    }
    if first.is_null() {
        return libc::EAI_NONAME;
    }
    // SAFETY: the caller passes a place for the answer.
    unsafe { *result = first };
    0
}

/// Frees an answer.
///
/// # Safety
///
/// As in C; a simulated thread frees only what a simulated thread was given.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn freeaddrinfo(first: *mut libc::addrinfo) {
    type Real = unsafe extern "C" fn(*mut libc::addrinfo);
    static REAL: Hidden = Hidden::new(c"freeaddrinfo");
    if state::current().is_none() {
        // SAFETY: this is the type of the C library's function.
        let real: Real = unsafe { std::mem::transmute(REAL.get()) };
        // SAFETY: the caller answers for the argument.
        return unsafe { real(first) };
    }
    let mut next = first;
    while !next.is_null() {
        // SAFETY: `getaddrinfo` above made each entry as a box, and links only such.
        let entry = unsafe { Box::from_raw(next.cast::<Entry>()) };
        next = entry.info.ai_next;
    }
}

/// What the machine is called: by its node.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn uname(into: *mut libc::utsname) -> c_int {
    // SAFETY: the caller passes a place for the answer.
    let result =
        unsafe { crate::raw::libc_call(libc::SYS_uname, [into as usize, 0, 0, 0, 0, 0]) } as c_int;
    if let Some(thread) = state::current() {
        let name = state::with(|kernel| kernel.nodes.get(kernel.threads.node(thread)).name.clone());
        // SAFETY: as above.
        let place = unsafe { &mut (*into).nodename };
        place.fill(0);
        for (place, byte) in place.iter_mut().zip(name.bytes().take(63)) {
            *place = byte.cast_signed();
        }
    }
    result
}

/// The number of the process: of its node.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn getpid() -> libc::pid_t {
    if let Some(thread) = state::current() {
        return 1_000 + state::with(|kernel| kernel.threads.node(thread)).cast_signed();
    }
    // SAFETY: the call takes nothing.
    unsafe { crate::raw::call(libc::SYS_getpid, [0; 6]) as libc::pid_t }
}
