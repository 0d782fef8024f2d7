//! Sockets: how they are made, bound, accepted and shut.

use std::{
    ffi::c_int,
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::{
    datagrams::Datagrams,
    ends::Owner,
    files::{Kind, is_simulated},
    raw,
    schedule::block,
    state::{self, Kernel},
    symbols::{
        enter, home, int,
        sockaddr::{self, Address},
    },
    threads::{Wait, Woken},
};

/// The real kernel's answer.
///
/// # Safety
///
/// As for [`raw::call`].
pub(super) unsafe fn real(number: std::ffi::c_long, a: [usize; 6]) -> c_int {
    // SAFETY: the caller answers for the arguments.
    unsafe { raw::libc_call(number, a) as c_int }
}

/// Makes a socket.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let Some(thread) = state::current() else {
        // SAFETY: the call takes numbers.
        return unsafe {
            real(
                libc::SYS_socket,
                [domain as usize, kind as usize, protocol as usize, 0, 0, 0],
            )
        };
    };
    enter(thread);
    int(state::with(|kernel| {
        let (node, machine) = home(kernel, thread);
        let open = match (domain, kind & 0xf) {
            (libc::AF_INET | libc::AF_UNIX, libc::SOCK_STREAM) => Kind::Socket {
                domain,
                bound: None,
            },
            (libc::AF_INET, libc::SOCK_DGRAM) => Kind::Datagrams(Datagrams::default()),
            _ => return Err(libc::EAFNOSUPPORT),
        };
        let file = kernel
            .files
            .open(open, machine, kind & libc::SOCK_NONBLOCK != 0);
        Ok(kernel.files.describe(file, node))
    }))
}

/// Two unix sockets that are connected to each other.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn socketpair(
    domain: c_int,
    kind: c_int,
    protocol: c_int,
    pair: *mut c_int,
) -> c_int {
    let Some(thread) = state::current() else {
        let arguments = [
            domain as usize,
            kind as usize,
            protocol as usize,
            pair as usize,
            0,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(libc::SYS_socketpair, arguments) };
    };
    enter(thread);
    let found = state::with(|kernel| {
        let (node, machine) = home(kernel, thread);
        let ends = kernel.pair(machine, [Owner::Queued; 2]);
        ends.map(|end| kernel.open_stream(end, node, kind & libc::SOCK_NONBLOCK != 0))
    });
    // SAFETY: the caller passes a place for two numbers.
    unsafe {
        *pair = found[0];
        *pair.add(1) = found[1];
    }
    0
}

/// The address that a socket gets which is bound to this one.
fn bound(kernel: &mut Kernel, wanted: SocketAddrV4) -> SocketAddrV4 {
    let port = if wanted.port() == 0 {
        kernel.files.any_port()
    } else {
        wanted.port()
    };
    SocketAddrV4::new(*wanted.ip(), port)
}

/// The machine on which a socket with this address is.
pub(super) fn machine_of(address: Ipv4Addr, home: Ipv4Addr) -> Ipv4Addr {
    if address.is_unspecified() || address.is_loopback() {
        home
    } else {
        address
    }
}

/// Gives a socket its address.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn bind(
    socket: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> c_int {
    let (true, Some(thread)) = (is_simulated(socket), state::current()) else {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            real(
                libc::SYS_bind,
                [socket as usize, address as usize, length as usize, 0, 0, 0],
            )
        };
    };
    enter(thread);
    // SAFETY: as above.
    let wanted = match unsafe { sockaddr::read(address, length) } {
        Ok(wanted) => wanted,
        Err(error) => return int(Err(error)),
    };
    if let Address::Unix(path) = wanted {
        return int(bind_unix(socket, &path));
    }
    let Address::Inet(wanted) = wanted else {
        return int(Err(libc::EINVAL));
    };
    int(state::with(|kernel| {
        let (_, home) = home(kernel, thread);
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let address = bound(kernel, wanted);
        let machine = machine_of(*address.ip(), home);
        if kernel.files.is_taken(machine, address) {
            return Err(libc::EADDRINUSE);
        }
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        open.machine = machine;
        match &mut open.kind {
            Kind::Socket { bound, .. } => *bound = Some(address),
            Kind::Datagrams(socket) => {
                socket.local = Some(address);
                if !kernel.files.take_datagrams(address, file) {
                    return Err(libc::EADDRINUSE);
                }
            }
            _ => return Err(libc::EINVAL),
        }
        Ok(0)
    }))
}

/// Binds a socket to a path. The file system gets a real entry, so that programs find, rename and remove it as ever.
fn bind_unix(socket: c_int, path: &Path) -> Result<c_int, i32> {
    let me = state::current();
    // The standard library makes a real socket while this thread counts as not simulated.
    state::become_thread(None);
    let entry = std::os::unix::net::UnixListener::bind(path).and_then(|_| std::fs::metadata(path));
    state::become_thread(me);
    let entry = entry.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
    state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        kernel.files.unix.insert(entry.ino(), file);
        Ok(0)
    })
}

/// Makes a socket take connections.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn listen(socket: c_int, backlog: c_int) -> c_int {
    let (true, Some(thread)) = (is_simulated(socket), state::current()) else {
        // SAFETY: the call takes numbers.
        return unsafe {
            real(
                libc::SYS_listen,
                [socket as usize, backlog as usize, 0, 0, 0, 0],
            )
        };
    };
    enter(thread);
    int(state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        let machine = open.machine;
        match open.kind {
            Kind::Socket {
                domain: libc::AF_UNIX,
                ..
            } => kernel.files.set_listener(file, None),
            Kind::Socket {
                bound: Some(address),
                ..
            } => {
                if !kernel.files.listen(file, machine, address) {
                    return Err(libc::EADDRINUSE);
                }
            }
            Kind::Listener(_) => {}
            _ => return Err(libc::EINVAL),
        }
        Ok(0)
    }))
}

/// Takes a connection.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn accept(
    socket: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) -> c_int {
    // SAFETY: the caller answers for the arguments.
    unsafe { accept4(socket, address, length, 0) }
}

/// Takes a connection, with flags for its descriptor.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn accept4(
    socket: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
    flags: c_int,
) -> c_int {
    let (true, Some(thread)) = (is_simulated(socket), state::current()) else {
        let arguments = [
            socket as usize,
            address as usize,
            length as usize,
            flags as usize,
            0,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(libc::SYS_accept4, arguments) };
    };
    enter(thread);
    loop {
        let taken = state::with(|kernel| {
            let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
            let (node, _) = home(kernel, thread);
            let open = kernel.files.file(file).ok_or(libc::EBADF)?;
            let is_nonblocking = open.is_nonblocking;
            if !matches!(open.kind, Kind::Listener(_)) {
                return Err(libc::EINVAL);
            }
            let Some(end) = kernel.files.dequeue(file) else {
                return if is_nonblocking {
                    Err(libc::EAGAIN)
                } else {
                    Ok(Err(file))
                };
            };
            let remote = kernel.files.ends[end].remote;
            let descriptor = kernel.open_stream(end, node, flags & libc::SOCK_NONBLOCK != 0);
            Ok(Ok((descriptor, remote)))
        });
        match taken {
            Ok(Ok((descriptor, remote))) => {
                // SAFETY: the caller answers for the place.
                unsafe { sockaddr::write(remote, address, length) };
                return descriptor;
            }
            Ok(Err(file)) => {
                block(vec![Wait::File(file)], None);
            }
            Err(error) => return int(Err(error)),
        }
    }
}

/// Ends one direction of a connection or both.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn shutdown(socket: c_int, how: c_int) -> c_int {
    let (true, Some(thread)) = (is_simulated(socket), state::current()) else {
        // SAFETY: the call takes numbers.
        return unsafe {
            real(
                libc::SYS_shutdown,
                [socket as usize, how as usize, 0, 0, 0, 0],
            )
        };
    };
    enter(thread);
    let (reads, writes) = (how != libc::SHUT_WR, how != libc::SHUT_RD);
    int(state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        match kernel.files.file(file).ok_or(libc::EBADF)?.kind {
            Kind::Stream(end) => kernel.shut_end(end, reads, writes).map(|()| 0),
            _ => Err(libc::ENOTCONN),
        }
    }))
}

/// Waits until a file may have changed. False if its time is over.
pub(super) fn wait_for(file: usize, until: Option<u64>) -> bool {
    block(vec![Wait::File(file)], until) == Woken::Called
}
