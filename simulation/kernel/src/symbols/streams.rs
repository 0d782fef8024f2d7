//! What one read or write of a simulated file does, and how it waits.

use std::net::SocketAddrV4;

use crate::{
    datagrams::Datagram,
    files::Kind,
    state,
    symbols::{enter, home, sockets::wait_for},
};

/// What a read found.
pub(super) struct Found {
    pub(super) bytes: usize,
    pub(super) from: Option<SocketAddrV4>,
    pub(super) files: Vec<usize>,
}

/// Reads from a simulated file, and waits if it may and must.
pub(super) fn read(
    descriptor: i32,
    into: &mut [u8],
    flags: i32,
    wants_files: bool,
) -> Result<Found, i32> {
    let Some(thread) = state::current() else {
        return Err(libc::EBADF);
    };
    enter(thread);
    let mut until = None;
    loop {
        let (file, timeout, tried) = state::with(|kernel| {
            let file = kernel.files.number(descriptor).ok_or(libc::EBADF)?;
            let open = kernel.files.file(file).ok_or(libc::EBADF)?;
            let can_wait = !open.is_nonblocking && flags & libc::MSG_DONTWAIT == 0;
            let timeout = open
                .read_timeout
                .map(|timeout| kernel.timers.now() + timeout);
            let is_peek = flags & libc::MSG_PEEK != 0;
            let open = kernel.files.file(file).ok_or(libc::EBADF)?;
            let found = match &mut open.kind {
                Kind::Stream(end) => {
                    let end = *end;
                    let files = if wants_files {
                        kernel.take_rights(end)
                    } else {
                        Vec::new()
                    };
                    let read = kernel.read_end(end, into, is_peek);
                    read.map(|bytes| Found {
                        bytes,
                        from: None,
                        files,
                    })
                }
                Kind::Datagrams(socket) => match socket.unread.pop_front() {
                    Some(datagram) => {
                        let bytes = into.len().min(datagram.bytes.len());
                        into[..bytes].copy_from_slice(&datagram.bytes[..bytes]);
                        let from = Some(datagram.from);
                        if is_peek {
                            socket.unread.push_front(datagram);
                        }
                        Ok(Found {
                            bytes,
                            from,
                            files: Vec::new(),
                        })
                    }
                    None => Err(libc::EAGAIN),
                },
                Kind::Counter(0) => Err(libc::EAGAIN),
                Kind::Counter(counter) => {
                    let counter = std::mem::take(counter).to_ne_bytes();
                    let bytes = into.len().min(counter.len());
                    into[..bytes].copy_from_slice(&counter[..bytes]);
                    Ok(Found {
                        bytes,
                        from: None,
                        files: Vec::new(),
                    })
                }
                _ => Err(libc::ENOTCONN),
            };
            Ok::<_, i32>((file, timeout, (found, can_wait)))
        })?;
        match tried {
            (Err(libc::EAGAIN), true) => {
                until = until.or(timeout);
                if !wait_for(file, until) {
                    return Err(libc::EAGAIN);
                }
            }
            (found, _) => return found,
        }
    }
}

/// Writes to a simulated file, and waits if it may and must: then until all is taken.
pub(super) fn write(
    descriptor: i32,
    bytes: &[u8],
    flags: i32,
    to: Option<SocketAddrV4>,
) -> Result<usize, i32> {
    let Some(thread) = state::current() else {
        return Err(libc::EBADF);
    };
    enter(thread);
    if state::with(|kernel| kernel.files.is_dead(descriptor)) {
        return Ok(bytes.len());
    }
    let mut taken = 0;
    loop {
        let (file, until, can_wait, written) = state::with(|kernel| {
            let (_, home) = home(kernel, thread);
            let file = kernel.files.number(descriptor).ok_or(libc::EBADF)?;
            let port = kernel.files.any_port();
            let open = kernel.files.file(file).ok_or(libc::EBADF)?;
            let can_wait = !open.is_nonblocking && flags & libc::MSG_DONTWAIT == 0;
            let timeout = open.write_timeout;
            let rest = bytes.get(taken..).unwrap_or_default();
            let written = match &mut open.kind {
                Kind::Stream(end) => {
                    let end = *end;
                    kernel.write_end(end, rest)
                }
                Kind::Counter(counter) => {
                    let add = rest.try_into().map_or(1, u64::from_ne_bytes);
                    *counter = counter.saturating_add(add);
                    kernel.notify(file, libc::EPOLLIN);
                    Ok(rest.len())
                }
                Kind::Datagrams(socket) => match to.or(socket.remote) {
                    Some(to) => {
                        let local = socket.local.unwrap_or(SocketAddrV4::new(home, port));
                        let from = if local.ip().is_unspecified() {
                            SocketAddrV4::new(home, local.port())
                        } else {
                            local
                        };
                        socket.local = Some(from);
                        kernel.files.take_datagrams(from, file);
                        kernel.send_datagram(Datagram {
                            from,
                            to,
                            bytes: rest.to_vec(),
                        });
                        Ok(rest.len())
                    }
                    None => Err(libc::EDESTADDRREQ),
                },
                _ => Err(libc::ENOTCONN),
            };
            let until = timeout.map(|timeout| kernel.timers.now() + timeout);
            Ok::<_, i32>((file, until, can_wait, written))
        })?;
        match written {
            Ok(more) => {
                taken += more;
                if !can_wait || taken >= bytes.len() {
                    return Ok(taken);
                }
            }
            Err(libc::EAGAIN) if can_wait => {
                if !wait_for(file, until) {
                    return if taken > 0 {
                        Ok(taken)
                    } else {
                        Err(libc::EAGAIN)
                    };
                }
            }
            Err(error) => return if taken > 0 { Ok(taken) } else { Err(error) },
        }
    }
}
