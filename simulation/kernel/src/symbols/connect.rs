//! Sockets that connect.

use std::{
    ffi::c_int,
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::fs::MetadataExt,
    path::Path,
};

use crate::{
    ends::{End, Owner},
    files::{File, Kind, is_simulated},
    schedule::block,
    state,
    symbols::{
        enter, home, int,
        sockaddr::{self, Address},
        sockets::{machine_of, real},
    },
    threads::{ThreadId, Wait},
};

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
