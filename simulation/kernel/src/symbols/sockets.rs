//! Sockets: how they are made, bound, connected, accepted, and what they say of themselves.

use std::{
    ffi::{c_int, c_void},
    mem::size_of,
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::{
    connections::{End, Owner},
    datagrams::Datagrams,
    files::{File, Kind, is_simulated},
    raw,
    state::{self, Kernel, ThreadId},
    symbols::{
        enter, home, int,
        sockaddr::{self, Address},
    },
    threads::{Wait, Woken, block},
};

/// The real kernel's answer.
///
/// # Safety
///
/// As for [`raw::call`].
unsafe fn real(number: std::ffi::c_long, a: [usize; 6]) -> c_int {
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
fn machine_of(address: Ipv4Addr, home: Ipv4Addr) -> Ipv4Addr {
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

/// Connects a socket.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn connect(
    socket: c_int,
    address: *const libc::sockaddr,
    length: libc::socklen_t,
) -> c_int {
    let (true, Some(thread)) = (is_simulated(socket), state::current()) else {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            real(
                libc::SYS_connect,
                [socket as usize, address as usize, length as usize, 0, 0, 0],
            )
        };
    };
    enter(thread);
    // SAFETY: as above.
    match unsafe { sockaddr::read(address, length) } {
        Ok(Address::Inet(to)) => int(connect_to(socket, thread, to)),
        Ok(Address::Unix(path)) => int(connect_unix(socket, &path)),
        Err(error) => int(Err(error)),
    }
}

fn connect_to(socket: c_int, thread: ThreadId, to: SocketAddrV4) -> Result<c_int, i32> {
    let (end, file, is_nonblocking) = state::with(|kernel| {
        let (_, home) = home(kernel, thread);
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let port = kernel.files.any_port();
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        let is_nonblocking = open.is_nonblocking;
        let from = if to.ip().is_loopback() {
            Ipv4Addr::LOCALHOST
        } else {
            home
        };
        let any = SocketAddrV4::new(from, port);
        match &mut open.kind {
            Kind::Socket { bound, .. } => {
                let local = match bound.take() {
                    Some(bound) if !bound.ip().is_unspecified() => bound,
                    Some(bound) => SocketAddrV4::new(from, bound.port()),
                    None => any,
                };
                let machine = machine_of(*local.ip(), home);
                let end =
                    kernel.add_end(End::new(machine, Some(local), Some(to), Owner::File(file)));
                if let Some(open) = kernel.files.file(file) {
                    open.machine = machine;
                    open.kind = Kind::Stream(end);
                }
                kernel.request(end);
                Ok((end, file, is_nonblocking))
            }
            Kind::Datagrams(socket) => {
                socket.remote = Some(to);
                if socket.local.is_none_or(|local| local.ip().is_unspecified()) {
                    let local = socket
                        .local
                        .map_or(any, |local| SocketAddrV4::new(from, local.port()));
                    socket.local = Some(local);
                    kernel.files.take_datagrams(local, file);
                }
                Err(0)
            }
            Kind::Stream(end) => {
                let end = *end;
                let state = &kernel.files.ends[end];
                Err(if state.is_decided() {
                    libc::EISCONN
                } else {
                    libc::EALREADY
                })
            }
            _ => Err(libc::EINVAL),
        }
    })
    .or_else(|error| {
        if error == 0 {
            Ok((usize::MAX, 0, true))
        } else {
            Err(error)
        }
    })?;
    if end == usize::MAX {
        return Ok(0);
    }
    if is_nonblocking {
        return Err(libc::EINPROGRESS);
    }
    while !state::with(|kernel| kernel.files.ends[end].is_decided()) {
        block(vec![Wait::File(file)], None);
    }
    match state::with(|kernel| kernel.files.ends[end].take_error()) {
        0 => Ok(0),
        error => Err(error),
    }
}

fn connect_unix(socket: c_int, path: &Path) -> Result<c_int, i32> {
    let entry =
        std::fs::metadata(path).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
    state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let listener = *kernel
            .files
            .unix
            .get(&entry.ino())
            .ok_or(libc::ECONNREFUSED)?;
        if !matches!(
            kernel.files.file(listener),
            Some(File {
                kind: Kind::Listener(_),
                ..
            })
        ) {
            return Err(libc::ECONNREFUSED);
        }
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        let machine = open.machine;
        let [mine, theirs] = kernel.pair(machine, [Owner::File(file), Owner::Queued]);
        if let Some(open) = kernel.files.file(file) {
            open.kind = Kind::Stream(mine);
        }
        kernel.files.enqueue(listener, theirs);
        kernel.notify(listener, libc::EPOLLIN);
        Ok(0)
    })
}

/// A socket's own address.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getsockname(
    socket: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            real(
                libc::SYS_getsockname,
                [socket as usize, address as usize, length as usize, 0, 0, 0],
            )
        };
    }
    let local = state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let unspecified = Some(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
        match &kernel.files.file(file).ok_or(libc::EBADF)?.kind {
            Kind::Socket {
                domain: libc::AF_INET,
                bound,
            } => Ok(bound.or(unspecified)),
            Kind::Listener(listener) => Ok(listener.address),
            Kind::Datagrams(socket) => Ok(socket.local.or(unspecified)),
            Kind::Stream(end) => {
                let end = *end;
                Ok(kernel.files.ends[end].local)
            }
            Kind::Socket { .. } => Ok(None),
            _ => Err(libc::ENOTSOCK),
        }
    });
    // SAFETY: the caller answers for the place.
    int(local
        .map(|local| unsafe { sockaddr::write(local, address, length) })
        .map(|()| 0))
}

/// The address of a socket's peer.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getpeername(
    socket: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        // SAFETY: the caller answers for the arguments.
        return unsafe {
            real(
                libc::SYS_getpeername,
                [socket as usize, address as usize, length as usize, 0, 0, 0],
            )
        };
    }
    let remote = state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        match &kernel.files.file(file).ok_or(libc::EBADF)?.kind {
            Kind::Stream(end) => {
                let end = *end;
                let end = &kernel.files.ends[end];
                if end.is_connected {
                    Ok(end.remote)
                } else {
                    Err(libc::ENOTCONN)
                }
            }
            Kind::Datagrams(socket) => socket.remote.map(Some).ok_or(libc::ENOTCONN),
            _ => Err(libc::ENOTCONN),
        }
    });
    // SAFETY: the caller answers for the place.
    int(remote
        .map(|remote| unsafe { sockaddr::write(remote, address, length) })
        .map(|()| 0))
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

/// Sets an option. Those that change what programs see are kept; the others are taken and have no effect.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn setsockopt(
    socket: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        let arguments = [
            socket as usize,
            level as usize,
            name as usize,
            value as usize,
            length as usize,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(libc::SYS_setsockopt, arguments) };
    }
    int(state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                // SAFETY: the option's value is a `linger`.
                let linger = unsafe { &*value.cast::<libc::linger>() };
                if let Kind::Stream(end) = open.kind {
                    kernel.files.ends[end].resets_at_close =
                        linger.l_onoff != 0 && linger.l_linger == 0;
                }
            }
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => {
                // SAFETY: the option's value is a `timeval`.
                let time = unsafe { &*value.cast::<libc::timeval>() };
                let nanos = time.tv_sec * 1_000_000_000 + time.tv_usec * 1_000;
                let timeout = (nanos > 0).then_some(nanos.cast_unsigned());
                if name == libc::SO_RCVTIMEO {
                    open.read_timeout = timeout;
                } else {
                    open.write_timeout = timeout;
                }
            }
            _ => {}
        }
        Ok(0)
    }))
}

/// Reads an option: those that programs here ask for.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getsockopt(
    socket: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut libc::socklen_t,
) -> c_int {
    if !is_simulated(socket) {
        let arguments = [
            socket as usize,
            level as usize,
            name as usize,
            value as usize,
            length as usize,
            0,
        ];
        // SAFETY: the caller answers for the arguments.
        return unsafe { real(libc::SYS_getsockopt, arguments) };
    }
    let put = |bytes: &[u8]| {
        // SAFETY: the caller answers for the place.
        unsafe { sockaddr::copy(bytes.as_ptr(), bytes.len(), value.cast(), length) };
        Ok(0)
    };
    int(state::with(|kernel| {
        let file = kernel.files.number(socket).ok_or(libc::EBADF)?;
        let open = kernel.files.file(file).ok_or(libc::EBADF)?;
        let end = if let Kind::Stream(end) = open.kind {
            Some(end)
        } else {
            None
        };
        let number: c_int = match (level, name) {
            (libc::SOL_SOCKET, libc::SO_ERROR) => {
                end.map_or(0, |end| kernel.files.ends[end].take_error())
            }
            (libc::SOL_SOCKET, libc::SO_TYPE) => match open.kind {
                Kind::Datagrams(_) => libc::SOCK_DGRAM,
                _ => libc::SOCK_STREAM,
            },
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => {
                c_int::from(matches!(open.kind, Kind::Listener(_)))
            }
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_INET,
            (libc::SOL_SOCKET, libc::SO_SNDBUF | libc::SO_RCVBUF) => 64 << 10,
            (libc::SOL_SOCKET, libc::SO_PEERCRED) => {
                // SAFETY: both take nothing and can't fail.
                let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
                let credentials = [1, user, group].map(u32::to_ne_bytes);
                return put(credentials.as_flattened());
            }
            (libc::IPPROTO_TCP, libc::TCP_INFO) => {
                let mut info = [0_u8; 232];
                if let Some(end) = end {
                    let end = &kernel.files.ends[end];
                    info[0] = end.tcp_state();
                    // The kernel counts the request for the connection as a byte.
                    let acknowledged = end.acknowledged + u64::from(end.is_connected);
                    let place = std::mem::offset_of!(libc::tcp_info, tcpi_bytes_acked);
                    info[place..place + 8].copy_from_slice(&acknowledged.to_ne_bytes());
                }
                return put(&info);
            }
            _ => 0,
        };
        put(&number.to_ne_bytes()[..size_of::<c_int>()])
    }))
}

/// Waits until a file may have changed. False if its time is over.
pub(super) fn wait_for(file: usize, until: Option<u64>) -> bool {
    block(vec![Wait::File(file)], until) == Woken::Called
}
